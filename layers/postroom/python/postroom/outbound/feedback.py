"""What an event of SES says of each recipient, as facts of the flow (docs/decisions/0054).

A bounce, complaint or rejection never changes that SES has taken the message: it is a fact beside the recipient's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.event_log import BouncedRecipient, OutgoingEmailBounced
from postroom.contracts.ses_events import Bounced, Complained, Delayed, Rejected
from postroom.model.addresses import Address
from postroom.model.bounces import UNDEFINED_STATUS
from postroom.model.facts import EventName, Fact, OwnFact
from postroom.model.transmissions import said

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from postroom.contracts.ses_events import Reported, SesEvent

STATUS: Final[Mapping[str, str]] = {
    "NoEmail": "5.1.1",
    "Suppressed": "5.1.1",
    "OnAccountSuppressionList": "5.1.1",
    "MailboxFull": "5.2.2",
    "MessageTooLarge": "5.3.4",
    "ContentRejected": "5.6.0",
    "AttachmentRejected": "5.6.0",
}
"""Statuses (RFC 3463) of SES's bounce subtypes, for bounces without a status. Ours."""

UNWANTED: Final = "5.7.1"
"""Status of complaints and rejections. Source: RFC 3463, 3.8, delivery not authorized, message refused."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """The facts of an event about one flow.

    Attributes:
        submitted: the fact that opened the flow.
        event: what SES reports.
        notice_ms: time after the submission from which a delay is told to the sender, in milliseconds.
    """

    submitted: Fact
    event: SesEvent
    notice_ms: int

    @property
    def name(self) -> str:
        """Of the event among those of its flow, the same each time that it comes."""
        details = self.event.details
        ours = details.feedback_id if isinstance(details, Bounced | Complained) else ""
        return f"ses:{ours or self.event.mail.message_id}"

    def facts(self) -> list[Fact]:
        """Return one fact for each recipient."""
        match self.event.details:
            case Bounced() as bounce:
                return [self._bounced(bounce, each) for each in bounce.bounced_recipients]
            case Complained() as complaint:
                return [self._complained(complaint, each) for each in complaint.complained_recipients]
            case Rejected() as rejection:
                return self._rejected(rejection)
            case delay:
                return [self._delayed(delay, each) for each in delay.delayed_recipients]

    def _bounced(self, bounce: Bounced, recipient: Reported) -> Fact:
        """``diagnosticCode`` is the other server's reply after its type: ``smtp; 550 5.1.1 user unknown``."""
        kind = ": ".join(filter(None, (bounce.bounce_type, bounce.bounce_sub_type)))
        status = recipient.status or STATUS.get(bounce.bounce_sub_type, UNDEFINED_STATUS)
        data = {"bounceType": kind, "feedbackId": bounce.feedback_id, "reportingMta": bounce.reporting_mta}
        return self._refused(recipient.email_address, _reply(recipient) or kind, status, bounce.timestamp, data)

    def _complained(self, complaint: Complained, recipient: Reported) -> Fact:
        """It is no failure: the recipient has the message, and its sender is not told."""
        kind = complaint.complaint_feedback_type or complaint.complaint_sub_type or "not specified"
        data = {"complaint": said(kind), "feedbackId": complaint.feedback_id}
        reason = f"the recipient reported the message: {said(kind)}"
        return self._refused(recipient.email_address, reason, UNWANTED, complaint.timestamp, data, key="complaint")

    def _rejected(self, rejection: Rejected) -> list[Fact]:
        reason = f"SES rejected the message: {said(rejection.reason)}".rstrip(": ")
        mail = self.event.mail
        return [self._refused(each, reason, UNWANTED, mail.timestamp, {}) for each in mail.destination]

    def _delayed(self, delay: Delayed, recipient: Reported) -> Fact:
        """The sender is told once, of a delay that lasts."""
        at, name = _ms(delay.timestamp), _address(recipient.email_address)
        is_late = at - self.submitted.at >= self.notice_ms
        waiting = {"address": name, "status": recipient.status, "diagnostic": _reply(recipient) or delay.delay_type}
        data = {
            "waiting": [waiting],
            "until": _ms(delay.expiration_time) if delay.expiration_time else 0,
            "isLate": is_late,
            "sesMessageId": self.event.mail.message_id,
        }
        key = f"{OwnFact.DELIVERY_DELAYED}:{name}{':late' if is_late else ''}"
        return self._fact(OwnFact.DELIVERY_DELAYED, key, at, {}, data)

    def _refused(
        self, address: str, reason: str, status: str, timestamp: datetime, data: Mapping[str, str], *, key: str = ""
    ) -> Fact:
        name = _address(address)
        refused = BouncedRecipient(email_address=name, reason=reason, status=status)
        event = OutgoingEmailBounced(bounced_recipient=refused, destination=name, reason=reason).fields()
        known = {key: value for key, value in data.items() if value} | {"sesMessageId": self.event.mail.message_id}
        ending = f":{key}" if key else ""
        what = EventName.OUTGOING_EMAIL_BOUNCED
        return self._fact(what, f"{what}:{name}{ending}", _ms(timestamp), event, known)

    def _fact(
        self, name: EventName | OwnFact, key: str, at: int, event: Mapping[str, Any], data: Mapping[str, Any]
    ) -> Fact:
        return Fact(self.submitted.trace, self.submitted.organization_id, name, key, at, event, data)


def once_each(facts: Iterable[Fact]) -> list[Fact]:
    """Return the first fact of each key."""
    found: dict[str, Fact] = {}
    for fact in facts:
        found.setdefault(fact.key, fact)
    return list(found.values())


def _reply(recipient: Reported) -> str:
    kind, semicolon, text = recipient.diagnostic_code.partition(";")
    return said(text.strip() if semicolon and kind.strip().lower() == "smtp" else recipient.diagnostic_code)


def _address(text: str) -> str:
    """Return an address as the flow names it; SES gives it as it was sent to."""
    address = Address.parse(text)
    return said(text).lower() if address is None else str(address)


def _ms(timestamp: datetime) -> int:
    return round(timestamp.timestamp() * 1000)
