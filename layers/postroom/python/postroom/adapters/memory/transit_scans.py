"""Reads of all rows in transit, in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from postroom.ports.transit_scans import OpenEntry, OpenOrParked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.adapters.memory.tables import MemoryTables


@dataclass(frozen=True, slots=True)
class MemoryTransitScans:
    """Implements ``TransitScans``."""

    tables: MemoryTables

    def open_before(self, before_ms: int) -> Iterator[OpenEntry]:
        with self.tables.lock:
            rows = [
                replace(row) for row in self.tables.transit.values() if row.parked is None and row.since_ms < before_ms
            ]
        yield from (OpenEntry(row.entry, row.since_ms, row.sweeps) for row in rows if row.entry is not None)

    def of_organization(self, organization_id: str) -> Iterator[OpenOrParked]:
        with self.tables.lock:
            rows = [replace(row) for row in self.tables.transit.values()]
        for row in rows:
            its = row.parked or row.entry
            if its is not None and its.organization_id == organization_id:
                yield OpenOrParked(row.entry, row.parked, row.since_ms, row.sweeps)

    def has_rows(self, trace: str) -> bool:
        with self.tables.lock:
            return any(pk == trace for pk, _ in self.tables.transit)

    def sent_again(self, found: OpenEntry, now_ms: int) -> None:
        with self.tables.lock:
            row = self.tables.transit.get((found.entry.trace, found.entry.key))
            if row is not None and row.parked is None and row.since_ms == found.since_ms:
                row.since_ms, row.sweeps = now_ms, found.sweeps + 1
