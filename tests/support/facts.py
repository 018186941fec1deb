"""Facts as the stations write them, for tests of their projections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.event_log import (
    BouncedRecipient,
    DmarcPolicyApplied,
    Event,
    IncomingEmailBounced,
    JournalingInitiated,
    MailboxEmailDelivered,
    OrganizationEmailReceived,
    OutgoingEmailBounced,
    OutgoingEmailSent,
    OutgoingEmailSubmitted,
    RuleAction,
    RuleApplied,
)
from postroom.errors import UnknownOrganizationError, UnreadableFactError
from postroom.model.facts import RECEIVED, Fact, OwnFact
from postroom.model.verdicts import DmarcPolicy, Verdict
from postroom.ports.ledger import OpenedFlow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from postroom.model.directory import Monitoring

ACME: Final = "m-" + "a" * 32
OTHER: Final = "m-" + "b" * 32
NOON: Final = 1_795_000_000_000  # 2026-11-18T11:06:40Z


def fact(event: Event, trace: str = "t1", at: int = NOON, key: str = "", organization_id: str = ACME) -> Fact:
    """Return one of WorkMail's events as a fact."""
    return Fact(trace, organization_id, event.name, key or event.name.value, at, event.fields())


def own(name: OwnFact, trace: str = "t1", at: int = NOON, organization_id: str = ACME, **data: Any) -> Fact:
    """Return a fact of ours."""
    return Fact(trace, organization_id, name, name.value, at, data=data)


def received(*recipients: str, spam: Verdict = Verdict.PASS, **changes: Any) -> OrganizationEmailReceived:
    fields: dict[str, Any] = {
        "recipients": recipients or ("userb@example.com",),
        "from_": "usera@example.com",
        "subject": "Quarterly figures",
        "message_id": "<1@example.com>",
        "spam_verdict": spam,
        "dkim_verdict": Verdict.PASS,
        "dmarc_verdict": Verdict.FAIL,
        "dmarc_policy": DmarcPolicy.NONE,
        "spf_verdict": Verdict.GRAY,
        "message_timestamp": "2026-11-18T11:06:40.000Z",
    }
    return OrganizationEmailReceived(**{**fields, **changes})


def delivered(recipient: str = "userb@example.com", folder: str = "INBOX") -> MailboxEmailDelivered:
    return MailboxEmailDelivered(recipient=recipient, folder=folder)


def rule(kind: str = "INBOUND_RULE", **changes: Any) -> RuleApplied:
    actions = (RuleAction(action="MOVE_TO_JUNK", recipients=("userb@example.com",)),)
    fields: dict[str, Any] = {"rule_name": "no newsletters", "rule_type": kind, "rule_actions": actions}
    return RuleApplied(**{**fields, **changes})


def bounced_in(recipient: str = "full@example.com") -> IncomingEmailBounced:
    return IncomingEmailBounced(
        bounced_recipient=BouncedRecipient(email_address=recipient, reason="mailbox full", status="5.2.2")
    )


def submitted(*recipients: str, **changes: Any) -> OutgoingEmailSubmitted:
    fields: dict[str, Any] = {"recipients": recipients, "from_": "usera@example.com", "subject": "Quarterly figures"}
    return OutgoingEmailSubmitted(**{**fields, **changes})


def sent(recipient: str, message_id: str = "<1@example.com>") -> OutgoingEmailSent:
    return OutgoingEmailSent(recipient=recipient, from_="usera@example.com", message_id=message_id)


def bounced_out(recipient: str) -> OutgoingEmailBounced:
    status = BouncedRecipient(email_address=recipient, reason="no such user", status="5.1.1")
    return OutgoingEmailBounced(bounced_recipient=status, destination=recipient, reason="no such user")


def journaled() -> JournalingInitiated:
    return JournalingInitiated(journaling_address="journal@archive.example")


def dmarc_applied() -> DmarcPolicyApplied:
    return DmarcPolicyApplied(
        from_="usera@example.com", recipients=("userb@example.com",), policy=DmarcPolicy.QUARANTINE
    )


@dataclass
class Settings:
    """``EventLogSettings``, given as a mapping."""

    of: Mapping[str, Monitoring]

    def monitoring(self, organization_id: str) -> Monitoring:
        if organization_id not in self.of:
            raise UnknownOrganizationError(organization_id)
        return self.of[organization_id]


@dataclass
class Facts:
    """``Ledger`` over a list; ``broken`` names rows that are not facts."""

    all: list[Fact] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def facts(self, trace: str) -> Sequence[Fact]:
        return sorted((each for each in self.all if each.trace == trace), key=lambda each: (each.at, each.key))

    def fact(self, trace: str, key: str) -> Fact | None:
        if f"{trace}/{key}" in self.broken:
            raise UnreadableFactError("in the ledger")
        return next((each for each in self.all if (each.trace, each.key) == (trace, key)), None)

    def opened(self, trace: str) -> OpenedFlow | None:
        first = self.fact(trace, RECEIVED)
        return None if first is None else OpenedFlow(first, ())

    def of_message(self, part: str, *, latest: bool) -> Sequence[Fact]:
        return [each for each in self.all if each.trace.startswith(part)]

    def attempts(self, trace: str) -> Sequence[Fact]:
        return [each for each in self.facts(trace) if each.name is OwnFact.RULE_ATTEMPTED]

    def openings(self, traces: Collection[str], key: str = RECEIVED) -> Mapping[str, Fact]:
        return {each.trace: each for each in self.all if each.trace in traces and each.key == key}

    def facts_at(self, places: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Fact]:
        return {(each.trace, each.key): each for each in self.all if (each.trace, each.key) in places}

    def by_message_id(self, message_id: str) -> Iterator[Fact]:
        return (each for each in self.all if each.event.get("messageId") == message_id)

    def between(self, since: int, until: int) -> Iterator[Fact]:
        return (each for each in self.all if since <= each.at < until)

    def all_facts(self, organization_id: str) -> Iterator[Fact]:
        return (each for each in self.all if each.organization_id == organization_id)


def plenty() -> int:
    """Return the milliseconds that are left of a function's time: more than enough."""
    return 60_000
