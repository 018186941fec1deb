"""Queues between stations in memory: what was sent, in order, until somebody takes it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.contracts.between_stations import BounceOrder, DeliveryOrder, ParkedPointer


@dataclass(slots=True)
class MemoryDeliveries:
    """``Deliveries``; ``bodies`` is the queue (see ``event_retries`` for that of the event log)."""

    bodies: deque[str] = field(default_factory=deque)

    def send(self, orders: Iterable[DeliveryOrder]) -> None:
        """See ``Deliveries.send``."""
        self.bodies.extend(order.model_dump_json() for order in orders)


@dataclass(slots=True)
class MemoryBounceOrders:
    """``BounceOrders``; ``sent`` holds bodies with their delays."""

    sent: deque[tuple[str, int]] = field(default_factory=deque)

    def send(self, orders: Iterable[BounceOrder], *, delay: int = 0) -> None:
        """See ``BounceOrders.send``."""
        self.sent.extend((order.model_dump_json(), delay) for order in orders)


@dataclass(slots=True)
class MemoryArrivals:
    """``Arrivals``; ``bodies`` is the queue."""

    bodies: deque[str] = field(default_factory=deque)

    def send(self, notification: str) -> None:
        """See ``Arrivals.send``."""
        self.bodies.append(notification)


@dataclass(slots=True)
class MemoryParkedNotices:
    """``ParkedNotices``; ``sent`` holds pointers with their causes."""

    sent: deque[tuple[ParkedPointer, str]] = field(default_factory=deque)

    def send(self, pointer: ParkedPointer, cause: str) -> None:
        """See ``ParkedNotices.send``."""
        self.sent.append((pointer, cause))
