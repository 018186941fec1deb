"""What becomes of a message: facts and orders, in the order in which they are committed.

A plan of more than one chunk is frozen in an object before the first transaction, because directory and rules may
change while it is carried out: every later attempt continues the same plan.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.orders import BounceOrder, DeliveryOrder, Order, RuleCall, order_of
from postroom.model.facts import EventName, Fact, OwnFact
from postroom.model.limits import CHUNK_RECIPIENTS
from postroom.routing import former_plan
from postroom.routing.flow import refused_recipient

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from postroom.routing.flow import Flow

FACT: Final = "FACT"
"""Kind of the lines of a frozen plan that hold facts; the others hold orders, whose kinds are their own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Facts and orders in the order in which they are committed; bounce orders follow from the facts."""

    entries: tuple[Fact | Order, ...]

    def without(self, mailboxes: Collection[str], skipped: Collection[str]) -> Plan:
        """Leave out mailboxes that this flow has reached already, and members that were skipped in it."""

        def is_left(entry: Fact | Order) -> bool:
            if isinstance(entry, DeliveryOrder):
                return entry.mailbox_id not in mailboxes
            if isinstance(entry, Fact) and entry.name is OwnFact.RECIPIENT_SKIPPED:
                return entry.data["memberId"] not in skipped
            return True

        return Plan(tuple(filter(is_left, self.entries)))

    @property
    def chunks(self) -> int:
        """How many transactions it takes; at least one, which opens the flow."""
        return _chunks(len(self.entries))

    def chunk(self, number: int) -> Plan:
        """Return what one transaction takes of it."""
        return Plan(self.entries[number * CHUNK_RECIPIENTS : (number + 1) * CHUNK_RECIPIENTS])

    @property
    def facts(self) -> list[Fact]:
        """The facts: what is final at once."""
        return [entry for entry in self.entries if isinstance(entry, Fact)]

    def orders(self, now: int) -> list[Order]:
        """Return the orders, and one to tell the sender where the facts refuse recipients.

        Args:
            now: when they are committed, in milliseconds since the epoch: the bounce waits for other recipients from
                then on.
        """
        found = [entry for entry in self.entries if not isinstance(entry, Fact)]
        refused = next((fact for fact in self.facts if fact.name is EventName.INCOMING_EMAIL_BOUNCED), None)
        if refused is not None:
            name = refused_recipient(refused)
            found.append(
                BounceOrder(trace=refused.trace, organization_id=refused.organization_id, name=name, since=now)
            )
        return found

    def freeze(self) -> bytes:
        """Return the plan as bytes: one JSON object per line, of an order or a fact."""
        return "\n".join(map(_line, self.entries)).encode()

    @classmethod
    def thaw(cls, frozen: bytes, flow: Callable[[], Flow]) -> Plan:
        """Read back what ``freeze`` wrote.

        Args:
            frozen: the plan.
            flow: returns the message that it is about; asked only where the version before wrote the plan.
        """
        lines = [json.loads(line) for line in frozen.decode().split("\n") if line]
        if former_plan.is_former(lines):
            return cls(former_plan.entries(lines, flow))
        return cls(tuple(_fact(line) if line["kind"] == FACT else order_of(line) for line in lines))


def chunks_of(frozen: bytes) -> int:
    """Return how many transactions a frozen plan takes."""
    return _chunks(frozen.count(b"\n") + 1)


def with_slot_open(order: Order) -> Order:
    """Return an order of the transaction that opens a flow: a call that is waited for has its slot open with it."""
    is_asked = isinstance(order, RuleCall) and order.synchronous
    return order.model_copy(update={"slot_open": True}) if is_asked else order


def _chunks(entries: int) -> int:
    return max(1, -(-entries // CHUNK_RECIPIENTS))


def _line(entry: Fact | Order) -> str:
    if isinstance(entry, Order):
        return entry.model_dump_json()
    line = {
        "kind": FACT,
        "trace": entry.trace,
        "organization_id": entry.organization_id,
        "name": entry.name.value,
        "key": entry.key,
        "at": entry.at,
        "event": entry.event,
        "data": entry.data,
    }
    return json.dumps(line, ensure_ascii=False)


def _fact(line: Mapping[str, Any]) -> Fact:
    members = {name: value for name, value in line.items() if name != "kind"}
    name = members["name"]
    return Fact(**members | {"name": OwnFact(name) if name in set(OwnFact) else EventName(name)})
