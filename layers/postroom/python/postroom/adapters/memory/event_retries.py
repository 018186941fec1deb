"""The retry queue in memory: pointers with their delays, and what was postponed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.contracts.between_stations import FactPointer


@dataclass(slots=True)
class MemoryEventRetries:
    """Implements ``EventRetries`` and ``Postponement``; ``away`` answers nobody."""

    sent: list[tuple[FactPointer, int]] = field(default_factory=list)
    postponed: dict[str, int] = field(default_factory=dict)
    away: bool = False

    def send(self, pointers: Iterable[FactPointer], *, delay: int = 0) -> None:
        if self.away:
            raise StoreUnavailableError("could not send to a station: nobody answers")
        self.sent += [(pointer, delay) for pointer in pointers]

    def postpone(self, receipt: str, delay_s: int) -> None:
        if self.away:
            raise StoreUnavailableError("could not postpone a message: nobody answers")
        self.postponed[receipt] = delay_s
