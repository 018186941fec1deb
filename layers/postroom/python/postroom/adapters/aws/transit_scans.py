"""Reads of the whole transit table in DynamoDB."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws import transit_rows
from postroom.adapters.aws.rows import number
from postroom.adapters.aws.tables import query, scan
from postroom.adapters.aws.transactions import Transaction
from postroom.adapters.aws.transit import place
from postroom.errors import UnreadableFactError
from postroom.ports.transit_scans import OpenEntry, OpenOrParked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.adapters.aws.rows import Row

NO_SUCH_ROW: Final = (AttributeError, KeyError, TypeError, ValueError)
"""Errors from reading a row that is neither order nor expansion."""


@dataclass(frozen=True, slots=True)
class DynamoTransitScans:
    """Implements ``TransitScans``."""

    client: DynamoDBClient
    transit_table: str

    def open_before(self, before_ms: int) -> Iterator[OpenEntry]:
        found = scan(
            self.client,
            self.transit_table,
            "#state = :open AND #since < :before",
            ExpressionAttributeNames={"#state": "state", "#since": "since"},
            ExpressionAttributeValues={":open": {"S": transit_rows.OPEN}, ":before": number(before_ms)},
        )
        unreadable = 0
        for row in found:
            try:
                entry = OpenEntry(transit_rows.entry_from_row(row), int(row["since"]["N"]), int(row["sweeps"]["N"]))
            except NO_SUCH_ROW:
                unreadable += 1
                continue
            yield entry
        _raise_for(unreadable)

    def of_organization(self, organization_id: str) -> Iterator[OpenOrParked]:
        member = {"S": f'"organization_id":{json.dumps(organization_id)}'}
        found = scan(
            self.client,
            self.transit_table,
            "contains(body, :member)",
            ExpressionAttributeValues={":member": member},
        )
        unreadable = 0
        for row in found:
            try:
                organization, read = _open_or_parked(row)
            except NO_SUCH_ROW:
                unreadable += 1
                continue
            if organization == organization_id:
                yield read
        _raise_for(unreadable)

    def has_rows(self, trace: str) -> bool:
        return next(query(self.client, self.transit_table, trace, ""), None) is not None

    def sent_again(self, found: OpenEntry, now_ms: int) -> None:
        write = Transaction(self.client).update(
            "row",
            self.transit_table,
            place(found.entry),
            "SET #since = :now, #sweeps = :sweeps",
            condition="#state = :open AND #since = :since",
            ExpressionAttributeNames={"#state": "state", "#since": "since", "#sweeps": "sweeps"},
            ExpressionAttributeValues={
                ":open": {"S": transit_rows.OPEN},
                ":now": number(now_ms),
                ":since": number(found.since_ms),
                ":sweeps": number(found.sweeps + 1),
            },
        )
        write.commit()  # if the condition fails, the entry has ended, or was parked or sent again meanwhile


def _open_or_parked(row: Row) -> tuple[str, OpenOrParked]:
    """Read an open or parked row; return it with its organization's id."""
    parked = transit_rows.parked_from_row(row) if row["state"]["S"] == transit_rows.PARKED else None
    entry = transit_rows.entry_from_row(row) if parked is None or parked.in_transit else None
    read = OpenOrParked(entry, parked, int(row["since"]["N"]), int(row["sweeps"]["N"]))
    return (parked or entry).organization_id, read  # type: ignore[union-attr]  # one of them is not None


def _raise_for(unreadable: int) -> None:
    if unreadable:
        raise UnreadableFactError(f"{unreadable} rows in transit are no orders, or only a newer version reads them")
