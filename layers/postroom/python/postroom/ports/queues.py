"""Queues between stations, and the one where parked mail waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.contracts.between_stations import BounceOrder, DeliveryOrder, FactPointer, ParkedPointer


class Deliveries(Protocol):
    """To deliver. Suite: tests/contract/test_queues.py."""

    def send(self, orders: Iterable[DeliveryOrder]) -> None:
        """Send orders; when this returns, all are in the queue (some perhaps twice).

        Raises:
            StoreUnavailableError: not all are; send all of them again.
        """


class BounceOrders(Protocol):
    """To bounce. Suite: tests/contract/test_queues.py."""

    def send(self, orders: Iterable[BounceOrder], *, delay: int = 0) -> None:
        """Send orders, to be read after ``delay`` seconds (at most 900).

        Raises:
            StoreUnavailableError: not all have arrived; send all of them again.
        """


class Arrivals(Protocol):
    """To ingest: SES's notifications, again."""

    def send(self, notification: str) -> None:
        """Send one notification as it was received.

        Raises:
            StoreUnavailableError: it may not have arrived; send it again.
        """


class EventRetries(Protocol):
    """To retry_events: facts whose projection failed, or is wanted again."""

    def send(self, pointers: Iterable[FactPointer], *, delay: int = 0) -> None:
        """Send pointers, to be read after ``delay`` seconds (at most 900).

        Raises:
            StoreUnavailableError: not all have arrived; send all of them again.
        """


class ParkedNotices(Protocol):
    """To a person: its depth raises an alarm."""

    def send(self, pointer: ParkedPointer, cause: str) -> None:
        """Send a pointer with its cause as message attribute ``cause``.

        Raises:
            StoreUnavailableError: it may not have arrived; send it again.
        """
