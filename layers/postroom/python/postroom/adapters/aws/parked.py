"""Parked things in DynamoDB. Each change and its facts are one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws import transit_rows
from postroom.adapters.aws.rows import number
from postroom.adapters.aws.tables import get, scan
from postroom.adapters.aws.transactions import NOT_THERE, Transaction
from postroom.adapters.aws.transit import FlowWrites, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.model.facts import Fact
    from postroom.ports.parked import Parked

ROW: Final = "row"
"""Label of the parked thing's own row."""

_IS_PARKED: Final = "#state = :parked"
_PARKED: Final[Mapping[str, Any]] = {
    "ExpressionAttributeNames": {"#state": "state"},
    "ExpressionAttributeValues": {":parked": {"S": transit_rows.PARKED}},
}


@dataclass(frozen=True, slots=True)
class DynamoParkedThings:
    """Implements ``ParkedThings``. ``now`` returns milliseconds since the epoch."""

    client: DynamoDBClient
    transit_table: str
    ledger_table: str
    now: Callable[[], int]

    def park(self, parked: Parked, fact: Fact) -> bool:
        writes = self._writes([fact])
        attributes = transit_rows.parked_attributes(parked)
        if parked.in_transit:
            writes.write.update(
                ROW,
                self.transit_table,
                place(parked),
                "SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
                condition="#state = :open",
                ExpressionAttributeNames={f"#{name}": name for name in attributes},
                ExpressionAttributeValues={
                    **{f":{name}": value for name, value in attributes.items()},
                    ":open": {"S": transit_rows.OPEN},
                },
            )
        else:
            row = {**place(parked), **attributes, "body": {"S": parked.body}}
            writes.write.put(ROW, self.transit_table, row, condition=f"{NOT_THERE} OR attribute_exists(released)")
        return not writes.write.commit()

    def get(self, parked_id: str) -> Parked | None:
        trace, _, key = parked_id.partition("/")
        row = get(self.client, self.transit_table, trace, key) if key else None
        return None if row is None or row["state"]["S"] != transit_rows.PARKED else transit_rows.parked_from_row(row)

    def list(self) -> Iterator[Parked]:
        for row in scan(self.client, self.transit_table, _IS_PARKED, **_PARKED):
            yield transit_rows.parked_from_row(row)

    def release(self, parked: Parked) -> bool:
        write = Transaction(self.client).update(
            ROW,
            self.transit_table,
            place(parked),
            "SET released = :yes",
            condition=_IS_PARKED,
            ExpressionAttributeNames=_PARKED["ExpressionAttributeNames"],
            ExpressionAttributeValues={**_PARKED["ExpressionAttributeValues"], ":yes": {"BOOL": True}},
        )
        return not write.commit()

    def redrive(self, parked: Parked, fact: Fact) -> bool:
        writes = self._writes([fact])
        if parked.in_transit:
            gone = ("cause", "station", "parkings", "org")
            writes.write.update(
                ROW,
                self.transit_table,
                place(parked),
                "SET #state = :open, #since = :now, #sweeps = :none REMOVE " + ", ".join(f"#{name}" for name in gone),
                condition=_IS_PARKED,
                ExpressionAttributeNames={f"#{name}": name for name in ("state", "since", "sweeps", *gone)},
                ExpressionAttributeValues={
                    **_PARKED["ExpressionAttributeValues"],
                    ":open": {"S": transit_rows.OPEN},
                    ":now": number(self.now()),
                    ":none": number(0),
                },
            )
        else:
            writes.write.delete(ROW, self.transit_table, place(parked), condition="attribute_exists(released)")
        return not writes.write.commit()

    def discard(self, parked: Parked, facts: Sequence[Fact]) -> bool:
        writes = self._writes(facts)
        writes.write.delete(ROW, self.transit_table, place(parked), condition=_IS_PARKED, **_PARKED)
        return not writes.write.commit()

    def _writes(self, facts: Sequence[Fact]) -> FlowWrites:
        writes = FlowWrites(Transaction(self.client), self.transit_table, self.ledger_table, self.now())
        writes.facts(facts)
        return writes
