"""Reads of the whole transit table: for the sweep, and for the deletion of an organization."""

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
    """An open order or expansion. ``since_ms``: since the epoch; of a rule's call, when its next attempt is due.

    ``sweeps`` counts how often it was sent again since.
    """

    entry: Order | Expansion
    since_ms: int
    sweeps: int


@dataclass(frozen=True, slots=True)
class OpenOrParked:
    """Something of one organization: an order or expansion (``entry``), open unless ``parked`` is set.

    Without an ``entry`` it is a parked thing of another kind. ``since_ms`` and ``sweeps`` as in ``OpenEntry``.
    """

    entry: Order | Expansion | None
    parked: Parked | None
    since_ms: int
    sweeps: int


class TransitScans(Protocol):
    """Suite: tests/contract/test_transit_scans.py.

    All methods raise StoreUnavailableError: temporary, nothing was written.
    """

    def open_before(self, before_ms: int) -> Iterator[OpenEntry]:
        """Return what has been open since before a time (milliseconds since the epoch), in no order.

        Raises:
            UnreadableFactError: at the end, if there were rows that cannot be read.
        """

    def of_organization(self, organization_id: str) -> Iterator[OpenOrParked]:
        """Return everything of an organization, in no order.

        Raises:
            UnreadableFactError: at the end, if it has rows that cannot be read.
        """

    def sent_again(self, found: OpenEntry, now_ms: int) -> None:
        """Record that an open entry was sent again: ``since_ms`` becomes ``now_ms``, ``sweeps`` grows by one.

        An entry that has ended, was parked or was sent again meanwhile stays as it is.

        Raises:
            ConflictError: another transaction held the row.
        """
