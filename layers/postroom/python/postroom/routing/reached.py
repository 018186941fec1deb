"""One copy per mailbox, by whichever way of a flow comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.order_list import listed_orders
from postroom.contracts.orders import DeliveryOrder
from postroom.ports.transit import MAIL_PREFIX

if TYPE_CHECKING:
    from postroom.ports.ledger import Ledger
    from postroom.ports.transit import Transit
    from postroom.routing.plan import Plan


def without_reached(plan: Plan, trace: str, transit: Transit, ledger: Ledger) -> Plan:
    """Leave out the mailboxes that a flow has reached or is on its way to, and the members that were skipped in it."""
    reached = {
        entry.mailbox_id
        for entry in plan.entries
        if isinstance(entry, DeliveryOrder) and transit.order(trace, f"{MAIL_PREFIX}{entry.mailbox_id}") is not None
    }
    facts = ledger.facts(trace)  # after the orders: one that is carried out meanwhile is a fact by now
    reached |= {str(fact.data["mailboxId"]) for fact in facts if "mailboxId" in fact.data}
    reached |= {order.mailbox_id for fact in facts for order in listed_orders(fact)}
    return plan.without(reached, {str(fact.data["memberId"]) for fact in facts if "memberId" in fact.data})
