"""What stations tell each other over SQS, and what the transit table keeps of it.

Queues and table are encrypted with the stack's key; entries live as long as the message is on its way.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, ValidationError

from postroom.contracts.base import Sent
from postroom.errors import InvalidNotificationError
from postroom.model.rules import ActionType, Direction

if TYPE_CHECKING:
    from collections.abc import Mapping


class Station(StrEnum):
    """Who carries an order out."""

    DELIVER = "deliver"
    BOUNCE = "bounce"
    RUN_SYNC_RULE = "run_sync_rule"
    RUN_ASYNC_RULE = "run_async_rule"


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

    @property
    def station(self) -> Station:
        """Who carries it out."""
        return Station.DELIVER

    @property
    def group(self) -> str:
        """Its fair queue's group: one busy mailbox does not hold up the others."""
        return self.mailbox_id

    @property
    def message(self) -> str:
        """What its station's queue gets."""
        return self.model_dump_json()


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

    @property
    def station(self) -> Station:
        """Who carries it out."""
        return Station.BOUNCE

    @property
    def group(self) -> str:
        """Its fair queue's group."""
        return self.organization_id

    @property
    def message(self) -> str:
        """What its station's queue gets."""
        return self.model_dump_json()


class RuleCall(Sent):
    """Ingest to the rules: a rule's function has its say about these recipients.

    A synchronous one stands in transit until the function or the fallback has decided; its recipients have no other
    order so long. Addresses lower-case, sizes in bytes, times in milliseconds since the epoch.
    """

    version: Literal[1] = 1
    kind: Literal["RULE_CALL"] = "RULE_CALL"
    trace: str
    organization_id: str
    rule_id: str
    rules_version: int
    rule_name: str
    part: str = ""
    """What keys of facts end with, where recipients were added to a flow; else empty."""
    direction: Direction
    function_arn: str
    synchronous: bool
    fallback: ActionType
    """DEFAULT for an asynchronous call, which decides nothing."""
    gateway_id: str | None = None
    """The SMTP gateway for outbound mail that the function, or the fallback, lets through; None: the usual way."""
    timeout_minutes: int = Field(ge=0)
    mail_from: str
    """Of the From header, not the envelope."""
    sender: str | None
    """Of the Sender header, where it is somebody else."""
    subject: str
    recipients: tuple[str, ...]
    """Whom the rule won, in the envelope's order."""
    others: tuple[str, ...]
    """The flow's other recipients; none for an asynchronous call, of which a message may have hundreds."""
    spam: bool
    envelope_from: str
    raw: RawLocation
    size: int = Field(ge=0)
    received_at: int
    since: int
    """When the flow was opened: the rule's timeout begins."""
    slot_open: bool = False
    """The transaction that makes the call opens the slot of its first attempt; else that attempt does."""

    @property
    def key(self) -> str:
        """Its name within its trace."""
        return f"call:{self.rule_id}{self.part}"

    @property
    def invocation_id(self) -> str:
        """The same over all attempts: 32 hexadecimal digits."""
        return hashlib.sha256(f"invocation\0{self.trace}\0{self.key}".encode()).hexdigest()[:32]

    @property
    def station(self) -> Station:
        """Who carries it out."""
        return Station.RUN_SYNC_RULE if self.synchronous else Station.RUN_ASYNC_RULE

    @property
    def group(self) -> str:
        """Its fair queue's group: a slow function holds up no other, and not the same one's other organizations."""
        return hashlib.sha256(f"{self.organization_id}\0{self.function_arn}".encode()).hexdigest()

    @property
    def message(self) -> str:
        """What its station's queue gets: with 500 recipients the call itself is too long."""
        return self.pointer.model_dump_json()

    @property
    def pointer(self) -> CallPointer:
        """Where it stands."""
        return CallPointer(trace=self.trace, key=self.key, organization_id=self.organization_id, group=self.group)


class CallPointer(Sent):
    """A rule call's place in transit; ``group`` is its fair queue's."""

    version: Literal[1] = 1
    kind: Literal["RULE_CALL"] = "RULE_CALL"
    trace: str
    key: str
    organization_id: str
    group: str


Order = DeliveryOrder | BounceOrder | RuleCall
"""What stands open in transit until it is settled, beside expansions."""

_BY_KEY: Final[Mapping[str, type[Order]]] = {"order": DeliveryOrder, "bounce": BounceOrder, "call": RuleCall}
"""Orders by what their keys begin with."""


class Expansion(Sent):
    """A flow with more recipients than a transaction holds: which of its chunks are done.

    ``plan`` is the frozen list of all recipients, written once; chunk *n* is its recipients from
    *n* x ``CHUNK_RECIPIENTS``. ``notification`` starts its station, ingest or the rules, again where it stopped.
    """

    trace: str
    organization_id: str
    plan: RawLocation
    chunks: int = Field(ge=1)
    done: int = Field(ge=0)
    notification: str
    of: str = ""
    """Key of the rule call that was decided; empty for ingest's own."""

    @property
    def key(self) -> str:
        """Its name within its trace: ingest, and each rule call, has one at a time."""
        return f"expansion:{self.of}" if self.of else "expansion"


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


def stored_order(key: str, body: str) -> Order:
    """Read an order as transit keeps it.

    Raises:
        KeyError, ValueError: it is none.
    """
    return _BY_KEY[key.partition(":")[0]].model_validate_json(body)


def read_call(body: str) -> CallPointer:
    """Read a rule call's place from an SQS body.

    Raises:
        InvalidNotificationError: it is none.
    """
    try:
        return CallPointer.model_validate_json(body)
    except ValidationError as error:
        raise InvalidNotificationError("not a rule call") from error


def read_order(body: str) -> DeliveryOrder:
    """Read a delivery order from an SQS body.

    Raises:
        InvalidNotificationError: it is none.
    """
    try:
        return DeliveryOrder.model_validate_json(body)
    except ValidationError as error:
        raise InvalidNotificationError("not a delivery order") from error
