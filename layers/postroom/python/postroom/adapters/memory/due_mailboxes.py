"""Notes of mailboxes that are kept for some time, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.due_mailboxes import DueMailbox


@dataclass(slots=True)
class MemoryDueMailboxes:
    """Implements ``DueMailboxes``."""

    notes: set[DueMailbox] = field(default_factory=set)
    read_ms: int | None = None

    def due(self, until_ms: int) -> Iterator[DueMailbox]:
        found = [each for each in self.notes if each.due_ms <= until_ms]
        yield from sorted(found, key=lambda each: (each.due_ms, each.organization_id, each.owner_id))

    def note(self, due: DueMailbox) -> None:
        self.notes.add(due)

    def forget(self, due: DueMailbox) -> None:
        self.notes.discard(due)

    def all_read_ms(self) -> int | None:
        return self.read_ms

    def all_read(self, at_ms: int) -> None:
        self.read_ms = at_ms
