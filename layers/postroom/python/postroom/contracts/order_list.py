"""The list of a flow's delivery orders in the fact that opens the flow (docs/decisions/0025).

A member of the fact's data, ``orders``: per order the mailbox id and the recipient; then, only where they are not the
usual ones, the envelope recipient that led there and the folder. The rest of an order is the flow's: the fact has it.

A listed order is open until there is a fact with its end key, whatever fact that is. One that has to wait is *stored*:
it gets a row, and the fact ORDER_STORED ends it as a listed order.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.contracts.journal_orders import JournalOrder
from postroom.contracts.orders import LISTED_FORMAT, BounceOrder, DeliveryOrder, OrderKind, RawLocation
from postroom.errors import UnreadableFactError
from postroom.model.facts import EventName, OwnFact, arrived_ms
from postroom.model.folders import Folder
from postroom.model.limits import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from postroom.contracts.orders import Order
    from postroom.model.facts import Fact

ORDERS: Final = "orders"
"""The member of the fact's data. The event bus does not publish it."""

MAX_LIST_BYTES: Final = 16 * 1024
"""Longest list, in bytes of JSON; the orders of a flow with a longer one have rows. Ours: every reader of the fact
reads the list, and the ledger's stream carries it."""

LISTED_WITHIN_MS: Final = HOUR_MS
"""Milliseconds after SES has received a message in which its flow's orders are listed; later they have rows. The sweep
looks for lost orders once, when the message has been stored for as long (``parking.stored``). Ours."""


def end_key(order: DeliveryOrder) -> str:
    """Return the key of the fact that its mailbox has the message; of a listed order, of whatever fact ends it.

    The key is that of a delivery, because nearly all orders end so, and because a flow then has one such fact for a
    mailbox, whichever of its ways leads there first and whichever version takes it.
    """
    if order.kind is OrderKind.QUOTA_NOTICE:
        return f"{OwnFact.QUOTA_NOTICE_DELIVERED}:{order.mailbox_id}"
    key = f"{EventName.MAILBOX_EMAIL_DELIVERED}:{order.mailbox_id}"
    return f"{key}:stored" if order.stored else key


def in_list(order: DeliveryOrder) -> DeliveryOrder:
    """Return an order as a listed one."""
    return order.model_copy(update={"version": LISTED_FORMAT, "listed": True, "stored": False})


def in_row(order: DeliveryOrder) -> DeliveryOrder:
    """Return a listed order as its row has it once it is stored."""
    return order.model_copy(update={"version": LISTED_FORMAT, "listed": False, "stored": True})


def with_list(received: Fact, orders: Sequence[Order]) -> tuple[Fact, list[Order]]:
    """List the delivery orders of a flow in the fact that opens it, if only bounces and a journal report follow beside.

    Args:
        received: the first fact of the flow, without a list.
        orders: all that one transaction opens the flow with.

    Returns:
        The fact and the orders as they are committed and sent; unchanged if the orders get rows.
    """
    deliveries = [order for order in orders if isinstance(order, DeliveryOrder)]
    others = [order for order in orders if not isinstance(order, DeliveryOrder)]
    if not deliveries or not all(isinstance(order, BounceOrder | JournalOrder) for order in others):
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


def listing(orders: Sequence[DeliveryOrder]) -> list[list[str]]:
    """Return the list of orders of one flow."""
    return [_entry(order) for order in orders]


def listed_orders(received: Fact) -> list[DeliveryOrder]:
    """Return the orders that the fact of a flow's opening lists, whether or not they have ended.

    Raises:
        UnreadableFactError: the list, or what the orders have in common, cannot be read.
    """
    if ORDERS not in received.data:
        return []
    try:
        return [_order(received, *entry) for entry in received.data[ORDERS]]
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableFactError("the list of a flow's orders") from error


def open_orders(received: Fact, keys: Container[str]) -> list[DeliveryOrder]:
    """Return the listed orders that have no end. ``keys`` holds the keys of the flow's facts."""
    return [order for order in listed_orders(received) if end_key(order) not in keys]


def _entry(order: DeliveryOrder) -> list[str]:
    entry = [order.mailbox_id, order.recipient]
    if order.folder != Folder.INBOX:
        return [*entry, order.delivered_to, order.folder]
    return entry if order.delivered_to == order.recipient else [*entry, order.delivered_to]


def _order(
    received: Fact, mailbox_id: str, recipient: str, delivered_to: str = "", folder: str = Folder.INBOX.value
) -> DeliveryOrder:
    data = received.data
    order = DeliveryOrder(
        kind=OrderKind.MAIL,
        trace=received.trace,
        organization_id=received.organization_id,
        mailbox_id=mailbox_id,
        recipient=recipient,
        delivered_to=delivered_to or recipient,
        envelope_from=data["envelopeFrom"],
        folder=folder,
        raw=RawLocation(**data["raw"]),
        size=data["size"],
        received_at=arrived_ms(received),
    )
    return in_list(order)
