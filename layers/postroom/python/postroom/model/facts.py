"""Facts, the entries of the ledger: one for each change of a flow, written in the change's own transaction."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ORGANIZATION_DELETED: Final = "its organization is deleted"
"""Cause in the facts of work that ends because the organization is deleted."""


class EventName(StrEnum):
    """The nine events of WorkMail's email event log. Source: guide, ZH:1529-1637."""

    ORGANIZATION_EMAIL_RECEIVED = "ORGANIZATION_EMAIL_RECEIVED"
    MAILBOX_EMAIL_DELIVERED = "MAILBOX_EMAIL_DELIVERED"
    RULE_APPLIED = "RULE_APPLIED"
    JOURNALING_INITIATED = "JOURNALING_INITIATED"
    INCOMING_EMAIL_BOUNCED = "INCOMING_EMAIL_BOUNCED"
    OUTGOING_EMAIL_SUBMITTED = "OUTGOING_EMAIL_SUBMITTED"
    OUTGOING_EMAIL_SENT = "OUTGOING_EMAIL_SENT"
    OUTGOING_EMAIL_BOUNCED = "OUTGOING_EMAIL_BOUNCED"
    DMARC_POLICY_APPLIED = "DMARC_POLICY_APPLIED"


class OwnFact(StrEnum):
    """Facts that WorkMail does not log: in the trace and on the event bus, never in the customer's event log."""

    MESSAGE_BLOCKED = "MESSAGE_BLOCKED"  # virus verdict FAIL: no recipient gets it, no bounce
    RECIPIENT_SKIPPED = "RECIPIENT_SKIPPED"  # a disabled member of a group
    QUOTA_NOTICE_DELIVERED = "QUOTA_NOTICE_DELIVERED"
    PROVIDER_ASKED = "PROVIDER_ASKED"  # a provider was asked for free/busy information; with the result
    CONTENT_PUT = "CONTENT_PUT"  # a rule's function replaced the message's content
    QUOTA_NOTICE_DROPPED = "QUOTA_NOTICE_DROPPED"  # its mailbox was removed meanwhile
    RULE_ATTEMPTED = "RULE_ATTEMPTED"  # a rule's function was called; with the result
    RULE_CALL_DROPPED = "RULE_CALL_DROPPED"  # a rule's function is not called: its organization is deleted
    BOUNCE_INTENDED = "BOUNCE_INTENDED"  # a bounce message is about to be sent
    BOUNCE_SENT = "BOUNCE_SENT"
    BOUNCE_SUPPRESSED = "BOUNCE_SUPPRESSED"  # recipients are refused without a bounce message; with the reason
    TRANSMIT_DEFERRED = "TRANSMIT_DEFERRED"  # an attempt to send failed for now; with the answers and the next time
    TRANSMIT_DELAYED = "TRANSMIT_DELAYED"  # a message was not sent for hours, and its sender is to be told
    DELIVERY_DELAYED = "DELIVERY_DELAYED"  # SES could not hand a message on yet, and tries again
    DELAY_NOTICE_SENT = "DELAY_NOTICE_SENT"  # the sender is told that recipients do not have the message yet
    CALENDAR_UPDATED = "CALENDAR_UPDATED"  # a message has changed the calendar of a mailbox
    CALENDAR_IGNORED = "CALENDAR_IGNORED"  # it has not; with the reason
    BOOKING_ANSWERED = "BOOKING_ANSWERED"  # a resource has decided about a request, or left it to its delegates
    OUT_OF_OFFICE_ANSWERED = "OUT_OF_OFFICE_ANSWERED"  # the sender gets a mailbox's out-of-office reply; with its trace
    REPLY_NOT_SENT = "REPLY_NOT_SENT"  # a mailbox's own reply has not left; with the reason
    EXPORT_STARTED = "EXPORT_STARTED"  # an export of a mailbox is ordered; its job comes next
    EXPORT_PLANNED = "EXPORT_PLANNED"  # orders for runs of a mailbox export
    EXPORT_PACKED = "EXPORT_PACKED"  # a run of it is in the archive
    EXPORT_COMPLETED = "EXPORT_COMPLETED"  # the archive is in the customer's bucket
    EXPORT_ENDED = "EXPORT_ENDED"  # it ended without an archive, and nothing is left of it; with the reason
    IMPORT_STARTED = "IMPORT_STARTED"  # an import into a mailbox is ordered; its job comes next
    IMPORT_COMPLETED = "IMPORT_COMPLETED"  # the archive was read to its end
    IMPORT_ENDED = "IMPORT_ENDED"  # it ended before that, and what has entered stays; with the reason
    PARKED = "PARKED"
    REDRIVEN = "REDRIVEN"
    ORDER_STORED = "ORDER_STORED"  # the order of a mailbox was only listed, and has a row from now on: it has to wait
    ANNOUNCED = "ANNOUNCED"  # the notification of a message that was parked without one has arrived
    DISCARDED = "DISCARDED"  # parked work was given up, by an operator or with its organization
    ORGANIZATION_DELETING = "ORGANIZATION_DELETING"  # the deletion of an organization has begun
    JOURNALING_FAILED = "JOURNALING_FAILED"  # a journal report was not made, or its address has refused it
    JOURNAL_NOTICE_SENT = "JOURNAL_NOTICE_SENT"  # the report address was told so
    JOURNAL_NOTICE_FAILED = "JOURNAL_NOTICE_FAILED"  # it could not be told, either
    MAILBOX_REMOVED = "MAILBOX_REMOVED"  # a mailbox was removed with its organization: key, index and objects
    ORGANIZATION_DELETED = "ORGANIZATION_DELETED"  # the organization is Deleted: nothing of it can be read any more


