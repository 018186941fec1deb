"""WorkMail's email event log: its nine records with their documented fields.

Source: guide, ZH:1529-1637, and the queries in ZH:1764-1899, which show the nesting. A record is
``{"traceId": …, "event": {"eventName": …, …}}``. Ours, where the guide says nothing: ``messageTimestamp`` is RFC 3339
in UTC with milliseconds; the names in ``ruleActions`` are those of the API's actions; statuses of bounces are those of
RFC 3463.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final

from pydantic import Field

from postroom.contracts.base import Sent
from postroom.model.facts import EventName, Fact
from postroom.model.verdicts import DmarcPolicy, Verdict

DEFAULT_LOG_GROUP: Final = "/aws/workmail/emailevents/{alias}"
"""Log group if none is configured. Source: guide, ZH:2066."""

DEFAULT_RETENTION_DAYS: Final = 30
"""Retention of the default group, in days. Source: guide, ZH:2067."""


class Event(Sent):
    """The inner object of a record."""

    name: ClassVar[EventName]

    def fields(self) -> dict[str, Any]:
        """Return the record's fields as JSON values; a field without a value is absent, never null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class BouncedRecipient(Sent):
    """A recipient that did not get the message, with the reason. ``status`` is an enhanced status code (RFC 3463)."""

    email_address: str = Field(alias="emailAddress")
    reason: str
    status: str


class RuleAction(Sent):
    """An action of a rule and its recipients."""

    action: str
    recipients: tuple[str, ...]


class OrganizationEmailReceived(Event):
    """One per received message. ``from`` is the From header, ``sender`` the Sender header."""

    name: ClassVar[EventName] = EventName.ORGANIZATION_EMAIL_RECEIVED
    recipients: tuple[str, ...]
    sender: str | None = None
    from_: str = Field(alias="from")
    subject: str
    message_id: str = Field(alias="messageId")
    spam_verdict: Verdict = Field(alias="spamVerdict")
    dkim_verdict: Verdict = Field(alias="dkimVerdict")
    dmarc_verdict: Verdict = Field(alias="dmarcVerdict")
    dmarc_policy: DmarcPolicy | None = Field(alias="dmarcPolicy", default=None)
    spf_verdict: Verdict = Field(alias="spfVerdict")
    message_timestamp: str = Field(alias="messageTimestamp")


class MailboxEmailDelivered(Event):
    """One per mailbox."""

    name: ClassVar[EventName] = EventName.MAILBOX_EMAIL_DELIVERED
    recipient: str
    folder: str


class RuleApplied(Event):
    """One per rule that was applied."""

    name: ClassVar[EventName] = EventName.RULE_APPLIED
    rule_name: str = Field(alias="ruleName")
    rule_type: str = Field(alias="ruleType", pattern="^(INBOUND_RULE|OUTBOUND_RULE|MAILBOX_RULE)$")
    rule_actions: tuple[RuleAction, ...] = Field(alias="ruleActions")
    target_folder: str | None = Field(alias="targetFolder", default=None)
    target_recipient: str | None = Field(alias="targetRecipient", default=None)


class JournalingInitiated(Event):
    """Only if journaling is configured."""

    name: ClassVar[EventName] = EventName.JOURNALING_INITIATED
    journaling_address: str = Field(alias="journalingAddress")


class IncomingEmailBounced(Event):
    """One per refused recipient of a received message."""

    name: ClassVar[EventName] = EventName.INCOMING_EMAIL_BOUNCED
    bounced_recipient: BouncedRecipient = Field(alias="bouncedRecipient")


class OutgoingEmailSubmitted(Event):
    """One per submission; ``recipients`` are those of To, Cc and Bcc."""

    name: ClassVar[EventName] = EventName.OUTGOING_EMAIL_SUBMITTED
    recipients: tuple[str, ...]
    sender: str | None = None
    from_: str = Field(alias="from")
    subject: str


class OutgoingEmailSent(Event):
    """One per recipient that the message was sent to."""

    name: ClassVar[EventName] = EventName.OUTGOING_EMAIL_SENT
    recipient: str
    sender: str | None = None
    from_: str = Field(alias="from")
    message_id: str = Field(alias="messageId")


class OutgoingEmailBounced(Event):
    """One per refused recipient, with the object of the guide's field table and the two fields of the guide's query."""

    name: ClassVar[EventName] = EventName.OUTGOING_EMAIL_BOUNCED
    bounced_recipient: BouncedRecipient = Field(alias="bouncedRecipient")
    destination: str
    reason: str


class DmarcPolicyApplied(Event):
    """One per message to which a DMARC policy was applied."""

    name: ClassVar[EventName] = EventName.DMARC_POLICY_APPLIED
    from_: str = Field(alias="from")
    recipients: tuple[str, ...]
    policy: DmarcPolicy


EVENTS: Final[dict[EventName, type[Event]]] = {
    model.name: model
    for model in (
        OrganizationEmailReceived,
        MailboxEmailDelivered,
        RuleApplied,
        JournalingInitiated,
        IncomingEmailBounced,
        OutgoingEmailSubmitted,
        OutgoingEmailSent,
        OutgoingEmailBounced,
        DmarcPolicyApplied,
    )
}


def record_of(fact: Fact) -> str:
    """Return a fact as one line of the event log."""
    return json.dumps(
        {"traceId": fact.trace, "event": {"eventName": fact.name.value, **fact.event}},
        ensure_ascii=False,
        separators=(",", ":"),
    )
