"""Setting aside what a retry cannot help, with its cause and an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from postroom.contracts.between_stations import BounceOrder, DeliveryOrder


class ParkingLot(Protocol):
    """What stations call when they catch a PermanentError. Each call may be repeated."""

    def park_order(self, order: DeliveryOrder, cause: str) -> None:
        """Park one recipient of a message.

        Raises:
            TemporaryError: it is not parked yet; try again.
        """

    def park_bounce(self, order: BounceOrder, cause: str) -> None:
        """Park a flow's bounce message.

        Raises:
            TemporaryError: it is not parked yet; try again.
        """

    def park_arrival(self, body: str, cause: str) -> None:
        """Park what came from SES as it came: a notification that makes no sense, or leads nowhere.

        Raises:
            TemporaryError: it is not parked yet; try again.
        """
