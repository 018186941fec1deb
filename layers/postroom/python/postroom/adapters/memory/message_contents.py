"""What was put in place of messages, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.ports.message_contents import FlowContents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.adapters.memory.books import Books
    from postroom.contracts.between_stations import DeliveryOrder
    from postroom.model.facts import Fact


@dataclass(frozen=True, slots=True)
class MemoryMessageContents:
    """``MessageContents``; see the port. ``now`` gives milliseconds since the epoch."""

    books: Books
    now: Callable[[], int]

    def of(self, trace: str) -> FlowContents:
        """See ``MessageContents.of``."""
        with self.books.lock:
            return self.books.contents.get(trace, FlowContents(trace))

    def replace(self, contents: FlowContents, facts: Sequence[Fact] = (), orders: Sequence[DeliveryOrder] = ()) -> bool:
        """See ``MessageContents.replace``."""
        with self.books.lock:
            if not self.books.are_new(facts, orders):
                return False
            self.books.replace_contents(contents)
            self.books.write(facts, orders, now=self.now())
            return True
