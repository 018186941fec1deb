"""Attempts of orders to transmit: who makes the next one, and its end.

An attempt is claimed in the order's own row, so that one write says that the order is open, that it is due, and that no
other run makes the attempt (docs/decisions/0052).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from postroom.contracts.stored import Order
    from postroom.model.facts import Fact


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that the caller makes. ``number`` counts from 1, with those that stopped or failed before."""

    number: int


@dataclass(frozen=True, slots=True)
class NotDue:
    """The order is open, and another run makes an attempt, or the next one is due at ``due_ms`` since the epoch."""

    due_ms: int


class OpenTransmissions(Protocol):
    """Suite: tests/contract/test_open_transmissions.py.

    Every method raises ConflictError if a transaction held the row, and StoreUnavailableError if a table did not
    answer; both are temporary.
    """

    def begin(self, order: Order, *, run: str, again_after_ms: int) -> Attempt | NotDue | None:
        """Claim the next attempt of an order, if that is due.

        Args:
            run: names the caller's attempt, uniquely.
            again_after_ms: time after which the attempt counts as stopped, if it has no end until then.

        Returns:
            ``None`` if the order has ended or is parked.
        """

    def end(self, order: Order, fact: Fact) -> None:
        """Record the fact that ends the only recipient of an order, unless it exists; then remove the order.

        These are two writes, at half the price of one transaction. A stop between them leaves an order whose recipients
        all have their ends: the next run removes it.
        """
