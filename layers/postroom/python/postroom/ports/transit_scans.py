"""Reads of the transit table for the sweep and for the deletion of an organization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.contracts.expansions import Expansion
    from postroom.contracts.orders import Order
    from postroom.ports.parked import Parked


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """An open order or expansion.

    Attributes:
        since_ms: when it was opened or last sent again, in milliseconds since the epoch; of a rule call with a failed
            attempt, when the next attempt is due.
        sweeps: how often the sweep has sent it again; a failed attempt and a redrive set it to 0.
    """

    entry: Order | Expansion
    since_ms: int
    sweeps: int


@dataclass(frozen=True, slots=True)
class OpenOrParked:
    """A row of one organization: an order or expansion (``entry``), open unless ``parked`` is set.

    Without an ``entry`` it is a parked thing of another kind. ``since_ms`` and ``sweeps`` are those of ``OpenEntry``.
    """

    entry: Order | Expansion | None
    parked: Parked | None
    since_ms: int
    sweeps: int


class TransitScans(Protocol):
    """Suite: tests/contract/test_transit_scans.py.

    Every method raises StoreUnavailableError if the table did not answer; it is temporary, and nothing was written.
    """

    def open_before(self, before_ms: int) -> Iterator[OpenEntry]:
        """Yield open entries with ``since_ms`` before a time, in no order.

        Raises:
            UnreadableFactError: after the last entry, if some rows cannot be read.
        """

    def of_organization(self, organization_id: str) -> Iterator[OpenOrParked]:
        """Yield everything of an organization, in no order.

        Raises:
            UnreadableFactError: after the last entry, if some of its rows cannot be read.
        """

    def has_rows(self, trace: str) -> bool:
        """Return whether a flow has an order or expansion with a row, open or parked, or anything else parked.

        Orders that are only listed are not counted: the reader of the flow's facts knows them.
        """

    def sent_again(self, found: OpenEntry, now_ms: int) -> None:
        """Record that an open entry was sent again: ``since_ms`` becomes ``now_ms``, ``sweeps`` grows by one.

        An entry that has ended, was parked or was sent again meanwhile stays as it is.

        Raises:
            ConflictError: another transaction held the row.
        """
