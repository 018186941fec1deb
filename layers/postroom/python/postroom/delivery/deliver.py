"""Puts one message into one mailbox.

The sealed object is written first and once; then one transaction gives the message its UID, settles the order and
records the fact. Stopped in between and started again, it finds the object there and goes on; stopped after, it finds
the order gone and does nothing. A listed order has no row: it is gone once the fact is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.event_log import BouncedRecipient, IncomingEmailBounced
from postroom.contracts.order_list import end_key, in_row
from postroom.contracts.orders import BounceOrder, CalendarOrder, DeliveryOrder, OrderKind
from postroom.delivery import notices
from postroom.delivery.calendar_mail import calendar_orders
from postroom.delivery.index_entry import blob_of, new_item
from postroom.errors import ConflictError, PermanentError
from postroom.model.directory import EntityState
from postroom.model.facts import EventName, Fact, OwnFact
from postroom.ports.transit import Commit, Outcome, Settle, bytes_of
from postroom.routing.resolve import DISABLED, UNKNOWN
from postroom.sealing import Random, seal_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.contracts.orders import Order
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

MAX_RACES: Final = 8
"""How often a delivery takes up a race for the mailbox before the queue waits instead. Ours."""

FULL: Final = ("mailbox full", "5.2.2")
GONE: Final = UNKNOWN


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
        try:
            self._deliver(order)
        except PermanentError as error:
            self.parking.park_order(order, error.cause)

    def _deliver(self, order: DeliveryOrder) -> None:
        owner = self.owners.owner(order.organization_id, order.mailbox_id)
        head = self.mailboxes.head(order.mailbox_id) if owner is not None else None
        if owner is None or head is None:
            self._gone(order, *GONE)
            return
        if owner.state is not EntityState.ENABLED:
            self._gone(order, *DISABLED)
            return
        content = bytes_of(order, self.raw, self.transit)
        if content is None:
            return
        if not notices.fits(head, len(content), order):
            self._full(order)
            return
        key = self.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn)
        item = new_item(content, order, mailbox_key=key, now=self.now(), random=self.random)
        self.sealed.put_once(item.blob, seal_message(content, mailbox_key=key, place=item.blob, random=self.random))
        self._commit(head, item, order, calendar_orders(content, order))

    def _commit(self, head: Head, item: NewItem, order: DeliveryOrder, follows: Sequence[Order]) -> None:
        """Write the index, again with a fresh head as long as others are faster."""
        for attempt in range(MAX_RACES):
            if not notices.fits(head, item.size, order):
                self._full(order)
                return
            notice = self._notice(head, item, order)
            made = head.sequence + 1  # the item's id begins with it (``model.mailbox.enter``)
            fact = notices.final_fact(order, now=self.now(), blob=item.blob, size=item.size, sequence=made)
            try:
                delivered = self.mailboxes.deliver(head, item, order, [fact], notice=notice, orders=follows)
            except ConflictError:
                self.pause(attempt)
                fresh = self.mailboxes.head(order.mailbox_id)
                if fresh is None:
                    self._gone(order, *GONE)
                    return
                head = fresh
            else:
                if delivered is not None:
                    self.queues.send([*follows, notice] if notice is not None else follows)
                elif not self._deliver_stored(order):
                    self._clear_up(order, item.blob)
                    self._send_again(order)
                return
        raise ConflictError(f"others were faster {MAX_RACES} times")

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
        case DeliveryOrder() | CalendarOrder():
            return one.mailbox_id == order.mailbox_id
        case BounceOrder():
            return one.name == order.mailbox_id
        case _:
            return False
