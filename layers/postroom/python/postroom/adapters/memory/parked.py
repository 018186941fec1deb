"""Parked things in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.memory.tables import MemoryTables, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postroom.model.facts import Fact
    from postroom.ports.parked import Parked


@dataclass(frozen=True, slots=True)
class MemoryParkedThings:
    """Implements ``ParkedThings``. ``now`` returns milliseconds since the epoch."""

    tables: MemoryTables
    now: Callable[[], int]

    def park(self, parked: Parked, fact: Fact) -> bool:
        place = (parked.trace, parked.key)
        with self.tables.lock:
            row = self.tables.transit.get(place)
            allowed = row is not None and row.parked is None if parked.in_transit else row is None or row.released
            if not allowed or not self.tables.are_new([fact]):
                return False
            before = row or Row(parked.since_ms)
            self.tables.transit[place] = Row(
                parked.since_ms, before.entry, parked, failed=before.failed, attempts=before.attempts
            )
            self.tables.write([fact])
            return True

    def get(self, parked_id: str) -> Parked | None:
        trace, _, key = parked_id.partition("/")
        with self.tables.lock:
            row = self.tables.transit.get((trace, key))
        return row.parked if row else None

    def list(self) -> Iterator[Parked]:
        with self.tables.lock:
            rows = [*self.tables.transit.values()]
        yield from (row.parked for row in rows if row.parked is not None)

    def release(self, parked: Parked) -> bool:
        with self.tables.lock:
            row = self.tables.transit.get((parked.trace, parked.key))
            if row is None or row.parked is None:
                return False
            row.released = True
            return True

    def redrive(self, parked: Parked, fact: Fact) -> bool:
        place = (parked.trace, parked.key)
        with self.tables.lock:
            row = self.tables.transit.get(place)
            if row is None or row.parked is None or not self.tables.are_new([fact]):
                return False
            if parked.in_transit:
                self.tables.transit[place] = Row(self.now(), row.entry, failed=row.failed, attempts=row.attempts)
            elif row.released:
                del self.tables.transit[place]
            else:
                return False
            self.tables.write([fact])
            return True

    def discard(self, parked: Parked, facts: Sequence[Fact]) -> bool:
        with self.tables.lock:
            if self.get(parked.id) is None or not self.tables.are_new(facts):
                return False
            del self.tables.transit[parked.trace, parked.key]
            self.tables.write(facts)
            return True
