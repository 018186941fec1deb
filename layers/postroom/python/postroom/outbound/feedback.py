"""What an event of SES says of each recipient, as facts of the flow (docs/decisions/0054).

A bounce, complaint or rejection never changes that SES has taken the message: it is a fact beside the recipient's end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.event_log import BouncedRecipient, OutgoingEmailBounced
from postroom.contracts.ses_events import Bounced, Complained, Delayed, Rejected
from postroom.model.addresses import Address
from postroom.model.bounces import UNDEFINED_STATUS
from postroom.model.facts import EventName, Fact, OwnFact
from postroom.model.transmissions import said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

_STATUS: Final = re.compile(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
"""Source: RFC 3464, 2.3.4; a comment may follow."""

UNWANTED: Final = "5.7.1"
"""Status of complaints and rejections. Source: RFC 3463, 3.8, delivery not authorized, message refused."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """The facts of an event about one flow.

    Attributes:
        submitted: the fact that opened the flow.
        event: what SES reports.
        notice_ms: time after the submission from which a delay is told to the sender, in milliseconds.
        names: returns the flow's names of the recipients that an address means; none: it is no recipient's.
    """

    submitted: Fact
    event: SesEvent
    notice_ms: int
    names: Callable[[Address], Sequence[str]]

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
                return [self._bounced(bounce, each, name) for each, name in self._known(bounce.bounced_recipients)]
            case Complained() as complaint:
                told = self._known(complaint.complained_recipients)
                return [self._complained(complaint, name) for _, name in told]
            case Rejected() as rejection:
                return self._rejected(rejection)
            case delay:
                return [self._delayed(delay, each, name) for each, name in self._known(delay.delayed_recipients)]

    def _known(self, reported: Iterable[Reported]) -> Iterator[tuple[Reported, str]]:
        """Yield what is said of recipients of the flow, each with its name."""
        for each in reported:
            for name in self._names(each.email_address):
                yield each, name

    def _names(self, text: str) -> Sequence[str]:
        """SES gives an address as it was sent to, or as another server's report has it, which may have one of its own.

        An address that is no recipient's means the only recipient of what SES was sent, if there is one.
        """
        sent_to = self.event.mail.destination
        texts = (text, *sent_to) if len(sent_to) == 1 else (text,)
        found = (self.names(address) for address in map(Address.written, texts) if address is not None)
        return next(filter(None, found), ())

    def _bounced(self, bounce: Bounced, recipient: Reported, name: str) -> Fact:
        """``diagnosticCode`` is the other server's reply after its type: ``smtp; 550 5.1.1 user unknown``."""
        kind = ": ".join(filter(None, (bounce.bounce_type, bounce.bounce_sub_type)))
        status = _status(recipient) or STATUS.get(bounce.bounce_sub_type, UNDEFINED_STATUS)
        data = {"bounceType": kind, "feedbackId": bounce.feedback_id, "reportingMta": bounce.reporting_mta}
        return self._refused(name, _reply(recipient) or kind, status, bounce.timestamp, data)

    def _complained(self, complaint: Complained, name: str) -> Fact:
        """It is no failure: the recipient has the message, and its sender is not told."""
        kind = complaint.complaint_feedback_type or complaint.complaint_sub_type or "not specified"
        data = {"complaint": said(kind), "feedbackId": complaint.feedback_id}
        reason = f"the recipient reported the message: {said(kind)}"
        return self._refused(name, reason, UNWANTED, complaint.timestamp, data, key="complaint")

    def _rejected(self, rejection: Rejected) -> list[Fact]:
        reason = f"SES rejected the message: {said(rejection.reason)}".rstrip(": ")
        mail = self.event.mail
        names = (name for each in mail.destination for name in self._names(each))
        return [self._refused(name, reason, UNWANTED, mail.timestamp, {}) for name in names]

    def _delayed(self, delay: Delayed, recipient: Reported, name: str) -> Fact:
        """The sender is told once, of a delay that lasts."""
        at = _ms(delay.timestamp)
        is_late = at - self.submitted.at >= self.notice_ms
        waiting = {"address": name, "status": _status(recipient), "diagnostic": _reply(recipient) or delay.delay_type}
        data = {
            "waiting": [waiting],
            "until": _ms(delay.expiration_time) if delay.expiration_time else 0,
            "isLate": is_late,
            "sesMessageId": self.event.mail.message_id,
        }
        key = f"{OwnFact.DELIVERY_DELAYED}:{name}{':late' if is_late else ''}"
        return self._fact(OwnFact.DELIVERY_DELAYED, key, at, {}, data)

    def _refused(
        self, name: str, reason: str, status: str, timestamp: datetime, data: Mapping[str, str], *, key: str = ""
    ) -> Fact:
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


def _status(recipient: Reported) -> str:
    """Return the status without what other servers write after it; empty if it is none."""
    found = _STATUS.match(recipient.status)
    return found[0] if found else ""


def _ms(timestamp: datetime) -> int:
    return round(timestamp.timestamp() * 1000)
