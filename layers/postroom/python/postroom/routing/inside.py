"""Mail that never leaves its organization: the fact that opens its inbound flow, and reports as such mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from postroom.contracts.event_log import OrganizationEmailReceived
from postroom.mime.headers import Headers
from postroom.model.facts import RECEIVED, EventName, Fact, flow_message_id, report_trace
from postroom.model.timestamps import timestamp
from postroom.model.verdicts import Verdict
from postroom.ports.raw_mail import keep_beside
from postroom.routing.plan import Flow

if TYPE_CHECKING:
    from postroom.contracts.orders import RawLocation
    from postroom.ports.raw_mail import RawMail

_CHECKS: Final = ("spam_verdict", "dkim_verdict", "dmarc_verdict", "spf_verdict")


@dataclass(frozen=True, slots=True)
class Inside:
    """A message of an organization for its own recipients.

    Attributes:
        trace: of its inbound flow.
        caused_by: trace of the flow that it comes from: its submission, or the message that it answers.
        sender: the address in Sender, if the message is sent on behalf of ``author``; else empty.
        envelope_from: empty for a null sender.
        received_at: milliseconds since the epoch.
    """

    trace: str
    organization_id: str
    caused_by: str
    recipients: tuple[str, ...]
    author: str
    sender: str
    subject: str
    message_id: str
    envelope_from: str
    raw: RawLocation
    size: int
    received_at: int


def received_inside(message: Inside, now: int, *, key: str = RECEIVED) -> Fact:
    """Return the fact that opens the inbound flow. Nothing checked the message: it never left the organization.

    Args:
        now: milliseconds since the epoch.
        key: another than the flow's first, for recipients that are added.
    """
    event = OrganizationEmailReceived(
        recipients=message.recipients,
        sender=message.sender or None,
        from_=message.author,
        subject=message.subject,
        message_id=message.message_id,
        message_timestamp=timestamp(message.received_at),
        **dict.fromkeys(_CHECKS, Verdict.PROCESSING_FAILED),
    )
    return Fact(
        trace=message.trace,
        organization_id=message.organization_id,
        name=EventName.ORGANIZATION_EMAIL_RECEIVED,
        key=key,
        at=now,
        event=event.fields(),
        data={
            "flowMessageId": flow_message_id(message.trace),
            "envelopeFrom": message.envelope_from,
            "virusVerdict": Verdict.PROCESSING_FAILED.value,
            "raw": message.raw.model_dump(),
            "size": message.size,
            "shared": False,
            "causedBy": message.caused_by,
        },
    )


class Reported(Protocol):
    """What a report is about: a fact or an order of a flow."""

    @property
    def trace(self) -> str:
        """Of the flow."""

    @property
    def organization_id(self) -> str:
        """The organization."""

    @property
    def key(self) -> str:
        """Of the fact or order."""


def report_inside(
    about: Reported, name: str, content: bytes, raw: RawMail, *, author: str, to: str, now: int
) -> tuple[Flow, Fact]:
    """Keep a report of our own for an address of the organization; return its flow, and the fact that opens it.

    Its bytes lie beside the message that it is about, so that bytes that are never delivered go with it.

    Args:
        name: of the report among those of the flow.
        now: milliseconds since the epoch.
    """
    kept = keep_beside(raw, f"transit/{about.trace}/{name}", content)
    trace, headers = report_trace(about.trace, about.key), Headers.of(content)
    message = Inside(
        trace=trace,
        organization_id=about.organization_id,
        caused_by=about.trace,
        recipients=(to,),
        author=author,
        sender="",
        subject=headers.text("Subject"),
        message_id=headers.text("Message-ID"),
        envelope_from="",
        raw=kept,
        size=len(content),
        received_at=now,
    )
    return Flow(trace, about.organization_id, "", kept, len(content), now, now), received_inside(message, now)
