"""Orders: work that must happen once for one flow, and the stations that carry it out.

An order is a row in transit until it is done; its queue message only wakes its station. Queues and table are encrypted
with the stack's key. Sizes in bytes, times in milliseconds since the epoch. Addresses are lower-case, but for local
parts outside, which are as they were written.

A new kind of order is a class and a row of ``STATIONS``. Orders of messages are here; others have modules of their own,
with the base class from ``contracts.stored``. What one version wrote the next one reads: an
upgrade meets orders in its queues and its table, a rollback meets those of the newer version. So readers ignore members
that they do not know, and a member that is added has a default (tests/unit/contracts/test_orders.py holds samples).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from pydantic import Field

from postroom.contracts.export_orders import PackExportOrder, PlanExportOrder, SealExportOrder
from postroom.contracts.import_orders import ImportOrder
from postroom.contracts.journal_orders import JournalOrder
from postroom.contracts.outbound_orders import AcceptOrder, InsideOrder, TransmitOrder
from postroom.contracts.provider_calls import ProviderCall
from postroom.contracts.reply_orders import ReplyOrder
from postroom.contracts.stored import FORMAT as FORMAT
from postroom.contracts.stored import LISTED_FORMAT as LISTED_FORMAT
from postroom.contracts.stored import Order as Order
from postroom.contracts.stored import RawLocation as RawLocation
from postroom.contracts.stored import Stored as Stored
from postroom.errors import NewerFormError
from postroom.model.limits import BOUNCE_DELAY_SECONDS
from postroom.model.rules import ActionType, Direction

if TYPE_CHECKING:
    from collections.abc import Mapping


CALL_PREFIX: Final = "call:"
"""Prefix of the keys of rule calls, before the rule's id."""


DELAYED_PREFIX: Final = "delayed:"
"""Prefix of the names of bounce orders that tell of a delay."""


class OrderKind(StrEnum):
    """Why a message goes into a mailbox."""

    MAIL = "MAIL"
    QUOTA_NOTICE = "QUOTA_NOTICE"


class DeliveryOrder(Order):
    """Put this message into that mailbox. One per flow and mailbox."""

    says = "a delivery order"

    kind: Literal[OrderKind.MAIL, OrderKind.QUOTA_NOTICE] = OrderKind.MAIL
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
    listed: bool = False
    """It has no row: the fact that opens its flow lists it (``contracts.order_list``)."""
    stored: bool = False
    """It was listed, and has a row by now."""

    @property
    def has_row(self) -> bool:
        """Whether it is not listed."""
        return not self.listed

    def open_since_ms(self, now_ms: int) -> int:
        """Count from SES's receipt of the message, if it was listed: the sweep finds it even if it was not sent yet."""
        return self.received_at if self.stored else now_ms

    @property
    def key(self) -> str:
        """Name it by its mailbox."""
        return f"order:{self.mailbox_id}" if self.kind is OrderKind.MAIL else f"order:{self.mailbox_id}:{self.kind}"

    @property
    def station(self) -> str:
        """Every copy is delivered by one station."""
        return "deliver"

    @property
    def group(self) -> str:
        """The mailbox."""
        return self.mailbox_id


class BounceOrder(Order):
    """Recipients of this flow failed, or wait for hours, and their sender may have to be told.

    One per transaction that refuses recipients or delays them; the flow's facts say which these are.
    """

    says = "a bounce order"

    kind: Literal["BOUNCE"] = "BOUNCE"
    name: str
    """What the transaction was about: a mailbox, the first envelope recipient that it refuses, or a delay."""
    since: int

    @property
    def is_delay(self) -> bool:
        """Whether recipients wait. It is no reason to wait for long that the message is under way."""
        return self.name.startswith(DELAYED_PREFIX)

    @property
    def key(self) -> str:
        """Name it by what its transaction was about."""
        return f"bounce:{self.name}"

    @property
    def station(self) -> str:
        """Bounce messages have a station of their own."""
        return "bounce"

    @property
    def group(self) -> str:
        """The organization."""
        return self.organization_id


class CalendarOrder(Order):
    """A message that was delivered has a calendar part with a method: its mailbox's calendar may change.

    One per flow and mailbox. The members are those of the delivery.
    """

    says = "a calendar order"

    kind: Literal["CALENDAR"] = "CALENDAR"
    mailbox_id: str
    recipient: str
    """The mailbox's own address."""
    delivered_to: str
    """The envelope recipient that led here."""
    envelope_from: str
    """Empty for a null sender."""
    raw: RawLocation
    size: int = Field(ge=0)
    received_at: int

    @property
    def key(self) -> str:
        """Name it by its mailbox."""
        return f"calendar:{self.mailbox_id}"

    @property
    def station(self) -> str:
        """Calendars have a station of their own."""
        return "update_calendar"

    @property
    def group(self) -> str:
        """The mailbox."""
        return self.mailbox_id


