"""Puts messages into mailboxes: one message into one, and those of a batch into the same one together.

The sealed object is written first and once; then one transaction gives the message its UID, settles the order and
records the fact. Stopped in between and started again, it finds the object there and goes on; stopped after, it finds
the order gone and does nothing. A listed order has no row: it is gone once the fact is there.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from postroom.contracts.event_log import BouncedRecipient, IncomingEmailBounced
from postroom.contracts.order_list import end_key, in_row
from postroom.contracts.orders import BounceOrder, CalendarOrder, DeliveryOrder, OrderKind
from postroom.contracts.reply_orders import ReplyOrder
from postroom.delivery import notices
from postroom.delivery.away import reply_orders
from postroom.delivery.calendar_mail import calendar_orders
from postroom.delivery.entry import Entry, Sealed, Together
from postroom.delivery.index_entry import blob_of, new_item
from postroom.errors import PermanentError
from postroom.model.directory import EntityState
from postroom.model.facts import EventName, Fact, OwnFact
from postroom.model.limits import OPEN_TOO_LONG_SECONDS
from postroom.ports.mailboxes import Delivery
from postroom.ports.transit import Commit, Outcome, Settle, bytes_of
from postroom.routing.resolve import DISABLED, UNKNOWN
from postroom.sealing import Random, seal_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postroom.contracts.orders import Order
    from postroom.model.directory import Addressee
    from postroom.model.mailbox import Head, NewItem
    from postroom.ports.directory import MailboxOwners
    from postroom.ports.ledger import Ledger
    from postroom.ports.mailbox_keys import MailboxKeys
    from postroom.ports.mailboxes import Mailboxes
    from postroom.ports.parking import OrderParking
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.sealed_mail import SealedMail
    from postroom.ports.transit import Transit

FULL: Final = ("mailbox full", "5.2.2")
GONE: Final = UNKNOWN


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox as it was read, or not there: its owner, and its head."""

    owner: Addressee | None
    head: Head | None


