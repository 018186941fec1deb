"""Mail that never leaves its organization: the fact that opens its inbound flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.event_log import OrganizationEmailReceived
from postroom.model.facts import RECEIVED, EventName, Fact, flow_message_id
from postroom.model.timestamps import timestamp
from postroom.model.verdicts import Verdict

if TYPE_CHECKING:
    from postroom.contracts.orders import RawLocation

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