def fact_name(text: str) -> EventName | OwnFact:
    """Return the name of a fact from its text.

    Raises:
        ValueError: no fact has this name.
    """
    return OwnFact(text) if text in set(OwnFact) else EventName(text)


class SenderIs(StrEnum):
    """Value of ``senderIs`` in a flow's first fact, if the headers of the message leave its sender in doubt (ours)."""

    UNKNOWN = "UNKNOWN"  # no mail client finds an address in From: only rules for * match
    AMBIGUOUS = "AMBIGUOUS"  # mail clients may show different senders: the most restrictive rule applies


@dataclass(frozen=True, slots=True)
class Fact:
    """One immutable entry of the ledger.

    Attributes:
        key: deterministic within its trace, so that a fact that is recorded twice exists once.
        at: when it happened, in milliseconds since the epoch.
        event: fields of the event log's record, without ``eventName``.
        data: fields that are not in the customer's event log.
    """

    trace: str
    organization_id: str
    name: EventName | OwnFact
    key: str
    at: int
    event: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Id of the fact among all traces: ``<trace>/<key>``."""
        return f"{self.trace}/{self.key}"


RECEIVED: str = EventName.ORGANIZATION_EMAIL_RECEIVED.value
"""Key of the fact that opens an inbound flow; each flow has one."""

SUBMITTED: str = EventName.OUTGOING_EMAIL_SUBMITTED.value
"""Key of the fact that opens an outbound flow; each flow has one."""


OPENINGS: Final = (RECEIVED, SUBMITTED)
"""Keys of the facts that open flows of messages."""


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """Return facts by time; of one time, the fact that opens an inbound flow is first, and the others follow by key."""
    return sorted(facts, key=lambda fact: (fact.at, fact.key != RECEIVED, fact.key))


def message_id_of(opening: Fact) -> str:
    """Return the message's own Message-ID, of a fact that opens a flow; empty if the message has none."""
    return str(opening.event.get("messageId") or opening.data.get("messageId") or "")


def arrived_ms(received: Fact) -> int:
    """Return when SES received the message of a flow, in milliseconds since the epoch; the flow may be days younger."""
    return round(datetime.fromisoformat(received.event["messageTimestamp"]).timestamp() * 1000)


def provider_trace(call_id: str) -> str:
    """Return the trace of one call of an availability provider; it belongs to no message."""
    return f"provider:{call_id}"


