"""Queues between stations, and the one where parked mail waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.contracts.pointers import ParkedPointer


class Message(Protocol):
    """What a station's queue may get: an order, a pointer to something, an announcement of a message."""

    @property
    def station(self) -> str:
        """The station that it is for: a name in ``contracts.orders.STATIONS``."""

    @property
    def message(self) -> str:
        """The body."""

    @property
    def group(self) -> str:
        """Its fair queue's group; empty: it belongs to none."""


class Queues(Protocol):
    """To the stations. Suite: tests/contract/test_queues.py."""

    def send(self, messages: Iterable[Message], *, delay_s: int | None = None) -> None:
        """Send each message to its station; when this returns, all are in their queues (some perhaps twice).

        Args:
            messages: in any order, for any stations.
            delay_s: seconds until they can be read, at most 900; None: the station's own delay.

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
