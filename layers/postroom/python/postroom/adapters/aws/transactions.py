"""A DynamoDB transaction with named conditions, and botocore's errors as errors of ours."""

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
HELD: Final = "TransactionConflictException"
CANCELLED: Final = "TransactionCanceledException"
"""Errors are recognized by code: threads that first use ``client.exceptions`` together may get different classes."""

IN_PROGRESS: Final = "TransactionInProgressException"
"""An earlier attempt with the same token is still running."""

MAX_WRITES: Final = 100
"""Most writes of one transaction. Source: DynamoDB's API reference, TransactWriteItems."""

BUSY: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Cancellation reasons after which the same transaction may succeed. Source: DynamoDB, TransactWriteItems."""

FIRST_PAUSE_SECONDS: Final = 0.01
"""Pause before the second attempt of a busy transaction; each further pause is twice as long. Ours."""


@dataclass(slots=True)
class Transaction:
    """Writes that are all made, or none. Labels name the conditions that may fail."""

    client: DynamoDBClient
    _labels: list[str] = field(default_factory=list)
    _writes: list[dict[str, Any]] = field(default_factory=list)

    def put(self, label: str, table: str, row: Row, *, condition: str | None = None, **more: Any) -> Transaction:
        """Add a put. ``label`` names a failed condition; ``more`` holds expression names and values."""
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
        """Return the number of writes; at most ``MAX_WRITES`` can be committed."""
        return len(self._writes)

    def _add(self, label: str, kind: str, arguments: dict[str, Any], condition: str | None) -> Transaction:
        if condition is not None:
            arguments["ConditionExpression"] = condition
        self._labels.append(label)
        self._writes.append({kind: arguments})
        return self

    def commit(self) -> frozenset[str]:
        """Write everything; if conditions fail, write nothing and return their labels. Without writes nothing is done.

        Raises:
            ConflictError: another transaction held one of the rows.
            StoreUnavailableError: DynamoDB did not answer, or throttles.
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

    def put_alone(self) -> frozenset[str]:
        """Make the only write, a put, without a transaction, which costs half; return what ``commit`` returns.

        Unlike a transaction, a put that botocore repeats after a lost answer finds its own row: a refusal may mean that
        this caller was first. It is for callers that then do the same in both cases.

        Raises:
            ConflictError: a transaction held the row.
            StoreUnavailableError: DynamoDB did not answer, or throttles.
        """
        ((label, write),) = zip(self._labels, self._writes, strict=True)
        with lone_write("write a row"):
            try:
                self.client.put_item(**write["Put"])
            except ClientError as error:
                if code_of(error) != REFUSED:
                    raise
                return frozenset({label})
        return frozenset()

    def commit_with_retries(self, attempts: int, pause: Callable[[float], None]) -> frozenset[str]:
        """Commit; if rows are held or throttled, try again after growing pauses with jitter.

        Args:
            attempts: largest number of attempts.
            pause: waits for a number of seconds.

        Raises:
            ConflictError: the rows were held or throttled at every attempt.
            StoreUnavailableError: DynamoDB did not answer.
        """
        for attempt in range(attempts):
            refused, error = self._attempt()
            if error is None:
                return refused
            if not BUSY.intersection(reasons_of(error)) and code_of(error) != IN_PROGRESS:
                raise StoreUnavailableError(f"the transaction could not be written: {code_of(error)}") from error
            pause(FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
        raise ConflictError("other callers keep changing the same rows")

    def _attempt(self) -> tuple[frozenset[str], BotoCoreError | ClientError | None]:
        """Write once; return the labels of the conditions that failed, or the error if none did."""
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
    """Return the reason of each write of a cancelled transaction, in order; the text ``None`` if it has none.

    Any other error has no reasons.
    """
    if not isinstance(error, ClientError):  # another error's ``response`` is not an answer of DynamoDB
        return []
    return [str(reason.get("Code")) for reason in error.response.get("CancellationReasons", [])]


def code_of(error: BaseException) -> str:
    """Return the code of an AWS error, or the class of another exception; never the text, which may quote values."""
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


@contextmanager
def lone_write(what: str) -> Iterator[None]:
    """Turn botocore's errors of a write outside a transaction into ours. ``what`` completes "could not …".

    Raises:
        ConflictError: a transaction held the row.
        StoreUnavailableError: any other error.
    """
    with store_errors(what):
        try:
            yield
        except ClientError as error:
            if code_of(error) == HELD:
                raise ConflictError("a transaction held the row") from error
            raise


def written(write: Callable[[], object], what: str) -> bool:
    """Make a conditional write; return ``False`` if its condition fails. ``what`` completes "could not …".

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