class RuleCall(Order):
    """Call a rule's function about these recipients.

    A synchronous call is open until the function or the fallback has decided; until then its recipients have no other
    order.
    """

    says = "a rule call"

    kind: Literal["RULE_CALL"] = "RULE_CALL"
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
    """Of the Sender header, where that is another address."""
    subject: str
    recipients: tuple[str, ...]
    """Those that the rule decides about, in the envelope's order."""
    others: tuple[str, ...]
    """The flow's other recipients; none for an asynchronous call, of which a message may have hundreds."""
    spam: bool
    envelope_from: str
    raw: RawLocation
    size: int = Field(ge=0)
    received_at: int
    since: int
    """When the flow was opened: the rule's timeout begins."""
    message_id: str = ""
    """Of the Message-ID header of outbound mail, with angle brackets."""
    slot_open: bool = False
    """The transaction that makes the call opens the slot of its first attempt; else that attempt does."""

    @property
    def key(self) -> str:
        """Name it by its rule."""
        return f"{CALL_PREFIX}{self.rule_id}{self.part}"

    @property
    def invocation_id(self) -> str:
        """The same for all attempts: 32 hexadecimal digits."""
        return hashlib.sha256(f"invocation\0{self.trace}\0{self.key}".encode()).hexdigest()[:32]

    @property
    def station(self) -> str:
        """A call that the message waits for has another station than one that it does not wait for."""
        return "run_sync_rule" if self.synchronous else "run_async_rule"

    @property
    def group(self) -> str:
        """The function and the organization: a slow function delays no other, and no other organization's mail."""
        return hashlib.sha256(f"{self.organization_id}\0{self.function_arn}".encode()).hexdigest()

    @property
    def message(self) -> str:
        """A pointer: with 500 recipients the call itself is too long for a message."""
        return self.pointer.message

    @property
    def pointer(self) -> CallPointer:
        """Where its row is."""
        return CallPointer(trace=self.trace, key=self.key, organization_id=self.organization_id, group=self.group)


class CallPointer(Stored):
    """Where a rule call's row is; ``group`` is its fair queue's."""

    says = "a rule call"

    kind: Literal["RULE_CALL"] = "RULE_CALL"
    key: str
    group: str

    @property
    def station(self) -> str:
        """The station that gets it where the call itself is not at hand: only a decided call's expansion goes on."""
        return "run_sync_rule"

    @property
    def message(self) -> str:
        """What the queue gets."""
        return self.model_dump_json()


@dataclass(frozen=True, slots=True)
class Station:
    """A station that has a queue.

    Attributes:
        queue: name of the setting that holds the queue's URL.
        orders: what it carries out; None where its messages are no orders.
        delay_s: how long a message waits in the queue before it is handed out, in seconds.
    """

    queue: str
    orders: type[Order] | None = None
    delay_s: int = 0


STATIONS: Final[Mapping[str, Station]] = {
    "ingest": Station("INGEST_QUEUE_URL", InsideOrder),
    "run_sync_rule": Station("RUN_SYNC_RULE_QUEUE_URL", RuleCall),
    "run_async_rule": Station("RUN_ASYNC_RULE_QUEUE_URL", RuleCall),
    "deliver": Station("DELIVER_QUEUE_URL", DeliveryOrder),
    "update_calendar": Station("UPDATE_CALENDAR_QUEUE_URL", CalendarOrder),
    "bounce": Station("BOUNCE_QUEUE_URL", BounceOrder, delay_s=BOUNCE_DELAY_SECONDS),
    "accept_outbound": Station("ACCEPT_OUTBOUND_QUEUE_URL", AcceptOrder),
    "transmit": Station("TRANSMIT_QUEUE_URL", TransmitOrder),
    "record_feedback": Station("FEEDBACK_QUEUE_URL"),
    "retry_events": Station("RETRY_EVENTS_QUEUE_URL"),
    "plan_export": Station("PLAN_EXPORT_QUEUE_URL", PlanExportOrder),
    "pack_export": Station("PACK_EXPORT_QUEUE_URL", PackExportOrder),
    "seal_export": Station("SEAL_EXPORT_QUEUE_URL", SealExportOrder),
    "import_mailbox": Station("IMPORT_MAILBOX_QUEUE_URL", ImportOrder),
    "write_audit_log": Station("AUDIT_QUEUE_URL"),
    "retry_audit": Station("RETRY_AUDIT_QUEUE_URL"),
}
"""Every station that has a queue, and what it carries out."""


_KINDS: Final[tuple[type[Order], ...]] = (
    *(station.orders for station in STATIONS.values() if station.orders),
    JournalOrder,  # transmit carries it out, too
    ReplyOrder,  # and accept_outbound this
    ProviderCall,
)
_BY_KIND: Final[Mapping[str, type[Order]]] = {
    kind: orders for orders in _KINDS for kind in get_args(orders.model_fields["kind"].annotation)
}


def order_type(kind: str) -> type[Order]:
    """Return the class of orders of a kind.

    Raises:
        KeyError: the kind is unknown.
    """
    return _BY_KIND[kind]


def order_of(document: Mapping[str, Any]) -> Order:
    """Return the order that a row's body, or a line of a frozen plan, holds.

    Raises:
        NewerFormError: a newer version wrote it: its kind or its form is unknown.
        KeyError: it has no kind.
        ValueError: it lacks what orders of its kind have.
    """
    kind, form = document["kind"], document.get("version", FORMAT)
    if kind not in _BY_KIND or (isinstance(form, int) and form > LISTED_FORMAT):
        raise NewerFormError(f"an order of kind {kind} in form {form}, which this version cannot read")
    return order_type(kind).model_validate(document)
