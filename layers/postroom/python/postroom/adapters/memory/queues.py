"""Queues between stations in memory: what was sent, in order, until somebody takes it."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.contracts.between_stations import BounceOrder, CallPointer, Order, ParkedPointer, Station


@dataclass(slots=True)
class MemoryOnward:
    """``Onward``; ``queues`` holds the bodies by station (see ``event_retries`` for the queue of the event log)."""

    queues: defaultdict[Station, deque[str]] = field(default_factory=lambda: defaultdict(deque))

    def send(self, orders: Iterable[Order]) -> None:
        for order in orders:
            self.queues[order.station].append(order.message)


@dataclass(slots=True)
class MemoryRuleCalls:
    """``RuleCalls``; ``sent`` holds bodies with their delays."""

    sent: deque[tuple[str, int]] = field(default_factory=deque)

    def send(self, call: CallPointer, *, delay: int = 0) -> None:
        self.sent.append((call.model_dump_json(), delay))


@dataclass(slots=True)
class MemoryBounceOrders:
    """``BounceOrders``; ``sent`` holds bodies with their delays."""

    sent: deque[tuple[str, int]] = field(default_factory=deque)

    def send(self, orders: Iterable[BounceOrder], *, delay: int = 0) -> None:
        self.sent.extend((order.model_dump_json(), delay) for order in orders)


@dataclass(slots=True)
class MemoryArrivals:
    """``Arrivals``; ``bodies`` is the queue."""

    bodies: deque[str] = field(default_factory=deque)

    def send(self, notification: str) -> None:
        self.bodies.append(notification)


@dataclass(slots=True)
class MemoryParkedNotices:
    """``ParkedNotices``; ``sent`` holds pointers with their causes."""

    sent: deque[tuple[ParkedPointer, str]] = field(default_factory=deque)

    def send(self, pointer: ParkedPointer, cause: str) -> None:
        self.sent.append((pointer, cause))
