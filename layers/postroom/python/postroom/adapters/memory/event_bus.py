"""The bus in memory: everything that was announced."""

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

    ``refusing`` holds an error code for each event id that is refused. With ``away`` set, every call fails.
    """

    announced: list[BusEvent] = field(default_factory=list)
    refusing: dict[str, str] = field(default_factory=dict)
    away: bool = False

    def publish(self, events: Sequence[BusEvent]) -> Mapping[str, str]:
        if self.away:
            raise StoreUnavailableError("could not announce on the bus: nobody answers")
        self.announced += [event for event in events if event.id not in self.refusing]
        return {event.id: self.refusing[event.id] for event in events if event.id in self.refusing}
