"""What rule functions put in place of messages that are on their way.

Each attempt of a synchronous rule opens its run's slot, a Put fills every slot that is open, and the verdict's
transaction closes it: what was put last before the answer is delivered, what a failed attempt put is not. The next
attempt's opening empties the slot, so a Put that comes late, when its attempt has timed out and the next is open,
counts for the next. Without an open slot a Put changes what later Gets return, and nothing that is delivered
(docs/decisions/0010).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.contracts.orders import RawLocation


@dataclass(frozen=True, slots=True)
class Content:
    """One content that was put: an immutable object under ``transit/``, its size in bytes, and the Put's number."""

    raw: RawLocation
    size: int
    number: int


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the Puts of a rule's run go. ``attempt`` counts from 1; a closed slot stays closed."""

    attempt: int
    content: Content | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class FlowContents:
    """All that was put into one flow; made anew by every change, never changed.

    Attributes:
        shown: what Gets return where no open slot holds something newer; None: the message as it came.
        slots: by run, a name that the rule's run keeps over its attempts.
        puts: how many there were.
        frozen: no further Put is taken, because the message has left the flow's hands (a redirect).
        version: of the stored row; 0 where nothing is stored.
    """

    trace: str
    shown: Content | None = None
    slots: Mapping[str, Slot] = field(default_factory=dict)
    puts: int = 0
    frozen: bool = False
    version: int = 0

    @property
    def current(self) -> Content | None:
        """What a Get returns: the newest of what is shown and what open slots hold; None: the message as it came."""
        held = [slot.content for slot in self.slots.values() if not slot.closed]
        return max((one for one in (self.shown, *held) if one is not None), key=lambda one: one.number, default=None)

    def put(self, raw: RawLocation, size: int) -> FlowContents:
        """Put a content into every open slot, or, where none is open, before the eyes of later Gets alone."""
        content = Content(raw, size, self.puts + 1)
        if not any(not slot.closed for slot in self.slots.values()):
            return replace(self, shown=content, puts=content.number)
        slots = {run: slot if slot.closed else replace(slot, content=content) for run, slot in self.slots.items()}
        return replace(self, slots=slots, puts=content.number)

    def opened(self, run: str, attempt: int) -> FlowContents | None:
        """Open a run's slot for an attempt; an attempt that is repeated after a crash finds what it had put.

        Returns:
            ``None``: the run is decided, or a later attempt is under way.
        """
        slot = self.slots.get(run)
        if slot is not None and (slot.closed or attempt < slot.attempt):
            return None
        if slot is not None and attempt == slot.attempt:
            return self
        return replace(self, slots={**self.slots, run: Slot(attempt)})

    def closed(self, run: str, attempt: int, *, keep: bool) -> FlowContents | None:
        """Close a run's slot; its content, ``slots[run].content`` before and after, is what its recipients get.

        Args:
            keep: False where the last attempt failed: what it put is forgotten.

        Returns:
            ``None``: this attempt's slot is not open.
        """
        slot = self.slots.get(run)
        if slot is None or slot.closed or slot.attempt != attempt:
            return None
        content = slot.content if keep else None
        known = [one for one in (self.shown, content) if one is not None]
        shown = max(known, key=lambda one: one.number, default=None)
        return replace(self, shown=shown, slots={**self.slots, run: Slot(attempt, content, closed=True)})
