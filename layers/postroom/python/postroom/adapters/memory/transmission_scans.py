"""Reads of all orders to transmit, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.journal_orders import JournalOrder
from postroom.contracts.outbound_orders import TransmitOrder
from postroom.ports.transmission_scans import OpenTransmission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.adapters.memory.tables import MemoryTables


@dataclass(frozen=True, slots=True)
class MemoryTransmissionScans:
    """Implements ``TransmissionScans``."""

    tables: MemoryTables

    def every(self, organization_id: str = "") -> Iterator[OpenTransmission]:
        with self.tables.lock:
            rows = [self.tables.transit[place] for place in sorted(self.tables.transit)]
            found = [
                OpenTransmission(row.entry, row.attempts, row.since_ms)
                for row in rows
                if row.parked is None and isinstance(row.entry, TransmitOrder | JournalOrder)
            ]
        yield from (each for each in found if organization_id in ("", each.order.organization_id))

    def of_flow(self, trace: str) -> Iterator[OpenTransmission]:
        yield from (each for each in self.every() if each.order.trace == trace)

    def make_due(self, found: OpenTransmission, now_ms: int) -> bool:
        with self.tables.lock:
            row = self.tables.transit.get((found.order.trace, found.order.key))
            if row is None or row.parked is not None or not row.attempts or row.attempts != found.attempts:
                return False
            if row.since_ms == found.due_ms:
                row.since_ms, row.sweeps = now_ms, 0
            return row.since_ms == now_ms
