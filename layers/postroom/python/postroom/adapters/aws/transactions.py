"""One DynamoDB transaction, its conditions named, and every other error as one of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.errors import ConflictError, StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Row = Mapping[str, Any]
"""A row in DynamoDB's own typing: ``{"pk": {"S": …}, …}``."""

NOT_THERE: Final = "attribute_not_exists(pk)"
THERE: Final = "attribute_exists(pk)"

REFUSED: Final = "ConditionalCheckFailedException"
CANCELLED: Final = "TransactionCanceledException"
"""Known by code: ``client.exceptions`` is made at first use, and threads that meet there hold two of each class."""

IN_PROGRESS: Final = "TransactionInProgressException"
"""Another attempt with the same token is still running."""


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

    def _add(self, label: str, kind: str, arguments: dict[str, Any], condition: str | None) -> Transaction:
        if condition is not None:
            arguments["ConditionExpression"] = condition
        self._labels.append(label)
        self._writes.append({kind: arguments})
        return self

    def commit(self) -> frozenset[str]:
        """Write everything, or nothing and return the labels of what refused it.

        Raises:
            ConflictError: another transaction held one of the rows.
            StoreUnavailableError: DynamoDB did not answer, or throttled.
        """
        try:
            self.client.transact_write_items(TransactItems=self._writes)  # type: ignore[arg-type]
        except (BotoCoreError, ClientError) as error:
            if code_of(error) == CANCELLED:
                return self._refused(error)
            raise StoreUnavailableError(f"the transaction could not be written: {code_of(error)}") from error
        return frozenset()

    def _refused(self, error: BotoCoreError | ClientError) -> frozenset[str]:
        reasons = reasons_of(error)
        refused = {label for label, code in zip(self._labels, reasons, strict=True) if code == "ConditionalCheckFailed"}
        if refused:
            return frozenset(refused)
        if "TransactionConflict" in reasons:
            raise ConflictError("another transaction held the row") from error
        codes = ", ".join(sorted({*reasons} - {"None"}))
        raise StoreUnavailableError(f"the transaction was cancelled: {codes}") from error


def reasons_of(error: BotoCoreError | ClientError) -> list[str]:
    """Return the codes of a cancelled transaction, one a write, in their order; the text ``None`` where it could be."""
    return [str(reason.get("Code")) for reason in getattr(error, "response", {}).get("CancellationReasons", [])]


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
