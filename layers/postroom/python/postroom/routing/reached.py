"""One copy per mailbox and per recipient outside, by whichever way of a flow comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.order_list import listed_orders
from postroom.contracts.orders import DeliveryOrder
from postroom.contracts.outbound_orders import InsideOrder, TransmitOrder, end_key
from postroom.ports.transit import MAIL_PREFIX

if TYPE_CHECKING:
    from postroom.ports.ledger import Ledger
    from postroom.ports.transit import Transit
    from postroom.routing.plan import Plan


def without_reached(plan: Plan, trace: str, transit: Transit, ledger: Ledger) -> Plan:
    """Leave out what a flow has reached or is on its way to: mailboxes, and recipients of orders that are there.

    Members that were skipped in it are left out, too.
    """
    reached = {
        entry.mailbox_id
        for entry in plan.entries
        if isinstance(entry, DeliveryOrder) and transit.order(trace, f"{MAIL_PREFIX}{entry.mailbox_id}") is not None
    }
    outbound = [entry for entry in plan.entries if isinstance(entry, TransmitOrder | InsideOrder)]
    under_way = {order.key for order in outbound if _is_under_way(order, transit)}
    facts = ledger.facts(trace)  # after the orders: one that is carried out meanwhile is a fact by now
    reached |= {str(fact.data["mailboxId"]) for fact in facts if "mailboxId" in fact.data}
    reached |= {order.mailbox_id for fact in facts for order in listed_orders(fact)}
    ends = {fact.key for fact in facts}
    under_way |= {order.key for order in outbound if ends.issuperset(map(end_key, order.recipients))}
    return plan.without(reached, {str(fact.data["memberId"]) for fact in facts if "memberId" in fact.data}, under_way)


def _is_under_way(order: TransmitOrder | InsideOrder, transit: Transit) -> bool:
    """Say whether an order is there, by whichever way: functions of two rules may add one recipient."""
    return any(transit.order(order.trace, f"{way}:{order.name}") is not None for way in ("transmit", "inside"))
