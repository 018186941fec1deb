"""One message in one organization, and what becomes of it: facts and orders, in the order in which they are committed.

A plan of more than one chunk is frozen in an object before the first transaction, because directory and rules may
change while it is carried out: every later attempt continues the same plan.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.event_log import BouncedRecipient, DmarcPolicyApplied, IncomingEmailBounced, RuleApplied
from postroom.contracts.event_log import RuleAction as AppliedAction
from postroom.contracts.orders import FORMAT, BounceOrder, DeliveryOrder, Order, OrderKind, RuleCall, order_of
from postroom.errors import NewerFormError
from postroom.model.facts import EventName, Fact, OwnFact, fact_name
from postroom.model.limits import CHUNK_RECIPIENTS
from postroom.model.rules import ActionType
from postroom.model.verdicts import DmarcPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from postroom.contracts.orders import RawLocation
    from postroom.model.rules import RuleAction
    from postroom.ports.raw_mail import RawMail

FACT: Final = "FACT"
"""Kind of the lines of a frozen plan that hold facts; the others hold orders, whose kinds are their own."""

FACT_FORM: Final = 1
"""The form of these lines."""

REFUSED: Final = ("refused by a mail flow rule", "5.7.1")
"""Reason, where the rule gives none, and status of a rule's bounce. Status: RFC 3463, 3.8; the text is ours."""

