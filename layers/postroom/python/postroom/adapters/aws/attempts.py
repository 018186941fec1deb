"""Attempts that SQS cannot tell apart, counted in TransitTable (docs/decisions/0020).

A station reports a failure, or its worker ends without an answer. A message has a row only once it was received again,
or has failed; the attempt that succeeds takes it out. That of a message that was given up expires.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from postroom.adapters.aws import rows
from postroom.adapters.aws.transactions import store_errors
from postroom.model.limits import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX: Final = "attempts:"
"""How the partition keys begin; SQS's message id follows."""

KEPT_MS: Final = 15 * DAY_MS
"""How long a row stays without a further attempt, in milliseconds: longer than any queue keeps a message (14 days)."""


class Attempts(NamedTuple):
    """Of one SQS message: how often its station reported a failure, and how often it was begun without an answer."""

    failed: int = 0
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class AttemptCounts:
    """Counts by SQS's message id. ``now`` gives milliseconds since the epoch.

    All methods raise StoreUnavailableError: nothing is known, or it may not be counted.
    """

    client: DynamoDBClient
    table: str
    now: Callable[[], int]

    def of(self, message_id: str) -> Attempts:
        """Return what is counted so far."""
        with store_errors("read the attempts"):
            answer = self.client.get_item(TableName=self.table, Key=_key(message_id), ConsistentRead=True)
        return _attempts(answer.get("Item", {}))

    def begin(self, message_id: str) -> None:
        """Count an attempt as unanswered before it is made."""
        self._add(message_id, unanswered=1)

    def failed(self, message_id: str, *, begun: bool) -> Attempts:
        """Count a reported failure; an attempt that was counted as begun is unanswered no more. Return both counts."""
        return self._add(message_id, failed=1, unanswered=-1 if begun else 0)

    def over(self, message_id: str) -> None:
        """Forget a message that is carried out."""
        with store_errors("forget the attempts"):
            self.client.delete_item(TableName=self.table, Key=_key(message_id))

    def _add(self, message_id: str, *, failed: int = 0, unanswered: int = 0) -> Attempts:
        with store_errors("count an attempt"):
            answer = self.client.update_item(
                TableName=self.table,
                Key=_key(message_id),
                UpdateExpression="ADD #failed :failed, #unanswered :unanswered SET #expires = :expires",
                ExpressionAttributeNames={"#failed": "failed", "#unanswered": "unanswered", "#expires": "expires"},
                ExpressionAttributeValues={
                    ":failed": rows.number(failed),
                    ":unanswered": rows.number(unanswered),
                    ":expires": rows.number((self.now() + KEPT_MS) // 1000),
                },
                ReturnValues="ALL_NEW",
            )
        return _attempts(answer["Attributes"])


def _key(message_id: str) -> Any:
    return rows.key(PREFIX + message_id, "attempts")


def _attempts(row: Any) -> Attempts:
    return Attempts(*(int(row.get(name, {"N": "0"})["N"]) for name in Attempts._fields))
