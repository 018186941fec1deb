"""Counts of failed and unanswered attempts per SQS message, in TransitTable (docs/decisions/0020).

An attempt failed if the station reported it; it is unanswered if the worker ended before. SQS counts both as receives.
An attempt that lost a race for a row is neither: it has a count of its own, for which no message is given up. A message
has a row only after its second receive, its first failure or its first lost race. A successful attempt deletes the row;
the row of a message that was given up expires.
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
"""Prefix of the partition keys, before SQS's message id."""

KEPT_MS: Final = 15 * DAY_MS
"""Life of a row after its last attempt, in milliseconds: longer than the longest retention of a queue, 14 days."""


class Attempts(NamedTuple):
    """Attempts of one SQS message: reported as failed, without an answer, and given up because others were faster."""

    failed: int = 0
    unanswered: int = 0
    conflicts: int = 0


@dataclass(frozen=True, slots=True)
class AttemptCounts:
    """Counts by SQS's message id. ``now`` returns milliseconds since the epoch.

    Every method raises StoreUnavailableError if the table did not answer: the counts are unknown, and an
    attempt may not be counted.
    """

    client: DynamoDBClient
    table: str
    now: Callable[[], int]

    def of(self, message_id: str) -> Attempts:
        """Return the counts so far."""
        with store_errors("read the attempts"):
            answer = self.client.get_item(TableName=self.table, Key=_key(message_id), ConsistentRead=True)
        return _attempts(answer.get("Item", {}))

    def begin(self, message_id: str) -> None:
        """Count an attempt as unanswered; called before the attempt."""
        self._add(message_id, unanswered=1)

    def failed(self, message_id: str, *, begun: bool) -> Attempts:
        """Count a reported failure and return both counts.

        Args:
            begun: whether ``begin`` counted this attempt; then it no longer counts as unanswered.
        """
        return self._add(message_id, failed=1, unanswered=-1 if begun else 0)

    def conflict(self, message_id: str, *, begun: bool) -> None:
        """Count a lost race. ``begun`` as for ``failed``."""
        self._add(message_id, conflicts=1, unanswered=-1 if begun else 0)

    def over(self, message_id: str) -> None:
        """Delete the counts of a message that is done."""
        with store_errors("forget the attempts"):
            self.client.delete_item(TableName=self.table, Key=_key(message_id))

    def _add(self, message_id: str, *, failed: int = 0, unanswered: int = 0, conflicts: int = 0) -> Attempts:
        with store_errors("count an attempt"):
            answer = self.client.update_item(
                TableName=self.table,
                Key=_key(message_id),
                UpdateExpression=(
                    "ADD #failed :failed, #unanswered :unanswered, #conflicts :conflicts SET #expires = :expires"
                ),
                ExpressionAttributeNames={f"#{name}": name for name in (*Attempts._fields, "expires")},
                ExpressionAttributeValues={
                    ":failed": rows.number(failed),
                    ":unanswered": rows.number(unanswered),
                    ":conflicts": rows.number(conflicts),
                    ":expires": rows.number((self.now() + KEPT_MS) // 1000),
                },
                ReturnValues="ALL_NEW",
            )
        return _attempts(answer["Attributes"])


def _key(message_id: str) -> Any:
    return rows.key(PREFIX + message_id, "attempts")


def _attempts(row: Any) -> Attempts:
    return Attempts(*(int(row.get(name, {"N": "0"})["N"]) for name in Attempts._fields))
