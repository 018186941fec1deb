"""Delivery orders that are listed in the fact that opens their flow, and have no rows (docs/decisions/0025).

A row per order costs as much as the fact. Where one transaction opens a flow and only delivers, the fact lists the
orders instead. An order that has to wait is stored: it gets the row that it would have had.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.contracts.order_list import ORDERS, end_key, in_list, in_row, listed_orders, listing
from postroom.contracts.orders import BounceOrder, DeliveryOrder, OrderKind
from postroom.model.facts import Fact, OwnFact, arrived_ms
from postroom.model.limits import DAY_MS
from postroom.ports.transit import Commit, Outcome, Settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.orders import Order
    from postroom.ports.transit import Transit

MAX_LIST_BYTES: Final = 16 * 1024
"""Longest list, in bytes of JSON; the orders of a flow with a longer one have rows. Ours: every reader of the fact
reads the list, and the ledger's stream carries it."""

LISTED_WITHIN_MS: Final = DAY_MS
"""Milliseconds after SES has received a message in which its flow's orders are listed; later they have rows. The sweep
looks for listed orders while a message has been stored for less than two days (``parking.sweep``). Ours."""


def with_list(received: Fact, orders: Sequence[Order]) -> tuple[Fact, list[Order]]:
    """List the delivery orders of a flow in the fact that opens it, if nothing but deliveries and bounces follows.

    Args:
        received: the first fact of the flow, without a list.
        orders: all that one transaction opens the flow with.

    Returns:
        The fact and the orders as they are committed and sent; unchanged if the orders get rows.
    """
    deliveries = [order for order in orders if isinstance(order, DeliveryOrder)]
    others = [order for order in orders if not isinstance(order, DeliveryOrder)]
    if not deliveries or not all(isinstance(order, BounceOrder) for order in others):
        return received, [*orders]
    is_late = received.at - arrived_ms(received) >= LISTED_WITHIN_MS
    if is_late or any(order.kind is not OrderKind.MAIL for order in deliveries):
        return received, [*orders]
    entries = listing(deliveries)
    if len(json.dumps(entries, ensure_ascii=False).encode()) > MAX_LIST_BYTES:
        return received, [*orders]
    made = replace(received, data={**received.data, ORDERS: entries})
    listed = listed_orders(made)  # as every later reader of the fact finds them
    if listed != [in_list(order) for order in deliveries]:
        return received, [*orders]
    return made, [*listed, *others]


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
