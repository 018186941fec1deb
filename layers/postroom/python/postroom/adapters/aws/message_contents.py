"""What was put in place of messages, in the transit table: one row a flow that somebody put something into.

The row stands under a key of its own, so that a flow counts as clear while Gets still need it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws import rows, transit_rows
from postroom.adapters.aws.tables import record
from postroom.adapters.aws.transactions import NOT_THERE, Transaction, store_errors
from postroom.errors import ConflictError
from postroom.model.limits import RETENTION_AFTER_FINAL_DAYS
from postroom.ports.message_contents import FlowContents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.contracts.orders import DeliveryOrder
    from postroom.model.facts import Fact

STALE = "contents"
"""Label of the condition that somebody else's change refuses."""


@dataclass(frozen=True, slots=True)
class DynamoMessageContents:
    """Implements ``MessageContents``. ``now`` gives milliseconds since the epoch."""

    client: DynamoDBClient
    transit_table: str
    ledger_table: str
    now: Callable[[], int]

    def of(self, trace: str) -> FlowContents:
        place = rows.key(transit_rows.contents_key(trace), "contents")
        with store_errors("read what was put into a flow"):
            answer = self.client.get_item(TableName=self.transit_table, Key=place, ConsistentRead=True)
        return transit_rows.contents_from_row(answer["Item"]) if "Item" in answer else FlowContents(trace)

    def replace(self, contents: FlowContents, facts: Sequence[Fact] = (), orders: Sequence[DeliveryOrder] = ()) -> bool:
        write = Transaction(self.client)
        write_contents(write, self.transit_table, contents, self.now())
        record(write, self.ledger_table, facts)
        for order in orders:
            write.put("order", self.transit_table, transit_rows.order_row(order, self.now()), condition=NOT_THERE)
        refused = write.commit()
        if refused - {STALE}:
            return False
        if refused:
            raise ConflictError("somebody else changed what was put into this flow")
        return True


def write_contents(write: Transaction, transit_table: str, contents: FlowContents, now: int) -> None:
    """Add changed contents to a transaction; refused as ``STALE`` where somebody else changed them meanwhile."""
    row = transit_rows.contents_row(contents, now // 1000 + RETENTION_AFTER_FINAL_DAYS * 86_400)
    if contents.version == 0:
        write.put(STALE, transit_table, row, condition=NOT_THERE)
        return
    write.put(
        STALE,
        transit_table,
        row,
        condition="#version = :version",
        ExpressionAttributeNames={"#version": "version"},
        ExpressionAttributeValues={":version": rows.number(contents.version)},
    )
