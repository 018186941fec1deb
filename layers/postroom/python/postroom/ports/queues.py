"""Queues between stations, and the one where parked mail waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.contracts.between_stations import BounceOrder, CallPointer, FactPointer, Order, ParkedPointer


class Onward(Protocol):
    """To the stations that carry orders out. Suite: tests/contract/test_queues.py."""

    def send(self, orders: Iterable[Order]) -> None:
        """Send each order to its station; when this returns, all are in their queues (some perhaps twice).

        Raises:
            StoreUnavailableError: not all are; send all of them again.
        """


class RuleCalls(Protocol):
    """To the rules: calls of functions, again."""

    def send(self, call: CallPointer, *, delay: int = 0) -> None:
        """Send one call, to be read after ``delay`` seconds (at most 900).

        Raises:
            StoreUnavailableError: it may not have arrived; send it again.
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
