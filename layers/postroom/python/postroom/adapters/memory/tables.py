"""The rows of all memory adapters, under one lock, so that a change of several ports is one transaction."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING

from postroom.model.calendars import DEFAULT_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.expansions import Expansion
    from postroom.contracts.orders import Order
    from postroom.model.calendars import BlobNote, CalendarSettings, SealedEntry
    from postroom.model.facts import Fact
    from postroom.model.mailbox import Change, FolderInfo, Head, Item
    from postroom.ports.message_contents import FlowContents
    from postroom.ports.parked import Parked


@dataclass(slots=True)
class Row:
    """A row of transit: an order or expansion (``entry``), open unless ``parked`` is set; or another parked thing.

    ``since_ms`` is in milliseconds since the epoch.
    """

    since_ms: int
    entry: Order | Expansion | None = None
    parked: Parked | None = None
    sweeps: int = 0
    released: bool = False
    failed: int = 0
    attempts: int = 0
    run: str = ""


@dataclass(slots=True)
class Mailbox:
    """A mailbox, with its folders and items by id, its changes except creations, and its calendar by hash of UID.

    ``added`` has the ids of items that entered without a flow, by token.
    """

    head: Head
    folders: dict[str, FolderInfo]
    items: dict[str, Item] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    calendar: dict[str, SealedEntry] = field(default_factory=dict)
    added: dict[str, str] = field(default_factory=dict)
    notes: dict[str, BlobNote] = field(default_factory=dict)
    settings: CalendarSettings = DEFAULT_SETTINGS


@dataclass(slots=True)
class MemoryTables:
    """All rows. Hold ``lock`` while reading or writing; check all conditions, then write."""

    lock: RLock = field(default_factory=RLock)
    facts: defaultdict[str, dict[str, Fact]] = field(default_factory=lambda: defaultdict(dict))
    """By trace, then key."""
    transit: dict[tuple[str, str], Row] = field(default_factory=dict)
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    allowances: dict[str, int] = field(default_factory=dict)
    contents: dict[str, FlowContents] = field(default_factory=dict)

    def are_new(self, facts: Sequence[Fact], entries: Sequence[Order | Expansion] = ()) -> bool:
        """Return whether none of these exists: the condition of every transaction that writes them."""
        return not (
            any(fact.key in self.facts.get(fact.trace, ()) for fact in facts)
            or any((entry.trace, entry.key) in self.transit for entry in entries)
        )

    def write(self, facts: Sequence[Fact], orders: Sequence[Order] = (), *, now_ms: int = 0) -> None:
        """Write facts and open orders."""
        for fact in facts:
            self.facts[fact.trace][fact.key] = fact
        for order in orders:
            self.transit[order.trace, order.key] = Row(order.open_since_ms(now_ms), order)
