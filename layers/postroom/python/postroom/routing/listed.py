"""A listed delivery order that has to wait is stored: it gets the row that it would have had (docs/decisions/0025)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.order_list import end_key, in_row
from postroom.model.facts import Fact, OwnFact
from postroom.ports.transit import Commit, Outcome, Settle

if TYPE_CHECKING:
    from postroom.contracts.orders import DeliveryOrder
    from postroom.ports.transit import Transit


def store(order: DeliveryOrder, transit: Transit, now: int) -> DeliveryOrder | None:
    """Give a listed order its row, which waits, is swept, parked and redriven like any other.

    The fact takes the place of the order's end, so that a late message of the listed order finds the row, or nothing.

    Args:
        now: milliseconds since the epoch.

    Returns:
        The order as its row has it; ``None`` if it had ended or was stored before.
    """
    stored = in_row(order)
    data = {"mailboxId": order.mailbox_id, "what": order.key}
    fact = Fact(order.trace, order.organization_id, OwnFact.ORDER_STORED, end_key(order), now, data=data)
    outcome = transit.commit(Commit([Settle(order)], [fact], [stored]))
    return stored if outcome is Outcome.DONE else None
