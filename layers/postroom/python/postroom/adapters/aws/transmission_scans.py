"""Reads of all orders to transmit in DynamoDB."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from postroom.adapters.aws import transit_rows
from postroom.adapters.aws.rows import number
from postroom.adapters.aws.tables import query, scan
from postroom.adapters.aws.transactions import REFUSED, code_of, lone_write
from postroom.adapters.aws.transit import place
from postroom.adapters.aws.transit_scans import NO_SUCH_ROW
from postroom.contracts.journal_orders import JournalOrder
from postroom.contracts.outbound_orders import TransmitOrder
from postroom.errors import UnreadableFactError
from postroom.ports.transmission_scans import OpenTransmission

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.adapters.aws.rows import Row

PREFIXES: Final = ("transmit:", "journal")
"""Prefixes of the keys of orders that the station transmit carries out; no other row's key begins so."""

_IS_ONE: Final = "#state = :open AND (begins_with(sk, :mail) OR begins_with(sk, :journal))"
_AS_READ: Final = "#state = :open AND #attempts = :attempts AND #since = :since"


@dataclass(frozen=True, slots=True)
class DynamoTransmissionScans:
    """Implements ``TransmissionScans``."""

    client: DynamoDBClient
    transit_table: str

    def every(self, organization_id: str = "") -> Iterator[OpenTransmission]:
        values = {":open": {"S": transit_rows.OPEN}, **dict(zip((":mail", ":journal"), _texts(PREFIXES), strict=True))}
        condition = _IS_ONE
        if organization_id:
            condition += " AND contains(body, :member)"
            values[":member"] = {"S": f'"organization_id":{json.dumps(organization_id)}'}
        found = scan(
            self.client,
            self.transit_table,
            condition,
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues=values,
        )
        for each in _read(found):
            if organization_id in ("", each.order.organization_id):
                yield each

    def of_flow(self, trace: str) -> Iterator[OpenTransmission]:
        rows = query(self.client, self.transit_table, trace, "")
        is_open = {"S": transit_rows.OPEN}
        yield from _read(row for row in rows if row["sk"]["S"].startswith(PREFIXES) and row.get("state") == is_open)

    def make_due(self, found: OpenTransmission, now_ms: int) -> bool:
        """One conditional update. One that botocore repeats after a lost answer finds its own time in the row."""
        values = {
            ":open": {"S": transit_rows.OPEN},
            ":attempts": number(found.attempts),
            ":since": number(found.due_ms),
            ":now": number(now_ms),
            ":none": number(0),
        }
        with lone_write("have an order transmitted now"):
            try:
                self.client.update_item(
                    TableName=self.transit_table,
                    Key=place(found.order),
                    UpdateExpression="SET #since = :now, #sweeps = :none",
                    ConditionExpression=_AS_READ,
                    ExpressionAttributeNames={each: each[1:] for each in ("#state", "#attempts", "#since", "#sweeps")},
                    ExpressionAttributeValues=values,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if code_of(error) != REFUSED:
                    raise
                row: Any = error.response.get("Item", {})
                wanted = {"state": values[":open"], "attempts": values[":attempts"], "since": values[":now"]}
                return all(row.get(name) == value for name, value in wanted.items())
        return True


def _texts(texts: Iterable[str]) -> list[dict[str, str]]:
    return [{"S": text} for text in texts]


def _read(rows: Iterable[Row]) -> Iterator[OpenTransmission]:
    unreadable = 0
    for row in rows:
        try:
            entry = transit_rows.entry_from_row(row)
            attempts = int(row.get("attempts", {"N": "0"})["N"])
            due_ms = int(row["since"]["N"])
        except NO_SUCH_ROW:
            unreadable += 1
            continue
        if isinstance(entry, TransmitOrder | JournalOrder):
            yield OpenTransmission(entry, attempts, due_ms)
    if unreadable:
        raise UnreadableFactError(f"{unreadable} orders to transmit cannot be read, or only a newer version reads them")
