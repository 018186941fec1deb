"""Setting aside what a retry cannot help, with its cause and an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from postroom.contracts.orders import Order


class OrderParking(Protocol):
    """For stations that catch a PermanentError while they carry out an order. The call may be repeated."""

    def park_order(self, order: Order, cause: str) -> None:
        """Park what a station could not carry out: one recipient of a message, a bounce, a rule's call.

        Raises:
            TemporaryError: it is not parked yet; try again.
        """


class ArrivalParking(Protocol):
    """For ingest, when it catches a PermanentError. The call may be repeated."""

    def park_arrival(self, body: str, cause: str) -> None:
        """Park what came from SES as it came: a notification that makes no sense, or leads nowhere.

        Raises:
            TemporaryError: it is not parked yet; try again.
        """