REFUSALS: Final = frozenset({EventName.INCOMING_EMAIL_BOUNCED, EventName.OUTGOING_EMAIL_BOUNCED})
"""Facts that refuse a recipient, of which the sender is told."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What all copies of a message in one organization have in common.

    Attributes:
        envelope_from: empty for a null sender.
        raw: the bytes that are delivered.
        size: of them, in bytes.
        received_at: when SES received the message, in milliseconds since the epoch.
        now: when the decision is made, in milliseconds since the epoch: the time of its facts.
    """

    trace: str
    organization_id: str
    envelope_from: str
    raw: RawLocation
    size: int
    received_at: int
    now: int

    @classmethod
    def of_call(cls, call: RuleCall, now: int) -> Flow:
        """Return the flow of a rule's call, with the message as it came."""
        return cls(call.trace, call.organization_id, call.envelope_from, call.raw, call.size, call.received_at, now)

    def delivery(self, mailbox_id: str, recipient: str, delivered_to: str, folder: str) -> DeliveryOrder:
        """Return the order to put the message into a mailbox."""
        return DeliveryOrder.trusted(
            {
                "version": FORMAT,
                "trace": self.trace,
                "organization_id": self.organization_id,
                "kind": OrderKind.MAIL,
                "mailbox_id": mailbox_id,
                "recipient": recipient,
                "delivered_to": delivered_to,
                "envelope_from": self.envelope_from,
                "folder": folder,
                "raw": self.raw,
                "size": self.size,
                "received_at": self.received_at,
                "listed": False,
                "stored": False,
            }
        )

    def refused(self, recipient: str, reason: str, status: str) -> Fact:
        """Return the fact that an envelope recipient is refused. ``status`` is an enhanced status code (RFC 3463)."""
        bounced = BouncedRecipient(email_address=recipient, reason=reason, status=status)
        event = IncomingEmailBounced(bounced_recipient=bounced).fields()
        return self.fact(EventName.INCOMING_EMAIL_BOUNCED, f":{recipient}", event=event)

    def bounced(self, recipient: str, action: RuleAction) -> Fact:
        """Return the fact that a rule's BOUNCE refuses a recipient."""
        return self.refused(recipient, action.bounce_message or REFUSED[0], REFUSED[1])

    def rule_applied(
        self, rule_id: str, version: int, name: str, action: ActionType, recipients: Sequence[str], part: str
    ) -> Fact:
        """Return the fact that a rule decided about recipients; of those that it drops nothing else follows.

        Args:
            part: what the fact's key ends with, where recipients were added to a flow; else empty.
        """
        did = AppliedAction(action=action.value, recipients=tuple(recipients))
        event = RuleApplied(rule_name=name, rule_type="INBOUND_RULE", rule_actions=(did,))
        data = {"ruleId": rule_id, "rulesVersion": version, "final": action is ActionType.DROP}
        return self.fact(EventName.RULE_APPLIED, f":{rule_id}{part}", event=event.fields(), data=data)

    def policy_applied(self, author: str, policy: DmarcPolicy, recipients: Sequence[str], part: str) -> Fact:
        """Return the fact that the DMARC policy of the domain of ``author`` was applied; REJECT ends the message.

        Args:
            part: as for ``rule_applied``.
        """
        event = DmarcPolicyApplied(from_=author, recipients=tuple(recipients), policy=policy)
        data = {"final": policy is DmarcPolicy.REJECT}
        return self.fact(EventName.DMARC_POLICY_APPLIED, part, event=event.fields(), data=data)

    def skipped(self, member_id: str, group: str, reason: str) -> Fact:
        """Return the fact that a member of a group gets nothing; its sender is not told."""
        data = {"memberId": member_id, "group": group, "reason": reason}
        return self.fact(OwnFact.RECIPIENT_SKIPPED, f":{member_id}", data=data)

    def fact(
        self,
        name: EventName | OwnFact,
        about: str,
        *,
        event: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Fact:
        """Return a fact of this flow. Its key is its name and what it is ``about``."""
        return Fact(
            self.trace, self.organization_id, name, f"{name.value}{about}", self.now, event=event or {}, data=data or {}
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Facts and orders in the order in which they are committed; bounce orders follow from the facts."""

    entries: tuple[Fact | Order, ...]

    def without(self, mailboxes: Collection[str], skipped: Collection[str], orders: Collection[str] = ()) -> Plan:
        """Leave out mailboxes that this flow has reached already, and members that were skipped in it.

        Args:
            orders: keys of orders of outbound mail that are there, or were carried out.
        """

        def is_left(entry: Fact | Order) -> bool:
            if isinstance(entry, DeliveryOrder):
                return entry.mailbox_id not in mailboxes
            if isinstance(entry, Fact):
                return entry.name is not OwnFact.RECIPIENT_SKIPPED or entry.data["memberId"] not in skipped
            return entry.key not in orders

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

    def at(self, now: int) -> Plan:
        """Return a thawed plan as it is committed at ``now``, in milliseconds since the epoch: perhaps days later.

        Facts have that time: a redrive looks for facts near the time of their transaction. The timeouts of calls begin
        then.
        """

        def timed(entry: Fact | Order) -> Fact | Order:
            if isinstance(entry, Fact):
                return replace(entry, at=now)
            return entry.model_copy(update={"since": now}) if isinstance(entry, RuleCall) else entry

        return Plan(tuple(map(timed, self.entries)))

    def orders(self, now: int) -> list[Order]:
        """Return the orders, and one to tell the sender where the facts refuse recipients.

        Args:
            now: when they are committed, in milliseconds since the epoch: the bounce waits for other recipients from
                then on.
        """
        found = [entry for entry in self.entries if not isinstance(entry, Fact)]
        refused = next((fact for fact in self.facts if fact.name in REFUSALS), None)
        if refused is not None:
            name = refused_recipient(refused)
            found.append(
                BounceOrder(trace=refused.trace, organization_id=refused.organization_id, name=name, since=now)
            )
        return found

    def freeze(self) -> bytes:
        """Return the plan as bytes: one JSON object per line, of an order or a fact."""
        return "\n".join(map(_line, self.entries)).encode()

    def keep(self, raw: RawMail, key: str) -> RawLocation:
        """Store the frozen plan; its hash is added to ``key``, because another attempt may have decided otherwise."""
        frozen = self.freeze()
        return raw.keep(f"{key}-{hashlib.sha256(frozen).hexdigest()[:16]}", frozen)

    @classmethod
    def thaw(cls, frozen: bytes, flow: Callable[[], Flow]) -> Plan:
        """Read back what ``freeze`` wrote.

        Args:
            frozen: the plan.
            flow: returns the message that it is about; asked only where the version of 2026-11-29 wrote the plan.

        Raises:
            NewerFormError: only a newer version reads it.
        """
        from postroom.routing import former_plan  # hardly ever needed

        lines = [json.loads(line) for line in frozen.decode().split("\n") if line]
        if former_plan.is_former(lines):
            return cls(former_plan.entries(lines, flow))
        return cls(tuple(_fact(line) if line["kind"] == FACT else order_of(line) for line in lines))


def refused_recipient(fact: Fact) -> str:
    """Return the envelope recipient that a fact refuses; empty where it is about something else."""
    if fact.name not in REFUSALS:
        return ""
    return str(fact.event["bouncedRecipient"]["emailAddress"])


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
        "version": FACT_FORM,
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
    if line.get("version", FACT_FORM) > FACT_FORM:
        raise NewerFormError("a frozen plan with a fact in a form that only a newer version reads")
    return Fact(
        trace=line["trace"],
        organization_id=line["organization_id"],
        name=fact_name(line["name"]),
        key=line["key"],
        at=line["at"],
        event=line["event"],
        data=line["data"],
    )