@dataclass(frozen=True, slots=True)
class Deliver:
    """Delivers orders. ``now`` gives milliseconds since the epoch; ``pause(n)`` waits a little, longer as n grows."""

    owners: MailboxOwners
    raw: RawMail
    sealed: SealedMail
    keys: MailboxKeys
    mailboxes: Mailboxes
    transit: Transit
    ledger: Ledger
    queues: Queues
    parking: OrderParking
    now: Callable[[], int]
    random: Random
    pause: Callable[[int], None]

    def accept(self, body: str) -> None:
        """Carry out one order: a copy in the mailbox, a bounce because it is full or gone, or a parked recipient.

        A mailbox whose owner, or whose organization, is gone or going gets nothing, though it may still be there. An
        order that waited, or comes back by a redrive, is too late.

        Args:
            body: the SQS message's body.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no order; after some attempts park reads it.
        """
        order = DeliveryOrder.read(body)
        with self.parked(order):
            self._deliver(order)

    def together(self) -> Together:
        """Return what carries out the orders of a batch, those for one mailbox in one transaction."""
        return Together(self)

    @contextmanager
    def parked(self, order: DeliveryOrder) -> Iterator[None]:
        """Park an order if it cannot be carried out."""
        try:
            yield
        except PermanentError as error:
            self.parking.park_order(order, error.cause)

    def look_up(self, order: DeliveryOrder) -> Box:
        """Read of a mailbox what decides whether it takes a message."""
        owner = self.owners.owner(order.organization_id, order.mailbox_id)
        return Box(owner, self.mailboxes.head(order.mailbox_id) if owner is not None else None)

    def seal(self, order: DeliveryOrder, box: Box) -> Sealed | None:
        """Put the sealed message where its mailbox will have it; ``None`` if the order ends without a copy."""
        if box.owner is None or box.head is None:
            self._gone(order, *GONE)
            return None
        if box.owner.state is not EntityState.ENABLED:
            self._gone(order, *DISABLED)
            return None
        if self._ended_before(order):
            return None
        content = bytes_of(order, self.raw, self.transit)
        if content is None:
            return None
        if not notices.fits(box.head, len(content), order):
            self._full(order)
            return None
        key = self.keys.unwrap(box.head.wrapped_key, box.head.kms_key_arn, box.head.organization_arn)
        now = self.now()
        item = new_item(content, order, mailbox_key=key, now=now, random=self.random)
        self.sealed.put_once(item.blob, seal_message(content, mailbox_key=key, place=item.blob, random=self.random))
        follows = [*calendar_orders(content, order), *reply_orders(content, order, box.head.away, now)]
        return Sealed(order, item, follows)

    def deliveries(self, head: Head, chosen: Sequence[Sealed]) -> list[Delivery]:
        """Return what one transaction writes; notices that it causes are kept as raw mail before."""
        deliveries: list[Delivery] = []
        for sealed in chosen:
            order, item = sealed.order, sealed.item
            notice = self._notice(head, item, order)
            head = replace(
                head,
                size=head.size + item.size,
                sequence=head.sequence + 1,  # the item's id begins with it (``model.mailbox.enter``)
                noticed=head.noticed or notice is not None,
            )
            fact = notices.final_fact(order, now=self.now(), blob=item.blob, size=item.size, sequence=head.sequence)
            deliveries.append(Delivery(item, order, [fact], notice, sealed.follows))
        return deliveries

    def late(self, sealed: Sealed) -> None:
        """Do what is left to do about an order that has ended, or whose flow has reached the mailbox another way."""
        if not self._deliver_stored(sealed.order):
            self._clear_up(sealed.order, sealed.item.blob)
            self._send_again(sealed.order)

    def _deliver(self, order: DeliveryOrder) -> None:
        box = self.look_up(order)
        sealed = self.seal(order, box)
        if sealed is not None:
            for error in Entry(self, [sealed], box.head, is_read=True).carry_out().values():
                raise error

    def mailbox_gone(self, sealed: Sealed) -> None:
        """End the order of a message whose mailbox went while it was sealed."""
        self._gone(sealed.order, *GONE)

    def no_room(self, sealed: Sealed) -> None:
        """End the order of a message that does not fit, because others came while it was sealed."""
        self._full(sealed.order)

    def _ended_before(self, order: DeliveryOrder) -> bool:
        """Carry out an order that may have been sent twice, if that takes no copy; ``False``: it does.

        The sweep sends again what is open for too long, and the first message may come after all. One read tells then;
        what follows from the order may not have been sent, as always where it comes again.
        """
        if self.now() - order.received_at < OPEN_TOO_LONG_SECONDS * 1000:
            return False
        end = self.ledger.fact(order.trace, end_key(order))
        if end is None:
            return False
        if end.name is OwnFact.ORDER_STORED:
            return self._deliver_stored(order) or self._ended_before(in_row(order))
        left = list(self.transit.open_orders(order.trace))
        if any(one.key == order.key for one in left):  # the flow reached its mailbox by another way
            return False
        self.queues.send(one for one in left if _follows(one, order))
        return True

    def _deliver_stored(self, order: DeliveryOrder) -> bool:
        """Carry out the row that a listed order got because it had to wait; ``False``: there is none, or none any more.

        So a late message does the same whether its order was listed or not: it delivers what is open or parked.
        """
        stored = self.transit.order(order.trace, order.key) if order.listed else None
        if not isinstance(stored, DeliveryOrder) or stored.listed:
            return False
        self._deliver(stored)
        return True

    def _clear_up(self, order: DeliveryOrder, blob: str) -> None:
        """Remove what was sealed for an order that ended without a copy: no mailbox will ever have it.

        An order that is still there may be parked, and redriven; or the flow reached its mailbox by another way before
        it was made, and it ends with that copy. One that is gone left its last fact, so that the order is asked for
        first.
        """
        gone = self.transit.order(order.trace, order.key) is None
        end = self.ledger.fact(order.trace, end_key(order))
        if end is not None and end.name is OwnFact.ORDER_STORED:
            end = self.ledger.fact(order.trace, end_key(in_row(order)))
        if end is not None and order.has_row:
            self._settle(order)
        has_no_copy = gone if end is None else end.name is not notices.final_name(order)
        if has_no_copy:
            self.sealed.delete(blob)

    def _notice(self, head: Head, item: NewItem, order: DeliveryOrder) -> DeliveryOrder | None:
        """Prepare the quota notice that this delivery causes, if it does."""
        if order.kind is not OrderKind.MAIL or not notices.crosses(head, item.size):
            return None
        now = self.now()
        text = notices.quota_notice(order, head, now=now)
        raw = self.raw.keep(notices.notice_key(order), text)
        return notices.notice_order(order, raw, len(text), now=now)

    def _send_again(self, order: DeliveryOrder) -> None:
        """Send what an order that was settled before may have stopped short of: what follows from it, or its bounce."""
        self.queues.send(one for one in self.transit.open_orders(order.trace) if _follows(one, order))

    def _full(self, order: DeliveryOrder) -> None:
        """Bounce; if that settled the order, no mailbox has what an attempt may have sealed.

        An order that was settled before may be the very message that filled the mailbox, stopped short of its notice.
        """
        if self._bounce(order, *FULL):
            self.sealed.delete(blob_of(order))

    def _gone(self, order: DeliveryOrder, reason: str, status: str) -> None:
        """Bounce mail for a mailbox that takes none; a notice of ours has no sender, so that it ends without an event.

        What an attempt may have sealed then belongs to no item.
        """
        if order.kind is OrderKind.QUOTA_NOTICE:
            settled = self._settle(order, [notices.dropped_fact(order, now=self.now(), reason=reason)])
        else:
            settled = self._bounce(order, reason, status)
        if settled:
            self.sealed.delete(blob_of(order))

    def _bounce(self, order: DeliveryOrder, reason: str, status: str) -> bool:
        """Bounce, unless the flow has reached the mailbox, or bounced there, by another way: the order ends with that.

        Returns:
            ``False``: nothing bounced just now; a mailbox may have what was sealed.
        """
        if order.has_row and self.ledger.fact(order.trace, end_key(order)) is not None:
            self._settle(order)
            self._send_again(order)
            return False
        bounced = BouncedRecipient(email_address=order.recipient, reason=reason, status=status)
        name = EventName.INCOMING_EMAIL_BOUNCED
        fact = Fact(
            trace=order.trace,
            organization_id=order.organization_id,
            name=name,
            key=f"{name}:{order.mailbox_id}" if order.has_row else end_key(order),
            at=self.now(),
            event=IncomingEmailBounced(bounced_recipient=bounced).fields(),
            data={"mailboxId": order.mailbox_id, "deliveredTo": order.delivered_to},
        )
        bounce = BounceOrder(
            trace=order.trace, organization_id=order.organization_id, name=order.mailbox_id, since=self.now()
        )
        if self._settle(order, [fact], [bounce]):
            self.queues.send([bounce])
            return True
        if self._deliver_stored(order):
            return False
        self._send_again(order)
        if order.has_row and self.ledger.fact(order.trace, fact.key) is not None:
            self._settle(order)
        return False

    def _settle(self, order: DeliveryOrder, facts: Sequence[Fact] = (), orders: Sequence[Order] = ()) -> bool:
        """End an order without a copy; ``False``: it ended before."""
        return self.transit.commit(Commit([Settle(order)], facts, orders)) is Outcome.DONE


def _follows(one: Order, order: DeliveryOrder) -> bool:
    """Say whether an open order came from carrying another out: for its mailbox, or its bounce."""
    match one:
        case DeliveryOrder() | CalendarOrder() | ReplyOrder():
            return one.mailbox_id == order.mailbox_id
        case BounceOrder():
            return one.name == order.mailbox_id
        case _:
            return False
