"""What ingest will do about a message: one entry for each mailbox, refusal, skip and rule, in a fixed order.

A plan of more than one chunk is frozen in an object before the first transaction, because directory and rules may
change while it is carried out: every later attempt continues the same plan.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from postroom.contracts.event_log import (
    BouncedRecipient,
    DmarcPolicyApplied,
    IncomingEmailBounced,
    RuleAction,
    RuleApplied,
)
from postroom.contracts.orders import BounceOrder, DeliveryOrder, RuleCall
from postroom.model.facts import RECEIVED, EventName, Fact, OwnFact
from postroom.model.limits import CHUNK_RECIPIENTS
from postroom.model.rules import ActionType, Direction
from postroom.model.verdicts import DmarcPolicy
from postroom.routing.resolve import Refusal, Skip, Target

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from postroom.contracts.orders import Order, RawLocation


@dataclass(frozen=True, slots=True)
class Flow:
    """One message on its way in one organization. ``size`` in bytes, ``received_at`` in milliseconds."""

    trace: str
    organization_id: str
    envelope_from: str
    raw: RawLocation
    size: int
    received_at: int


@dataclass(frozen=True, slots=True)
class Applied:
    """A mail flow rule that decided about some recipients; of those whom it drops nothing else is to come.

    ``part`` is what the fact's key ends with, where recipients were added to a flow; else empty.
    """

    rule_id: str
    rules_version: int
    name: str
    action: str
    recipients: tuple[str, ...]
    part: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The DMARC policy of the domain of ``author``, applied to the message; REJECT ends it. ``part`` as above."""

    author: str
    policy: str
    recipients: tuple[str, ...]
    part: str


@dataclass(frozen=True, slots=True)
class Call:
    """A rule whose function has its say: a synchronous one decides about ``recipients``, who have no other entry.

    ``others`` are the flow's other recipients, of whom only a synchronous one has to know; ``part`` as above.
    """

    rule_id: str
    rules_version: int
    name: str
    function_arn: str
    synchronous: bool
    fallback: str
    timeout_minutes: int
    mail_from: str
    sender: str | None
    subject: str
    recipients: tuple[str, ...]
    others: tuple[str, ...]
    spam: bool
    part: str


Entry = Target | Refusal | Skip | Applied | Policy | Call