def organization_trace(organization_id: str) -> str:
    """Return the trace of facts about an organization; they belong to no message."""
    return f"organization:{organization_id}"


def message_part(ses_message_id: str) -> str:
    """Return what the traces of all flows of one SES message begin with: a UUID without its last group.

    The ledger keeps the flows of a message together under it, so that one read finds them (docs/decisions/0042).
    """
    digits = hashlib.sha256(f"message\0{ses_message_id}".encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20]))


def trace_of(ses_message_id: str, organization_id: str) -> str:
    """Return the trace id of one SES message in one organization: a UUID, deterministic."""
    own = hashlib.sha256(f"trace\0{organization_id}\0{ses_message_id}".encode()).hexdigest()[:OWN_DIGITS]
    return f"{message_part(ses_message_id)}-{own}"


def lone_trace_of(ses_message_id: str, organization_id: str) -> str:
    """Return the trace id that earlier versions gave a flow: 32 hexadecimal digits; its message cannot be told."""
    return hashlib.sha256(f"trace\0{organization_id}\0{ses_message_id}".encode()).hexdigest()[:32]


def traces_of(ses_message_id: str, organization_id: str) -> tuple[str, str]:
    """Return the traces of which a message's flow in an organization has one, whichever version opened it."""
    return trace_of(ses_message_id, organization_id), lone_trace_of(ses_message_id, organization_id)


def submission_trace(organization_id: str, user_id: str, token: str) -> str:
    """Return the trace id of a submission: 32 hexadecimal digits, deterministic.

    Args:
        user_id: the acting user, or what else submits.
        token: the client's, or one of ours for this attempt; the same token is the same submission.
    """
    return hashlib.sha256(f"submission\0{organization_id}\0{user_id}\0{token}".encode()).hexdigest()[:32]


def inside_trace(trace: str) -> str:
    """Return the trace id of the inbound flow of a submission's recipients inside: 32 hexadecimal digits."""
    return hashlib.sha256(f"inside\0{trace}".encode()).hexdigest()[:32]


def reply_trace(trace: str, mailbox_id: str) -> str:
    """Return the trace id of what a mailbox itself answers to a flow, deterministic; it belongs to the same message."""
    digits = hashlib.sha256(f"reply\0{trace}\0{mailbox_id}".encode()).hexdigest()
    found = split_trace(trace)
    return digits[:32] if found is None else f"{found[0]}-{digits[:OWN_DIGITS]}"


def report_trace(trace: str, claim: str) -> str:
    """Return the trace id of a report into a sender's mailbox: 32 hexadecimal digits, deterministic.

    Args:
        trace: of the flow that the report is about.
        claim: key of the fact there that says what it tells.
    """
    return hashlib.sha256(f"report\0{trace}\0{claim}".encode()).hexdigest()[:32]


OWN_DIGITS: Final = 12
"""Hexadecimal digits of a trace that tell a message's flows apart; the other 20 are the message's. Two flows of one
message, of 50 at most, meet with a chance of 4e-12. Ours."""

_FLOW_MESSAGE_ID: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3})-([0-9a-f]{12})")


def split_trace(trace: str) -> tuple[str, str] | None:
    """Return a trace's ``message_part`` and its own digits; ``None`` for a trace that belongs to no message's flows."""
    found = _FLOW_MESSAGE_ID.fullmatch(trace)
    return None if found is None else (found[1], found[2])


def flow_message_id(trace: str) -> str:
    """Return the message id that rule functions and the Message Flow API use: the trace id, as a UUID.

    A flow is therefore found by its message id with a keyed read, without a row that maps one to the other
    (docs/decisions/0010).
    Source: Message Flow API, messageIdType (``[a-z0-9-]{1,120}``); the guide's example is a UUID.
    """
    return str(uuid.UUID(trace))


def traces_of_message(message_id: str) -> tuple[str, ...]:
    """Return the trace ids that a message id may mean: a UUID, or the same digits alone; none if it is no UUID."""
    return (message_id, message_id.replace("-", "")) if _FLOW_MESSAGE_ID.fullmatch(message_id) else ()
