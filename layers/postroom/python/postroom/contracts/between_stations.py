"""What stations tell each other over SQS, and what the transit table keeps of it.

Queues and table are encrypted with the stack's key; entries live as long as the message is on its way.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, ValidationError

from postroom.contracts.base import Sent
from postroom.errors import InvalidNotificationError


class OrderKind(StrEnum):
    """Why a message goes into a mailbox."""

    MAIL = "MAIL"
    QUOTA_NOTICE = "QUOTA_NOTICE"


class RawLocation(Sent):
    """Where the bytes lie: the object that SES stored, or one of ours under ``transit/``."""

    bucket: str
    key: str


class DeliveryOrder(Sent):
    """Ingest to deliver: put this message into that mailbox. One an envelope and mailbox.

    Sizes in bytes, times in milliseconds since the epoch, addresses lower-case.
    """

    version: Literal[1] = 1
    kind: OrderKind = OrderKind.MAIL
    trace: str
    organization_id: str
    mailbox_id: str
    recipient: str
    """The mailbox's own address: what the event log names."""
    delivered_to: str
    """The envelope recipient that led here: an alias, a group, a tagged address, or the same."""
    envelope_from: str
    """Empty for a null sender."""
    folder: str
    raw: RawLocation
    size: int = Field(ge=0)
    received_at: int

    @property
    def key(self) -> str:
        """The order's name within its trace."""
        return f"order:{self.mailbox_id}" if self.kind is OrderKind.MAIL else f"order:{self.mailbox_id}:{self.kind}"


class BounceOrder(Sent):
    """Ingest or deliver to bounce: recipients of this flow failed, and their sender may have to be told.

    One for each transaction that refuses recipients; who they are, the flow's facts tell. ``since`` is milliseconds
    since the epoch.
    """

    version: Literal[1] = 1
    kind: Literal["BOUNCE"] = "BOUNCE"
    trace: str
    organization_id: str
    name: str
    """What the transaction was about: a mailbox, or the first envelope recipient that it refuses."""
    since: int

    @property
    def key(self) -> str:
        """The order's name within its trace."""
        return f"bounce:{self.name}"


Order = DeliveryOrder | BounceOrder
"""What stands open in transit until it is settled, beside expansions."""


class Expansion(Sent):
    """A flow with more recipients than a transaction holds: which of its chunks are done.

    ``plan`` is the frozen list of all recipients, written once; chunk *n* is its recipients from
    *n* x ``CHUNK_RECIPIENTS``. ``notification`` starts ingest again where it stopped.
    """

    trace: str
    organization_id: str
    plan: RawLocation
    chunks: int = Field(ge=1)
    done: int = Field(ge=0)
    notification: str

    @property
    def key(self) -> str:
        """Its name within its trace: a flow has one at a time."""
        return "expansion"


class Part(StrEnum):
    """Where a fact is projected to, apart from metrics, which are counted once and never again."""

    LOG = "LOG"
    BUS = "BUS"


class FactPointer(Sent):
    """A fact that is to be projected again: record_events' retries, redriven facts, a log that is rebuilt."""

    version: Literal[1] = 1
    trace: str
    key: str
    organization_id: str
    parts: tuple[Part, ...] = (Part.LOG,)
    """Where to."""


class ParkedPointer(Sent):
    """Parked queue: something waits for a person. The cause stands in the message attribute ``cause``."""

    id: str
    trace: str
    organization_id: str


def read_pointer(body: str) -> FactPointer:
    """Read a pointer to a fact from an SQS body.

    Raises:
        InvalidNotificationError: it is none.
    """
    try:
        return FactPointer.model_validate_json(body)
    except ValidationError as error:
        raise InvalidNotificationError("not a pointer to a fact") from error


def read_bounce(body: str) -> BounceOrder:
    """Read a bounce order from an SQS body.

    Raises:
        InvalidNotificationError: it is none.
    """
    try:
        return BounceOrder.model_validate_json(body)
    except ValidationError as error:
        raise InvalidNotificationError("not a bounce order") from error


def read_order(body: str) -> DeliveryOrder:
    """Read a delivery order from an SQS body.

    Raises:
        InvalidNotificationError: it is none.
    """
    try:
        return DeliveryOrder.model_validate_json(body)
    except ValidationError as error:
        raise InvalidNotificationError("not a delivery order") from error