@dataclass(frozen=True, slots=True)
class Plan:
    """Entries in the order in which they are carried out."""

    entries: tuple[Entry, ...]

    def without(self, mailboxes: Collection[str], skipped: Collection[str]) -> Plan:
        """Leave out mailboxes that this flow has reached already, and members that were skipped in it."""
        return Plan(
            tuple(
                entry
                for entry in self.entries
                if not (isinstance(entry, Target) and entry.mailbox_id in mailboxes)
                and not (isinstance(entry, Skip) and entry.member_id in skipped)
            )
        )

    @property
    def chunks(self) -> int:
        """How many transactions it takes; at least one, which opens the flow."""
        return max(1, -(-len(self.entries) // CHUNK_RECIPIENTS))

    def chunk(self, number: int) -> Plan:
        """Return what one transaction takes of it."""
        return Plan(self.entries[number * CHUNK_RECIPIENTS : (number + 1) * CHUNK_RECIPIENTS])

    def freeze(self) -> bytes:
        """Return the plan as bytes: one JSON array a line."""
        rows = (
            [type(entry).__name__, *(entry if isinstance(entry, Target) else astuple(entry))] for entry in self.entries
        )
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()

    @classmethod
    def thaw(cls, frozen: bytes) -> Plan:
        """Read back what ``freeze`` wrote."""
        kinds: dict[str, type[Entry]] = {kind.__name__: kind for kind in (Target, Refusal, Skip, Applied, Policy, Call)}
        rows = (json.loads(line) for line in frozen.decode().split("\n") if line)
        return cls(tuple(kinds[row[0]](*map(_thawed, row[1:])) for row in rows))


def _thawed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def orders(entries: Sequence[Entry], flow: Flow, now: int, *, opens: bool = False) -> list[Order]:
    """Return the orders among the entries: for mailboxes, for rules' functions, and to tell the sender of refusals.

    Args:
        opens: their transaction opens the flow, and with it the slots of functions that are asked.
    """
    found: list[Order] = [
        DeliveryOrder(
            trace=flow.trace,
            organization_id=flow.organization_id,
            mailbox_id=entry.mailbox_id,
            recipient=entry.recipient,
            delivered_to=entry.delivered_to,
            envelope_from=flow.envelope_from,
            folder=entry.folder,
            raw=flow.raw,
            size=flow.size,
            received_at=flow.received_at,
        )
        for entry in entries
        if isinstance(entry, Target)
    ]
    found.extend(_call(entry, flow, now, opens=opens) for entry in entries if isinstance(entry, Call))
    refused = next((entry.recipient for entry in entries if isinstance(entry, Refusal)), None)
    if refused is not None:
        found.append(BounceOrder(trace=flow.trace, organization_id=flow.organization_id, name=refused, since=now))
    return found


def _call(entry: Call, flow: Flow, now: int, *, opens: bool) -> RuleCall:
    return RuleCall(
        trace=flow.trace,
        organization_id=flow.organization_id,
        rule_id=entry.rule_id,
        rules_version=entry.rules_version,
        rule_name=entry.name,
        part=entry.part,
        direction=Direction.INBOUND,
        function_arn=entry.function_arn,
        synchronous=entry.synchronous,
        fallback=ActionType(entry.fallback),
        timeout_minutes=entry.timeout_minutes,
        mail_from=entry.mail_from,
        sender=entry.sender,
        subject=entry.subject,
        recipients=entry.recipients,
        others=entry.others,
        spam=entry.spam,
        envelope_from=flow.envelope_from,
        raw=flow.raw,
        size=flow.size,
        received_at=flow.received_at,
        since=now,
        slot_open=entry.synchronous and opens,
    )


def facts(entries: Sequence[Entry], flow: Flow, now: int) -> list[Fact]:
    """Return the facts among the entries: recipients that are final at once."""
    return [fact for entry in entries if (fact := _fact(entry, flow, now)) is not None]


def blocked_fact(received: Fact, recipients: Sequence[str], now: int) -> Fact:
    """Return the fact that ends a message with a virus, for all recipients that ``received`` names."""
    return Fact(
        trace=received.trace,
        organization_id=received.organization_id,
        name=OwnFact.MESSAGE_BLOCKED,
        key=OwnFact.MESSAGE_BLOCKED.value + received.key.removeprefix(RECEIVED),
        at=now,
        data={"recipients": list(recipients), "reason": "virus verdict FAIL"},
    )


def _fact(entry: Entry, flow: Flow, now: int) -> Fact | None:
    match entry:
        case Refusal(recipient, reason, status):
            bounced = BouncedRecipient(email_address=recipient, reason=reason, status=status)
            return Fact(
                trace=flow.trace,
                organization_id=flow.organization_id,
                name=EventName.INCOMING_EMAIL_BOUNCED,
                key=f"{EventName.INCOMING_EMAIL_BOUNCED}:{recipient}",
                at=now,
                event=IncomingEmailBounced(bounced_recipient=bounced).fields(),
            )
        case Skip(member_id, group, reason):
            return Fact(
                trace=flow.trace,
                organization_id=flow.organization_id,
                name=OwnFact.RECIPIENT_SKIPPED,
                key=f"{OwnFact.RECIPIENT_SKIPPED}:{member_id}",
                at=now,
                data={"memberId": member_id, "group": group, "reason": reason},
            )
        case Applied():
            return _applied_fact(entry, flow, now)
        case Policy():
            return _policy_fact(entry, flow, now)
        case Target() | Call():
            return None


def _applied_fact(entry: Applied, flow: Flow, now: int) -> Fact:
    did = RuleAction(action=entry.action, recipients=entry.recipients)
    event = RuleApplied(rule_name=entry.name, rule_type="INBOUND_RULE", rule_actions=(did,))
    return Fact(
        trace=flow.trace,
        organization_id=flow.organization_id,
        name=EventName.RULE_APPLIED,
        key=f"{EventName.RULE_APPLIED}:{entry.rule_id}{entry.part}",
        at=now,
        event=event.fields(),
        data={
            "ruleId": entry.rule_id,
            "rulesVersion": entry.rules_version,
            "final": entry.action == ActionType.DROP,
        },
    )


def _policy_fact(entry: Policy, flow: Flow, now: int) -> Fact:
    policy = DmarcPolicy(entry.policy)
    return Fact(
        trace=flow.trace,
        organization_id=flow.organization_id,
        name=EventName.DMARC_POLICY_APPLIED,
        key=f"{EventName.DMARC_POLICY_APPLIED}{entry.part}",
        at=now,
        event=DmarcPolicyApplied(from_=entry.author, recipients=entry.recipients, policy=policy).fields(),
        data={"final": policy is DmarcPolicy.REJECT},
    )
