"""What ingest will do about a message: one entry for each mailbox, refusal, skip and rule, in a fixed order.

A plan of more than one chunk is frozen in an object before the first transaction, because directory and rules may
change while it is carried out: every later attempt continues the same plan.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from postroom.contracts.between_stations import BounceOrder, DeliveryOrder
from postroom.contracts.event_log import (
    BouncedRecipient,
    DmarcPolicyApplied,
    IncomingEmailBounced,
    RuleAction,
    RuleApplied,
)
from postroom.inbound.resolve import Refusal, Skip, Target
from postroom.model.facts import RECEIVED, EventName, Fact, OwnFact
from postroom.model.limits import CHUNK_RECIPIENTS
from postroom.model.rules import ActionType
from postroom.model.verdicts import DmarcPolicy

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from postroom.inbound.envelope import Arrival


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


Entry = Target | Refusal | Skip | Applied | Policy


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

    def chunk(self, number: int) -> Sequence[Entry]:
        """Return the entries of one transaction."""
        return self.entries[number * CHUNK_RECIPIENTS : (number + 1) * CHUNK_RECIPIENTS]

    def freeze(self) -> bytes:
        """Return the plan as bytes: one JSON array a line."""
        rows = (
            [type(entry).__name__, *(entry if isinstance(entry, Target) else astuple(entry))] for entry in self.entries
        )
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()

    @classmethod
    def thaw(cls, frozen: bytes) -> Plan:
        """Read back what ``freeze`` wrote."""
        kinds: dict[str, type[Entry]] = {kind.__name__: kind for kind in (Target, Refusal, Skip, Applied, Policy)}
        rows = (json.loads(line) for line in frozen.decode().split("\n") if line)
        return cls(tuple(kinds[row[0]](*map(_thawed, row[1:])) for row in rows))


def _thawed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def orders(entries: Sequence[Entry], arrival: Arrival, received: Fact) -> list[DeliveryOrder]:
    """Return the delivery orders among the entries."""
    return [
        DeliveryOrder(
            trace=received.trace,
            organization_id=received.organization_id,
            mailbox_id=entry.mailbox_id,
            recipient=entry.recipient,
            delivered_to=entry.delivered_to,
            envelope_from=arrival.envelope_from,
            folder=entry.folder,
            raw=arrival.raw,
            size=arrival.size,
            received_at=arrival.at,
        )
        for entry in entries
        if isinstance(entry, Target)
    ]


def facts(entries: Sequence[Entry], received: Fact, now: int) -> list[Fact]:
    """Return the facts among the entries: recipients that are final at once."""
    return [fact for entry in entries if (fact := _fact(entry, received, now)) is not None]


def bounce(entries: Sequence[Entry], received: Fact, now: int) -> BounceOrder | None:
    """Return the order to tell the sender, where there are refusals among the entries."""
    refused = next((entry.recipient for entry in entries if isinstance(entry, Refusal)), None)
    if refused is None:
        return None
    return BounceOrder(trace=received.trace, organization_id=received.organization_id, name=refused, since=now)


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


def _fact(entry: Entry, received: Fact, now: int) -> Fact | None:
    match entry:
        case Refusal(recipient, reason, status):
            bounced = BouncedRecipient(email_address=recipient, reason=reason, status=status)
            return Fact(
                trace=received.trace,
                organization_id=received.organization_id,
                name=EventName.INCOMING_EMAIL_BOUNCED,
                key=f"{EventName.INCOMING_EMAIL_BOUNCED}:{recipient}",
                at=now,
                event=IncomingEmailBounced(bounced_recipient=bounced).fields(),
            )
        case Skip(member_id, group, reason):
            return Fact(
                trace=received.trace,
                organization_id=received.organization_id,
                name=OwnFact.RECIPIENT_SKIPPED,
                key=f"{OwnFact.RECIPIENT_SKIPPED}:{member_id}",
                at=now,
                data={"memberId": member_id, "group": group, "reason": reason},
            )
        case Applied():
            return _applied_fact(entry, received, now)
        case Policy():
            return _policy_fact(entry, received, now)
        case Target():
            return None


def _applied_fact(entry: Applied, received: Fact, now: int) -> Fact:
    did = RuleAction(action=entry.action, recipients=entry.recipients)
    event = RuleApplied(rule_name=entry.name, rule_type="INBOUND_RULE", rule_actions=(did,))
    return Fact(
        trace=received.trace,
        organization_id=received.organization_id,
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


def _policy_fact(entry: Policy, received: Fact, now: int) -> Fact:
    policy = DmarcPolicy(entry.policy)
    return Fact(
        trace=received.trace,
        organization_id=received.organization_id,
        name=EventName.DMARC_POLICY_APPLIED,
        key=f"{EventName.DMARC_POLICY_APPLIED}{entry.part}",
        at=now,
        event=DmarcPolicyApplied(from_=entry.author, recipients=entry.recipients, policy=policy).fields(),
        data={"final": policy is DmarcPolicy.REJECT},
    )
