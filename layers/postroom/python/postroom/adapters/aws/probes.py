"""Turns to call a function that is held back: leases in TransitTable, only for such functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws import rows
from postroom.adapters.aws.leases import Lease

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoProbes:
    """Implements ``Probes``. ``now`` returns milliseconds since the epoch."""

    client: DynamoDBClient
    transit_table: str
    now: Callable[[], int]

    def take(self, group: str, turn: str, duration_s: int) -> bool:
        return self._lease(group).take(turn, self.now() // 1000, duration_s)

    def give_back(self, group: str, turn: str) -> None:
        self._lease(group).give_back(turn)

    def _lease(self, group: str) -> Lease:
        return Lease(self.client, self.transit_table, rows.key(f"probe:{group}", "probe"))
