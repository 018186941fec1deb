"""Queues between stations in memory."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.ports.queues import Message


@dataclass(slots=True)
class MemoryQueues:
    """Implements ``Queues``, ``Backlogs`` and ``Postponement``.

    Attributes:
        queues: bodies with the station's own delay, by station, in order.
        later: bodies with another delay, and that delay in seconds, by station.
        postponed: delays in seconds by receipt.
        away: whether every call fails.
    """

    queues: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    later: defaultdict[str, deque[tuple[str, int]]] = field(default_factory=lambda: defaultdict(deque))
    postponed: dict[str, int] = field(default_factory=dict)
    away: bool = False

    def send(self, messages: Iterable[Message], *, delay_s: int | None = None) -> None:
        if self.away:
            raise StoreUnavailableError("could not send to a station: no answer")
        for each in messages:
            if delay_s is None:
                self.queues[each.station].append(each.message)
            else:
                self.later[each.station].append((each.message, delay_s))

    def messages(self, station: str) -> int:
        if self.away:
            raise StoreUnavailableError("could not ask a queue for its backlog: no answer")
        return len(self.queues.get(station, ())) + len(self.later.get(station, ()))

    def postpone(self, receipt: str, delay_s: int) -> None:
        if self.away:
            raise StoreUnavailableError("could not postpone a message: no answer")
        self.postponed[receipt] = delay_s
