"""Attempts of orders to transmit, in their rows of TransitTable: ``attempts``, and ``run`` of the newest one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError

from postroom.adapters.aws import ledger_rows, transit_rows
from postroom.adapters.aws.rows import number
from postroom.adapters.aws.transactions import NOT_THERE, REFUSED, Transaction, code_of, lone_write
from postroom.adapters.aws.transit import FACT, place
from postroom.ports.open_transmissions import Attempt, NotDue

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.adapters.aws.rows import Row
    from postroom.contracts.stored import Order
    from postroom.model.facts import Fact

_CLAIM: Final = "SET #attempts = if_not_exists(#attempts, :none) + :one, #since = :again, #sweeps = :none, #run = :run"
_IS_DUE: Final = "#state = :open AND (attribute_not_exists(#attempts) OR #since <= :now)"
_NAMES: Final = {
    "#state": "state",
    "#attempts": "attempts",
    "#since": "since",
    "#sweeps": "sweeps",
    "#run": "run",
}


@dataclass(frozen=True, slots=True)
class DynamoOpenTransmissions:
    """Implements ``OpenTransmissions``. ``now`` returns milliseconds since the epoch."""

    client: DynamoDBClient
    transit_table: str
    ledger_table: str
    now: Callable[[], int]

    def begin(self, order: Order, *, run: str, again_after_ms: int) -> Attempt | NotDue | None:
        """One conditional update. If it is refused, the row comes with the refusal, without a read.

        An update that botocore repeats after a lost answer finds its own run there.
        """
        now = self.now()
        values = {
            ":open": {"S": transit_rows.OPEN},
            ":now": number(now),
            ":again": number(now + again_after_ms),
            ":none": number(0),
            ":one": number(1),
            ":run": {"S": run},
        }
        found = self._claim(order, values)
        if not found or found.get("state", {"S": transit_rows.OPEN}) != {"S": transit_rows.OPEN}:
            return None
        if found.get("run") == {"S": run}:
            return Attempt(int(found["attempts"]["N"]))
        return NotDue(int(found["since"]["N"]))

    def _claim(self, order: Order, values: dict[str, Any]) -> Row:
        """Return the attributes that the claim has set; if it is refused, the row; empty if there is none."""
        with lone_write("claim an attempt to transmit"):
            try:
                answer = self.client.update_item(
                    TableName=self.transit_table,
                    Key=place(order),
                    UpdateExpression=_CLAIM,
                    ConditionExpression=_IS_DUE,
                    ExpressionAttributeNames=_NAMES,
                    ExpressionAttributeValues=values,
                    ReturnValues="UPDATED_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if code_of(error) != REFUSED:
                    raise
                return cast("Row", error.response.get("Item", {}))
        return answer["Attributes"]

    def end(self, order: Order, fact: Fact) -> None:
        Transaction(self.client).put(
            FACT, self.ledger_table, ledger_rows.fact_row(fact), condition=NOT_THERE
        ).put_alone()  # if it exists, an earlier run has recorded it
        with lone_write("remove an order"):
            self.client.delete_item(TableName=self.transit_table, Key=place(order))
