"""Contents that rule functions put in place of messages in transit (docs/decisions/0010).

Each attempt of a synchronous rule opens the slot of its run. A Put fills every open slot. The transaction of the
decision closes the slot: the last content before the answer is delivered; the content of a failed attempt is not. The
next attempt empties the slot. So a late Put, after its attempt has timed out and the next attempt has begun, counts for
the next attempt. Without an open slot, a Put changes the result of later Gets, and nothing that is delivered.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.contracts.orders import RawLocation


@dataclass(frozen=True, slots=True)
class Content:
    """A content that was put: an immutable object under ``transit/``, its size, and the number of the Put."""

    raw: RawLocation
    size: int
    number: int


@dataclass(frozen=True, slots=True)
class Slot:
    """The content of a rule's run. ``attempt`` counts from 1; a closed slot stays closed."""

    attempt: int
    content: Content | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class FlowContents:
    """All contents of one flow. Immutable; a change returns a new one.

    Attributes:
        shown: result of a Get, unless an open slot has a newer content; ``None`` is the message as received.
        slots: by run, a name that a rule's run keeps over its attempts.
        puts: number of Puts so far.
        frozen: whether further Puts are refused, because the message was redirected.
        version: of the stored row; 0 if none is stored.
    """

    trace: str
    shown: Content | None = None
    slots: Mapping[str, Slot] = field(default_factory=dict)
    puts: int = 0
    frozen: bool = False
    version: int = 0

    @property
    def current(self) -> Content | None:
        """The result of a Get: the newest of ``shown`` and the open slots; ``None`` is the message as received."""
        held = [slot.content for slot in self.slots.values() if not slot.closed]
        return max((one for one in (self.shown, *held) if one is not None), key=lambda one: one.number, default=None)

    def put(self, raw: RawLocation, size: int) -> FlowContents:
        """Put a content into every open slot; without an open slot, set the result of later Gets."""
        content = Content(raw, size, self.puts + 1)
        if not any(not slot.closed for slot in self.slots.values()):
            return replace(self, shown=content, puts=content.number)
        slots = {run: slot if slot.closed else replace(slot, content=content) for run, slot in self.slots.items()}
        return replace(self, slots=slots, puts=content.number)

    def opened(self, run: str, attempt: int) -> FlowContents | None:
        """Open the slot of a run for an attempt. An attempt that is repeated after a crash keeps its content.

        Returns:
            ``None`` if the run is decided, or a later attempt has begun.
        """
        slot = self.slots.get(run)
        if slot is not None and (slot.closed or attempt < slot.attempt):
            return None
        if slot is not None and attempt == slot.attempt:
            return self
        return replace(self, slots={**self.slots, run: Slot(attempt)})

    def closed(self, run: str, attempt: int, *, keep: bool) -> FlowContents | None:
        """Close the slot of a run. Its recipients get ``slots[run].content``, or the message as received without one.

        Args:
            keep: False if the last attempt failed; its content is dropped.

        Returns:
            ``None`` if the slot is not open for this attempt.
        """
        slot = self.slots.get(run)
        if slot is None or slot.closed or slot.attempt != attempt:
            return None
        content = slot.content if keep else None
        known = [one for one in (self.shown, content) if one is not None]
        shown = max(known, key=lambda one: one.number, default=None)
        return replace(self, shown=shown, slots={**self.slots, run: Slot(attempt, content, closed=True)})
