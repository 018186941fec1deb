"""The place of the sweeps as a row of TransitTable: pk `sweep`, sk `round`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws import rows
from postroom.adapters.aws.tables import get
from postroom.adapters.aws.transactions import store_errors
from postroom.model.sweep_round import Round

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PLACE: Final = ("sweep", "round")


@dataclass(frozen=True, slots=True)
class DynamoSweepRounds:
    """Implements ``SweepRounds``."""

    client: DynamoDBClient
    table: str

    def read(self) -> Round | None:
        row = get(self.client, self.table, *PLACE)
        if row is None:
            return None
        row = rows.readable(row)
        names = (field.name for field in fields(Round) if field.name != "after")
        return Round(after=row["after"]["S"], **{name: int(row[name]["N"]) for name in names})

    def write(self, place: Round) -> None:
        numbers = {name: rows.number(value) for name, value in asdict(place).items() if name != "after"}
        with store_errors("keep the place of the sweeps"):
            self.client.put_item(
                TableName=self.table, Item={**rows.key(*PLACE), "after": {"S": place.after}, **numbers}
            )
