"""Queues between stations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class Message(Protocol):
    """A message to a station: an order, a pointer, or a notification of SES."""

    @property
    def station(self) -> str:
        """The station: a name in ``contracts.orders.STATIONS``."""

    @property
    def message(self) -> str:
        """The body of the queue message."""

    @property
    def group(self) -> str:
        """The group of a fair queue; empty for none."""


class Queues(Protocol):
    """Sends to stations. Suite: tests/contract/test_queues.py."""

    def send(self, messages: Iterable[Message], *, delay_s: int | None = None) -> None:
        """Send each message to its station. After a return all messages are in their queues, some perhaps twice.

        Args:
            messages: in any order, for any stations.
            delay_s: time until they can be received, in seconds, at most 900; ``None`` is the station's own delay.

        Raises:
            StoreUnavailableError: some messages may not be in their queues; send all of them again.
        """


class Backlogs(Protocol):
    """Asks queues how much is in them. Suite: tests/contract/test_queues.py."""

    def messages(self, station: str) -> int:
        """Return about how many messages a station's queue has, whether they wait, are delayed or in work.

        Returns:
            0 for a station without a queue.

        Raises:
            StoreUnavailableError: the queue did not answer; a retry may succeed.
        """
