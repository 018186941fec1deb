"""Attempts of orders to transmit, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.ports.open_transmissions import Attempt, NotDue

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.adapters.memory.tables import MemoryTables
    from postroom.contracts.stored import Order
    from postroom.model.facts import Fact


@dataclass(frozen=True, slots=True)
class MemoryOpenTransmissions:
    """Implements ``OpenTransmissions``. ``now`` returns milliseconds since the epoch."""

    tables: MemoryTables
    now: Callable[[], int]

    def begin(self, order: Order, *, run: str, again_after_ms: int) -> Attempt | NotDue | None:
        with self.tables.lock:
            row = self.tables.transit.get((order.trace, order.key))
            if row is None or row.parked is not None:
                return None
            if row.attempts and row.since_ms > self.now():
                return Attempt(row.attempts) if row.run == run else NotDue(row.since_ms)
            row.attempts, row.run = row.attempts + 1, run
            row.since_ms, row.sweeps = self.now() + again_after_ms, 0
            return Attempt(row.attempts)

    def end(self, order: Order, fact: Fact) -> None:
        with self.tables.lock:
            if self.tables.are_new([fact]):
                self.tables.write([fact])
            self.tables.transit.pop((order.trace, order.key), None)
