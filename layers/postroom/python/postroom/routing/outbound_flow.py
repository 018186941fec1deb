"""One submitted message: what all its orders and facts have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postroom.contracts.event_log import BouncedRecipient, OutgoingEmailBounced
from postroom.contracts.outbound_orders import MAX_TRANSMITTED, TransmitOrder, end_key
from postroom.model.facts import EventName, Fact, OwnFact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from postroom.contracts.outbound_orders import SealedLocation
    from postroom.contracts.stored import RawLocation

BY_SES = "ses"
"""Name of the way by SES, in the names of orders; other ways are gateway ids."""


@dataclass(frozen=True, slots=True)
class OutboundFlow:
    """A submission that is being decided.

    Attributes:
        envelope_from: empty for messages of our own that are not to bounce.
        author: the address in From.
        sender: the address in Sender, if the message is sent on behalf of ``author``; else empty.
        message_id: of the Message-ID header, with angle brackets.
        raw: the message as it was submitted.
        size: of it, in bytes.
        now: when the decision is made, in milliseconds since the epoch: the time of its facts.
    """

    trace: str
    organization_id: str
    envelope_from: str
    author: str
    sender: str
    message_id: str
    raw: SealedLocation | RawLocation
    size: int
    now: int

    def transmissions(self, recipients: Sequence[str], gateway_id: str = "") -> Iterator[TransmitOrder]:
        """Yield orders to send to recipients by one way, each with at most ``MAX_TRANSMITTED`` of them."""
        for number, start in enumerate(range(0, len(recipients), MAX_TRANSMITTED), 1):
            yield TransmitOrder(
                trace=self.trace,
                organization_id=self.organization_id,
                name=f"{gateway_id or BY_SES}:{number}",
                gateway_id=gateway_id,
                envelope_from=self.envelope_from,
                recipients=tuple(recipients[start : start + MAX_TRANSMITTED]),
                message_id=self.message_id,
                author=self.author,
                sender=self.sender,
                raw=self.raw,
                size=self.size,
                since=self.now,
            )

    def refused(self, recipient: str, reason: str, status: str) -> Fact:
        """Return the fact that ends a recipient without the message. ``status``: enhanced status code (RFC 3463)."""
        bounced = BouncedRecipient(email_address=recipient, reason=reason, status=status)
        event = OutgoingEmailBounced(bounced_recipient=bounced, destination=recipient, reason=reason)
        return self.fact(EventName.OUTGOING_EMAIL_BOUNCED, end_key(recipient), event=event.fields())

    def fact(
        self,
        name: EventName | OwnFact,
        key: str,
        *,
        event: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Fact:
        """Return a fact of this flow."""
        return Fact(self.trace, self.organization_id, name, key, self.now, event=event or {}, data=data or {})
