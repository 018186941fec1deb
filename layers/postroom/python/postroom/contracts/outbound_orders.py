"""Orders of outbound mail, and the keys of the facts that end its recipients.

    submit ─► transmit ─► SES or an SMTP gateway

A submission's flow begins with the fact OUTGOING_EMAIL_SUBMITTED (``model.facts.SUBMITTED``). Each of its recipients
outside ends with one fact, whose key is ``end_key``: sent, or bounced.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

from pydantic import Field

from postroom.contracts.stored import Order, RawLocation
from postroom.model.facts import EventName

MAX_TRANSMITTED: Final = 50
"""Most recipients of one transmission. Source: SES, 50 recipients per message; for gateways ours."""


def end_key(recipient: str) -> str:
    """Return the key of the fact that ends an outbound recipient, whatever the fact: sent excludes bounced.

    Args:
        recipient: its address, lower-case.
    """
    return f"{EventName.OUTGOING_EMAIL_SENT}:{recipient}"


class SealedLocation(RawLocation):
    """Where the bytes of a submitted message are: its sender's sealed copy (docs/decisions/0050).

    A submitted message has no plain object, unless it needs one. Its orders have what opens the copy, which goes with
    them; facts never have it.
    """

    message_key: str = Field(repr=False)
    """The message key, wrapped by ``ports.transit_keys``."""


class TransmitOrder(Order):
    """Send this message to these recipients outside, all by one way.

    Open until each of them has its end; what is left of them after a partial failure follows from the facts.
    """

    says = "an order to transmit"

    kind: Literal["TRANSMIT"] = "TRANSMIT"
    name: str
    """Unique in its flow, for instance ``ses:1``, ``<gateway id>:2``."""
    gateway_id: str = ""
    """The SMTP gateway; empty: SES."""
    envelope_from: str
    """Empty for messages of our own that are not to bounce."""
    recipients: tuple[str, ...] = Field(max_length=MAX_TRANSMITTED)
    message_id: str
    """Of the Message-ID header, with angle brackets."""
    author: str
    """The address in From."""
    sender: str = ""
    """The address in Sender, if the message is sent on behalf of ``author``."""
    raw: SealedLocation | RawLocation
    """The message as it was submitted; Bcc is left out when it is sent."""
    size: int = Field(ge=0)
    since: int
    """When the message was submitted: the time of retries begins."""

    @property
    def key(self) -> str:
        """Name it by its part of the flow."""
        return f"transmit:{self.name}"

    @property
    def station(self) -> str:
        """One station transmits, by both ways."""
        return "transmit"

    @property
    def group(self) -> str:
        """The organization and the way: a slow gateway delays no other, and no other organization's mail."""
        return hashlib.sha256(f"{self.organization_id}\0{self.gateway_id}".encode()).hexdigest()
