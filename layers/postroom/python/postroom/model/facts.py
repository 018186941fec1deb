"""What happened to a message: one fact for each change, in the change's own transaction."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ORGANIZATION_DELETED: Final = "its organization is deleted"
"""Why something ends before its time, in the facts that say so."""


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
    """Facts of ours: in the trace and on the bus, never in the customer's WorkMail-shaped log."""

    MESSAGE_BLOCKED = "MESSAGE_BLOCKED"  # virus verdict FAIL: nobody gets it, nobody is told
    RECIPIENT_SKIPPED = "RECIPIENT_SKIPPED"  # a disabled member of a group that was expanded
    QUOTA_NOTICE_DELIVERED = "QUOTA_NOTICE_DELIVERED"
    CONTENT_PUT = "CONTENT_PUT"  # a rule function put another content in the message's place
    QUOTA_NOTICE_DROPPED = "QUOTA_NOTICE_DROPPED"  # its mailbox went away meanwhile
    RULE_ATTEMPTED = "RULE_ATTEMPTED"  # a rule's function was called, and what came of it
    RULE_CALL_DROPPED = "RULE_CALL_DROPPED"  # a rule's function is not called any more: its organization is gone
    BOUNCE_INTENDED = "BOUNCE_INTENDED"  # a bounce message is about to be sent
    BOUNCE_SENT = "BOUNCE_SENT"
    BOUNCE_SUPPRESSED = "BOUNCE_SUPPRESSED"  # recipients bounced, and nobody is told, for a reason
    PARKED = "PARKED"
    REDRIVEN = "REDRIVEN"
    ANNOUNCED = "ANNOUNCED"  # the notification of a message that was parked without one came after all
    DISCARDED = "DISCARDED"  # a parked message was given up, by an operator or with its organization
    ORGANIZATION_DELETING = "ORGANIZATION_DELETING"  # its deletion has begun
    MAILBOX_REMOVED = "MAILBOX_REMOVED"  # a mailbox went with its organization: key, index and objects
    ORGANIZATION_DELETED = "ORGANIZATION_DELETED"  # nothing of it is left that can be read


class SenderIs(StrEnum):
    """What a flow's first fact says (``senderIs``) of a message whose headers leave its sender in doubt (ours)."""

    UNKNOWN = "UNKNOWN"  # no reader finds an address in From: only rules for * match
    AMBIGUOUS = "AMBIGUOUS"  # readers may see different senders: the most restrictive rule holds


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened, never changed afterwards.

    ``key`` is deterministic within its trace, so that recording a fact twice records it once.
    ``event`` holds the fields of the event log's record (without ``eventName``), ``data`` what only we need.
    ``at`` is milliseconds since the epoch, UTC.
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
        """The fact's name across all traces: ``<trace>/<key>``."""
        return f"{self.trace}/{self.key}"


RECEIVED: str = EventName.ORGANIZATION_EMAIL_RECEIVED.value
"""Key of the fact that opens an inbound flow: there is one a flow."""


def organization_trace(organization_id: str) -> str:
    """Return the trace of facts about an organization itself, which belong to no message."""
    return f"organization:{organization_id}"


def trace_of(ses_message_id: str, organization_id: str) -> str:
    """Return the trace id of one SES message in one organization: 32 hexadecimal digits, always the same."""
    return hashlib.sha256(f"trace\0{organization_id}\0{ses_message_id}".encode()).hexdigest()[:32]


_FLOW_MESSAGE_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def flow_message_id(trace: str) -> str:
    """Return the message id that rule functions and the Message Flow API use: the trace, written as a UUID.

    So the flow is found by its message id with a keyed read, and no row says which is whose (docs/decisions/0010).
    Source: Message Flow API, messageIdType (``[a-z0-9-]{1,120}``); the guide's example is a UUID.
    """
    return str(uuid.UUID(trace))


def trace_of_message(message_id: str) -> str | None:
    """Return the trace that a message id stands for; ``None`` where it is none of ours."""
    return message_id.replace("-", "") if _FLOW_MESSAGE_ID.fullmatch(message_id) else None
