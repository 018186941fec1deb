"""Reads of all orders to transmit, for the command line, and the end of a wait that an operator asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.contracts.journal_orders import JournalOrder
    from postroom.contracts.outbound_orders import TransmitOrder


@dataclass(frozen=True, slots=True)
class OpenTransmission:
    """An open order to transmit, as its row was read.

    Attributes:
        attempts: attempts that were begun, the one that runs included.
        due_ms: when the next attempt is due, in milliseconds since the epoch; while one runs, when that counts as
            stopped; before the first, when the order was opened.
    """

    order: TransmitOrder | JournalOrder
    attempts: int
    due_ms: int


class TransmissionScans(Protocol):
    """Suite: tests/contract/test_transmission_scans.py.

    Every method raises StoreUnavailableError if the table did not answer; it is temporary, and nothing was written.
    """

    def every(self, organization_id: str = "") -> Iterator[OpenTransmission]:
        """Yield all open orders to transmit, of all organizations or of one, in no order. Parked ones are left out.

        Reads the whole table: for the command line only.

        Raises:
            UnreadableFactError: after the last order, if some rows cannot be read.
        """

    def of_flow(self, trace: str) -> Iterator[OpenTransmission]:
        """Yield the open orders to transmit of a flow, by key. Raises as ``every`` does."""

    def make_due(self, found: OpenTransmission, now_ms: int) -> bool:
        """Let the next attempt of an order be due at ``now_ms``; the caller sends it to its station.

        An order that an attempt was begun of since it was read, that has ended, was parked or has another time now
        stays as it is. So does one that was never tried: it is due. Whether an attempt runs that was begun before the
        read, the row does not say, and the caller knows (``outbound.waiting``). A repeated call is harmless.

        Returns:
            Whether it is due at ``now_ms``.

        Raises:
            ConflictError: a transaction held the row.
        """
