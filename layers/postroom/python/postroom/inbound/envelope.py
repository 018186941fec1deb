"""What a flow begins with: the message as SES announced it, and what its own headers say."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.event_log import OrganizationEmailReceived
from postroom.model.addresses import MAX_ADDRESS_CHARACTERS
from postroom.model.facts import RECEIVED, EventName, Fact, OwnFact, SenderIs, flow_message_id, lone_trace_of, trace_of
from postroom.model.timestamps import timestamp
from postroom.routing.plan import Flow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postroom.contracts.orders import RawLocation
    from postroom.contracts.ses import Notification
    from postroom.mime.excess import Excess
    from postroom.mime.headers import Authors, Headers

MAX_SENDERS_TOLD: Final = 10
"""How many of the addresses in doubt the fact names. Ours."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One received message, before its organizations are known. ``size`` in bytes, ``at`` in milliseconds.

    ``excess`` says which limit it breaks: then every recipient is refused. ``lone``: its flows have traces in the form
    of earlier versions (``model.facts.lone_trace_of``).
    """

    notification: Notification
    raw: RawLocation
    headers: Headers
    size: int
    excess: Excess | None = None
    lone: bool = False

    @property
    def at(self) -> int:
        """When SES received it."""
        return round(self.notification.mail.timestamp.timestamp() * 1000)

    def trace(self, organization_id: str) -> str:
        """Return the trace of its flow in an organization."""
        return (lone_trace_of if self.lone else trace_of)(self.notification.mail.message_id, organization_id)

    def is_shared(self, recipients: Sequence[str]) -> bool:
        """Say whether the notification names others beside these: what SES stored may be another organization's too."""
        return len(set(self.notification.receipt.recipients)) > len(set(recipients))

    @property
    def envelope_from(self) -> str:
        """The envelope sender; empty for a null sender."""
        source = self.notification.mail.source
        return "" if source in {"<>", "MAILER-DAEMON"} else source

    def flow(self, received: Fact) -> Flow:
        """Return what all its copies in one organization have in common."""
        return Flow(
            trace=received.trace,
            organization_id=received.organization_id,
            envelope_from=self.envelope_from,
            raw=self.raw,
            size=self.size,
            received_at=self.at,
            now=received.at,
        )


def received_fact(
    arrival: Arrival, organization_id: str, recipients: Sequence[str], now: int, *, key: str = RECEIVED
) -> Fact:
    """Return the fact that opens a flow: WorkMail's event, and beside it what later stations need.

    Args:
        recipients: this organization's envelope recipients, as SES gave them, lower-case.
        now: milliseconds since the epoch; later than ``arrival.at`` by days where a message was parked.
        key: another than the flow's first, for recipients that came to be known later.
    """
    mail, verdicts = arrival.notification.mail, arrival.notification.verdicts
    trace = arrival.trace(organization_id)
    return Fact(
        trace=trace,
        organization_id=organization_id,
        name=EventName.ORGANIZATION_EMAIL_RECEIVED,
        key=key,
        at=now,
        event=_event(arrival, recipients).fields(),
        data={
            "sesMessageId": mail.message_id,
            "flowMessageId": flow_message_id(trace),
            "envelopeFrom": arrival.envelope_from,
            "virusVerdict": verdicts.virus.value,
            "raw": arrival.raw.model_dump(),
            "size": arrival.size,
            "shared": arrival.is_shared(recipients),
            **_doubt(arrival.headers.authors),
        },
    )


def added_key(recipients: Iterable[str]) -> str:
    """Return the key of the fact that adds recipients to a flow: it names them."""
    return f"{RECEIVED}:{hashlib.sha256(chr(0).join(sorted(recipients)).encode()).hexdigest()[:16]}"


def blocked_fact(received: Fact, recipients: Sequence[str]) -> Fact:
    """Return the fact that ends a message with a virus, for all recipients that ``received`` names."""
    return Fact(
        trace=received.trace,
        organization_id=received.organization_id,
        name=OwnFact.MESSAGE_BLOCKED,
        key=OwnFact.MESSAGE_BLOCKED.value + received.key.removeprefix(RECEIVED),
        at=received.at,
        data={"recipients": list(recipients), "reason": "virus verdict FAIL"},
    )


def _event(arrival: Arrival, recipients: Sequence[str]) -> OrganizationEmailReceived:
    verdicts, headers = arrival.notification.verdicts, arrival.headers
    author, sender = headers.address("From"), headers.address("Sender")
    return OrganizationEmailReceived(
        recipients=tuple(recipients),
        sender=sender if sender and sender != author else None,
        from_=author,
        subject=headers.text("Subject"),
        message_id=headers.text("Message-ID"),
        spam_verdict=verdicts.spam,
        dkim_verdict=verdicts.dkim,
        dmarc_verdict=verdicts.dmarc,
        dmarc_policy=verdicts.dmarc_policy,
        spf_verdict=verdicts.spf,
        message_timestamp=timestamp(arrival.at),
    )


def _doubt(authors: Authors) -> dict[str, Any]:
    """Return what a flow's first fact says where a message's sender is in doubt; nothing for nearly all mail."""
    if authors.are_unknown:
        return {"senderIs": SenderIs.UNKNOWN.value}
    if not authors.differ:
        return {}
    found = dict.fromkeys(address for reading in authors.readings for both in reading for address in both)
    texts = [text for text in map(str, found) if len(text) <= MAX_ADDRESS_CHARACTERS]
    return {"senderIs": SenderIs.AMBIGUOUS.value, "senders": texts[:MAX_SENDERS_TOLD]}
