"""Parking of work that a retry cannot complete, with its cause and an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from postroom.contracts.orders import Order


class OrderParking(Protocol):
    """For stations that catch a PermanentError while they carry out an order. The call may be repeated."""

    def park_order(self, order: Order, cause: str) -> None:
        """Park an order: the delivery to one recipient, a bounce, or a rule's call.

        Raises:
            TemporaryError: it is not parked yet; try again.
        """


class ArrivalParking(Protocol):
    """For ingest, when it catches a PermanentError. The call may be repeated."""

    def park_arrival(self, body: str, cause: str) -> None:
        """Park a notification of SES as it was received: it cannot be read, or names no organization of ours.

        Raises:
            TemporaryError: it is not parked yet; try again.
        """


class IngestParking(ArrivalParking, OrderParking, Protocol):
    """For ingest, which gets notifications of SES, and orders for recipients inside."""
