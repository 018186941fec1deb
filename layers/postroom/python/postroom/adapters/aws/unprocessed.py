"""Batch requests. Items that DynamoDB leaves unprocessed are requested again, after growing pauses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws.rows import key
from postroom.adapters.aws.transactions import FIRST_PAUSE_SECONDS, store_errors
from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.adapters.aws.rows import Row

MAX_ATTEMPTS: Final = 8
"""Most attempts of a batch, or of a transaction with conflicts, before the caller gets an error. Ours."""

MAX_KEYS: Final = 100
"""Most keys of one ``get_all``. Source: DynamoDB's API reference, BatchGetItem."""

MAX_DELETES: Final = 25
"""Most keys of one ``delete_all``, or rows of one ``put_all``. Source: DynamoDB's API reference, BatchWriteItem."""


def get_all(
    client: DynamoDBClient, wanted: Any, doing: str, pause: Callable[[float], None]
) -> Iterator[tuple[str, Any]]:
    """Yield each row that exists, with the name of its table, in no order.

    Args:
        wanted: BatchGetItem's RequestItems: at most ``MAX_KEYS`` keys.
        doing: what the caller does, for the text of the error.
        pause: waits for a number of seconds.

    Raises:
        StoreUnavailableError: rows are left after ``MAX_ATTEMPTS``, or a table did not answer.
    """
    for attempt in range(MAX_ATTEMPTS):
        with store_errors(doing):
            answer = client.batch_get_item(RequestItems=wanted)
        for table, rows in answer["Responses"].items():
            for row in rows:
                yield table, row
        wanted = answer.get("UnprocessedKeys")
        if not wanted:
            return
        pause(FIRST_PAUSE_SECONDS * 2**attempt)
    raise StoreUnavailableError(f"could not {doing}: a table is throttled")


def get_rows(
    client: DynamoDBClient, table: str, pk: str, sort_keys: Iterable[str], pause: Callable[[float], None]
) -> dict[str, Row]:
    """Return the rows of a partition that exist, by sort key, by strongly consistent reads.

    Args:
        sort_keys: any number, with or without duplicates.
        pause: as in ``get_all``.

    Raises:
        StoreUnavailableError: as in ``get_all``.
    """
    found: dict[str, Row] = {}
    keys = [key(pk, sk) for sk in dict.fromkeys(sort_keys)]
    for start in range(0, len(keys), MAX_KEYS):
        wanted = {table: {"Keys": keys[start : start + MAX_KEYS], "ConsistentRead": True}}
        found.update((row["sk"]["S"], row) for _, row in get_all(client, wanted, "read a table", pause))
    return found


def delete_all(
    client: DynamoDBClient, table: str, keys: Sequence[Any], doing: str, pause: Callable[[float], None]
) -> None:
    """Delete all of the rows. Without keys no request is made.

    Args:
        table: the table's name.
        keys: at most ``MAX_DELETES``, as DynamoDB has them.
        doing: as in ``get_all``.
        pause: as in ``get_all``.

    Raises:
        StoreUnavailableError: as in ``get_all``; some rows may be deleted.
    """
    _write_all(client, table, [{"DeleteRequest": {"Key": key}} for key in keys], doing, pause)


def put_all(
    client: DynamoDBClient, table: str, rows: Sequence[Row], doing: str, pause: Callable[[float], None]
) -> None:
    """Put all of the rows, whatever there is. Without rows no request is made.

    Args:
        table: the table's name.
        rows: at most ``MAX_DELETES``, each with another key.
        doing: as in ``get_all``.
        pause: as in ``get_all``.

    Raises:
        StoreUnavailableError: as in ``get_all``; some rows may be put.
    """
    _write_all(client, table, [{"PutRequest": {"Item": row}} for row in rows], doing, pause)


def _write_all(
    client: DynamoDBClient, table: str, writes: Sequence[Any], doing: str, pause: Callable[[float], None]
) -> None:
    if not writes:
        return
    requests: Any = {table: writes}
    for attempt in range(MAX_ATTEMPTS):
        with store_errors(doing):
            requests = client.batch_write_item(RequestItems=requests).get("UnprocessedItems")
        if not requests:
            return
        pause(FIRST_PAUSE_SECONDS * 2**attempt)
    raise StoreUnavailableError(f"could not {doing}: a table is throttled")
