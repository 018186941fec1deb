"""The event bus in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.ports.event_bus import BusEvent


@dataclass(slots=True)
class MemoryEventBus:
    """Implements ``EventBus``.

    ``announced`` holds the published events, ``refusing`` an error code by id of each event that is refused. With
    ``away`` set, every call fails.
    """

    announced: list[BusEvent] = field(default_factory=list)
    refusing: dict[str, str] = field(default_factory=dict)
    away: bool = False

    def publish(self, events: Sequence[BusEvent]) -> Mapping[str, str]:
        if self.away:
            raise StoreUnavailableError("could not publish on the bus: it does not answer")
        self.announced += [event for event in events if event.id not in self.refusing]
        return {event.id: self.refusing[event.id] for event in events if event.id in self.refusing}
