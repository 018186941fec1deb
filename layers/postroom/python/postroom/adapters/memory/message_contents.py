"""What was put in place of messages, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.ports.message_contents import FlowContents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.adapters.memory.tables import MemoryTables
    from postroom.contracts.orders import DeliveryOrder
    from postroom.model.facts import Fact


@dataclass(frozen=True, slots=True)
class MemoryMessageContents:
    """Implements ``MessageContents``. ``now`` gives milliseconds since the epoch."""

    tables: MemoryTables
    now: Callable[[], int]

    def of(self, trace: str) -> FlowContents:
        with self.tables.lock:
            return self.tables.contents.get(trace, FlowContents(trace))

    def replace(self, contents: FlowContents, facts: Sequence[Fact] = (), orders: Sequence[DeliveryOrder] = ()) -> bool:
        with self.tables.lock:
            if not self.tables.are_new(facts, orders):
                return False
            self.tables.replace_contents(contents)
            self.tables.write(facts, orders, now=self.now())
            return True
