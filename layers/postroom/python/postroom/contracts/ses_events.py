"""What SES reports of messages that it has taken: bounces, complaints, delays and rejections, as its events.

The stack's configuration set publishes them to a topic. Source: AWS SES, "Contents of event data that Amazon SES
publishes to Amazon SNS". The tags of a message are those that it was sent with; they lead to its flow.

    bounce      bouncedRecipients: emailAddress, and only where SES got a report: action, status, diagnosticCode
    complaint   complainedRecipients: emailAddress, of each recipient that may have complained
    delay       delayedRecipients: emailAddress, status, diagnosticCode
    reject      reason, no recipients: none of them gets the message
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import AwareDatetime, Field, ValidationError

from postroom.contracts.base import Received
from postroom.errors import InvalidNotificationError

TRACE_TAG: Final = "postroom-trace"
"""Name of the tag with a message's trace. Source: SES, MessageTag: ASCII letters, digits, underscores and hyphens, at
most 256 characters, of its value too."""

ORGANIZATION_TAG: Final = "postroom-organization"
"""Name of the tag with its organization's id."""

PURPOSE_TAG: Final = "postroom-purpose"
"""Name of the tag that says what a message is for; mail of users has none."""

JOURNAL: Final = "journal"
"""The purpose of journal reports, and of notices that one failed: their flow is that of the message reported."""


class EventType(StrEnum):
    """The events that are read. A configuration set can publish others."""

    BOUNCE = "Bounce"
    COMPLAINT = "Complaint"
    DELIVERY_DELAY = "DeliveryDelay"
    REJECT = "Reject"


class Tags(Received):
    """Those tags that are read: a list of values each."""

    trace: tuple[str, ...] = Field(alias=TRACE_TAG, default=())
    organization: tuple[str, ...] = Field(alias=ORGANIZATION_TAG, default=())
    purpose: tuple[str, ...] = Field(alias=PURPOSE_TAG, default=())


class Mail(Received):
    """The message that an event is about. ``destination`` are its envelope recipients of that send."""

    timestamp: AwareDatetime
    message_id: str = Field(alias="messageId")
    destination: tuple[str, ...] = ()
    tags: Tags = Field(default_factory=Tags)

    @property
    def trace(self) -> str:
        """Of its flow; empty: no flow has sent it."""
        return next(iter(self.tags.trace), "")

    @property
    def organization_id(self) -> str:
        """Of its flow; empty where there is none."""
        return next(iter(self.tags.organization), "")

    @property
    def purpose(self) -> str:
        """What it is for, as ``JOURNAL``; empty for mail."""
        return next(iter(self.tags.purpose), "")


class Reported(Received):
    """One recipient of an event, with what its mail server said, where SES knows."""

    email_address: str = Field(alias="emailAddress")
    status: str = ""
    diagnostic_code: str = Field(alias="diagnosticCode", default="")


class Bounced(Received):
    """``bounce_type``: Permanent, Transient or Undetermined: after each of them SES does not try again."""

    bounce_type: str = Field(alias="bounceType")
    bounce_sub_type: str = Field(alias="bounceSubType", default="")
    bounced_recipients: tuple[Reported, ...] = Field(alias="bouncedRecipients")
    timestamp: AwareDatetime
    feedback_id: str = Field(alias="feedbackId")
    reporting_mta: str = Field(alias="reportingMTA", default="")


class Complained(Received):
    """A report that a message is unwanted. ``complaint_feedback_type``: abuse, fraud, virus … (RFC 5965)."""

    complained_recipients: tuple[Reported, ...] = Field(alias="complainedRecipients")
    complaint_feedback_type: str = Field(alias="complaintFeedbackType", default="")
    complaint_sub_type: str | None = Field(alias="complaintSubType", default=None)
    timestamp: AwareDatetime
    feedback_id: str = Field(alias="feedbackId")


class Delayed(Received):
    """SES tries again until ``expiration_time``. ``delay_type``: MailboxFull, RecipientServerError …."""

    delay_type: str = Field(alias="delayType", default="")
    delayed_recipients: tuple[Reported, ...] = Field(alias="delayedRecipients")
    expiration_time: AwareDatetime | None = Field(alias="expirationTime", default=None)
    timestamp: AwareDatetime


class Rejected(Received):
    """SES found a virus, and sends the message to no recipient."""

    reason: str = ""


class SesEvent(Received):
    """One event. The member that its type names is there."""

    event_type: EventType = Field(alias="eventType")
    mail: Mail
    bounce: Bounced | None = None
    complaint: Complained | None = None
    delivery_delay: Delayed | None = Field(alias="deliveryDelay", default=None)
    reject: Rejected | None = None

    @property
    def details(self) -> Bounced | Complained | Delayed | Rejected:
        """What happened.

        Raises:
            InvalidNotificationError: the member is missing.
        """
        found = {
            EventType.BOUNCE: self.bounce,
            EventType.COMPLAINT: self.complaint,
            EventType.DELIVERY_DELAY: self.delivery_delay,
            EventType.REJECT: self.reject,
        }[self.event_type]
        if found is None:
            raise InvalidNotificationError(f"an event of SES without what it reports: {self.event_type}")
        return found


@dataclass(frozen=True, slots=True)
class EventMessage:
    """An event as it was received, for the station that records it."""

    message: str

    @property
    def station(self) -> str:
        """The station that receives it."""
        return "record_feedback"

    @property
    def group(self) -> str:
        """Empty: the events of all organizations share the queue."""
        return ""


def read_event(body: str) -> SesEvent:
    """Read a message of the feedback queue.

    Raises:
        InvalidNotificationError: it is no event of a kind that is read.
    """
    try:
        return SesEvent.model_validate_json(body)
    except ValidationError as error:
        raise InvalidNotificationError("not an event of SES") from error
