"""Orders of outbound mail, and the keys of the facts that end its recipients.

    submit ─┬─► transmit ─► SES or an SMTP gateway
            ├─► ingest ─► recipients of the sender's organization
            └─► accept_outbound ─► the same, where one transaction cannot hold all of it

A submission's flow begins with the fact OUTGOING_EMAIL_SUBMITTED (``model.facts.SUBMITTED``). Each of its recipients
that no rule drops ends with one fact, whose key is ``end_key``: sent, or bounced. A recipient inside has been sent the
message when the inbound flow has it, whose trace is ``model.facts.inside_trace``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from postroom.contracts.stored import Order, RawLocation
from postroom.model.facts import EventName
from postroom.model.limits import MAX_RECIPIENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TRANSMITTED: Final = 50
"""Most recipients of one transmission. Source: SES, 50 recipients per message; for gateways ours."""


_END: Final = f"{EventName.OUTGOING_EMAIL_SENT}:"


def end_key(recipient: str) -> str:
    """Return the key of the fact that ends an outbound recipient, whatever the fact: sent excludes bounced.

    Args:
        recipient: its name in the flow (``model.recipient_names``).
    """
    return f"{_END}{recipient}"


def ended_by(key: str) -> str | None:
    """Return the recipient that the fact with a key ends; ``None`` for a fact about something else."""
    return key.removeprefix(_END) if key.startswith(_END) else None


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
    """By their names in the flow: they get the message with local parts as they were written."""
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
    def ends(self) -> Mapping[str, str]:
        """The keys of the facts that end its recipients, by their names."""
        return {each: end_key(each) for each in self.recipients}

    @property
    def station(self) -> str:
        """One station transmits, by both ways."""
        return "transmit"

    @property
    def group(self) -> str:
        """The organization and the way: a slow gateway delays no other, and no other organization's mail."""
        return hashlib.sha256(f"{self.organization_id}\0{self.gateway_id}".encode()).hexdigest()


class InsideOrder(Order):
    """Hand this message to the inbound flow of these recipients, all of the sender's own organization.

    A flow has one for what the submission decides, and one for each rule whose function decides about recipients
    inside. All of them lead to one inbound flow: the first opens it, the others add recipients.
    """

    says = "an order to deliver inside"

    kind: Literal["INSIDE"] = "INSIDE"
    name: str
    """Unique in its flow."""
    envelope_from: str
    """Empty for messages of our own that are not to bounce."""
    recipients: tuple[str, ...] = Field(max_length=MAX_RECIPIENTS)
    message_id: str
    """Of the Message-ID header, with angle brackets."""
    author: str
    """The address in From."""
    sender: str = ""
    """The address in Sender, if the message is sent on behalf of ``author``."""
    raw: RawLocation
    """The plain copy, without Bcc, or what a rule's function has put in its place."""
    size: int = Field(ge=0)
    since: int
    """When the message was handed on: the inbound flow has received it then."""

    @property
    def key(self) -> str:
        """Name it by its part of the flow."""
        return f"inside:{self.name}"

    @property
    def station(self) -> str:
        """Ingest opens inbound flows."""
        return "ingest"

    @property
    def group(self) -> str:
        """The organization."""
        return self.organization_id


class AcceptOrder(Order):
    """Commit one chunk of a submission's frozen plan, then the next: each chunk's transaction makes the next order."""

    says = "an order to accept a submission"

    kind: Literal["ACCEPT"] = "ACCEPT"
    plan: RawLocation
    """The frozen plan (``routing.plan``): written once, before the submission's transaction."""
    chunks: int = Field(ge=1)
    """How many transactions the plan takes."""
    number: int = Field(default=0, ge=0)
    """Of this chunk, from 0."""

    @property
    def key(self) -> str:
        """Name it by its chunk: one that is committed cannot be committed again."""
        return f"accept:{self.number}"

    @property
    def station(self) -> str:
        """Submissions have a station of their own where one transaction cannot hold them."""
        return "accept_outbound"

    @property
    def group(self) -> str:
        """The organization."""
        return self.organization_id
