"""One DynamoDB transaction, its conditions named, and every other error as one of ours."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.errors import ConflictError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.adapters.aws.rows import Row

NOT_THERE: Final = "attribute_not_exists(pk)"
THERE: Final = "attribute_exists(pk)"

REFUSED: Final = "ConditionalCheckFailedException"
CANCELLED: Final = "TransactionCanceledException"
"""Known by code: ``client.exceptions`` is made at first use, and threads that meet there hold two of each class."""

IN_PROGRESS: Final = "TransactionInProgressException"
"""Another attempt with the same token is still running."""

MAX_WRITES: Final = 100
"""Most writes of one transaction. Source: DynamoDB's API reference, TransactWriteItems."""

BUSY: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Cancellation reasons after which the same transaction may succeed. Source: DynamoDB, TransactWriteItems."""

FIRST_PAUSE_SECONDS: Final = 0.01
"""Seconds before a busy transaction is tried again; doubled for each further attempt, with jitter. Ours."""


@dataclass(slots=True)
class Transaction:
    """Writes that happen together or not at all. Labels name the conditions that may refuse them."""

    client: DynamoDBClient
    _labels: list[str] = field(default_factory=list)
    _writes: list[dict[str, Any]] = field(default_factory=list)

    def put(self, label: str, table: str, row: Row, *, condition: str | None = None, **more: Any) -> Transaction:
        """Add a put; refused as ``label`` where the condition does not hold; ``more`` holds names and values."""
        return self._add(label, "Put", {"TableName": table, "Item": dict(row), **more}, condition)

    def delete(self, label: str, table: str, key: Row, *, condition: str | None = None, **more: Any) -> Transaction:
        """Add a delete; ``more`` holds expression names and values."""
        return self._add(label, "Delete", {"TableName": table, "Key": dict(key), **more}, condition)

    def update(self, label: str, table: str, key: Row, expression: str, *, condition: str, **more: Any) -> Transaction:
        """Add an update; ``more`` holds expression names and values."""
        arguments = {"TableName": table, "Key": dict(key), "UpdateExpression": expression, **more}
        return self._add(label, "Update", arguments, condition)

    def check(self, label: str, table: str, key: Row, *, condition: str, **more: Any) -> Transaction:
        """Add a condition on a row that is not written; ``more`` holds expression names and values."""
        return self._add(label, "ConditionCheck", {"TableName": table, "Key": dict(key), **more}, condition)

    def __len__(self) -> int:
        """Return how many writes it has: at most ``MAX_WRITES`` can be committed."""
        return len(self._writes)

    def _add(self, label: str, kind: str, arguments: dict[str, Any], condition: str | None) -> Transaction:
        if condition is not None:
            arguments["ConditionExpression"] = condition
        self._labels.append(label)
        self._writes.append({kind: arguments})
        return self

    def commit(self) -> frozenset[str]:
        """Write everything, or nothing and return the labels of what refused it. Nothing to write is not an error.

        Raises:
            ConflictError: another transaction held one of the rows.
            StoreUnavailableError: DynamoDB did not answer, or throttled.
        """
        refused, error = self._attempt()
        if error is None:
            return refused
        reasons = reasons_of(error)
        if "TransactionConflict" in reasons:
            raise ConflictError("another transaction held the row") from error
        if code_of(error) == CANCELLED:
            codes = ", ".join(sorted({*reasons} - {"None"}))
            raise StoreUnavailableError(f"the transaction was cancelled: {codes}") from error
        raise StoreUnavailableError(f"the transaction could not be written: {code_of(error)}") from error

    def commit_with_retries(self, attempts: int, pause: Callable[[float], None]) -> frozenset[str]:
        """Commit as above; where rows are held or throttled, try again after pauses that grow, with jitter.

        Args:
            attempts: how often at most.
            pause: waits so many seconds.

        Raises:
            ConflictError: the rows were held or throttled every time.
            StoreUnavailableError: DynamoDB did not answer.
        """
        for attempt in range(attempts):
            refused, error = self._attempt()
            if error is None:
                return refused
            if not BUSY.intersection(reasons_of(error)) and code_of(error) != IN_PROGRESS:
                raise StoreUnavailableError(f"the transaction could not be written: {code_of(error)}") from error
            pause(FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
        raise ConflictError("others keep changing the same rows")

    def _attempt(self) -> tuple[frozenset[str], BotoCoreError | ClientError | None]:
        """Write once; return the labels whose conditions failed, or the error where there are none."""
        if not self._writes:
            return frozenset(), None
        try:
            self.client.transact_write_items(TransactItems=self._writes)  # type: ignore[arg-type]
        except (BotoCoreError, ClientError) as error:
            reasons = reasons_of(error) if code_of(error) == CANCELLED else []
            refused = {
                label for label, code in zip(self._labels, reasons, strict=False) if code == "ConditionalCheckFailed"
            }
            return frozenset(refused), None if refused else error
        return frozenset(), None


def reasons_of(error: BotoCoreError | ClientError) -> list[str]:
    """Return the codes of a cancelled transaction, one per write, in their order; ``None`` as text where it could be.

    Of any other error there are none.
    """
    if not isinstance(error, ClientError):  # its ``response``, where it has one, is no answer of DynamoDB
        return []
    return [str(reason.get("Code")) for reason in error.response.get("CancellationReasons", [])]


def code_of(error: BaseException) -> str:
    """Return an AWS error's code, or the exception's class: never its message, which may quote values."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Turn botocore's errors into StoreUnavailableError. ``what`` completes "could not …"."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise StoreUnavailableError(f"could not {what}: {code_of(error)}") from error


def written(write: Callable[[], object], what: str) -> bool:
    """Make one conditional write; ``False``: its condition does not hold. ``what`` completes "could not …".

    Raises:
        StoreUnavailableError: the table did not answer.
    """
    with store_errors(what):
        try:
            write()
        except ClientError as error:
            if code_of(error) == REFUSED:
                return False
            raise
    return True
