"""How sealed messages enter their mailboxes: those of a batch for one mailbox by one transaction.

Every change of a mailbox writes its head, so that transactions follow one another, and of those that were prepared at
the same time only one is written (docs/decisions/0046). Each message of a transaction has its own outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from postroom.contracts.orders import DeliveryOrder
from postroom.delivery import notices
from postroom.errors import ConflictError, PostroomError, TemporaryError
from postroom.ports.mailboxes import MAX_ADDED_BYTES, MAX_DELIVERY_WRITES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from postroom.contracts.orders import Order
    from postroom.delivery.deliver import Box, Deliver
    from postroom.model.mailbox import Head, NewItem

MAX_RACES: Final = 8
"""How often in a row a delivery takes up a race for the mailbox before the queue waits instead. Ours."""

WRITES: Final = 4
"""Most writes of one message beside orders that follow: item, fact, the order's row, the order of a notice."""

ROW_BYTES: Final = 8 * 1024
"""Bytes of a message's rows without its summary: more than they have. Ours."""

MAX_FAILURES: Final = 2
"""After a transaction of several messages has failed, and this many of them alone, the rest is not tried. Ours."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message whose sealed object is in the bucket.

    Attributes:
        follows: orders that its delivery causes.
        name: of the queue's message; it tells two messages of one order apart.
    """

    order: DeliveryOrder
    item: NewItem
    follows: Sequence[Order] = ()
    name: str = ""


def chosen(head: Head, waiting: Sequence[Sealed]) -> list[Sealed]:
    """Return the messages that the next transaction takes, in their order: those that fit, one per flow.

    A message that does not fit after others waits for the next transaction: another may have ended before, so that
    there is room. The first one that fits the head alone is taken.
    """
    taken: list[Sealed] = []
    flows: set[str] = set()
    size, writes, row_bytes = 0, 0, 0
    for each in waiting:
        if each.order.trace in flows or not notices.fits(head, size + each.item.size, each.order):
            continue
        writes += WRITES + len(each.follows)
        row_bytes += ROW_BYTES + len(each.item.summary)
        if taken and (writes > MAX_DELIVERY_WRITES or row_bytes > MAX_ADDED_BYTES):
            break
        taken.append(each)
        flows.add(each.order.trace)
        size += each.item.size
    return taken


@dataclass(slots=True)
class Entry:
    """Enters messages into one mailbox.

    Attributes:
        waiting: at least one.
        head: the mailbox's, if ``is_read``; ``None`` if it is gone.
        errors: by name, of messages whose orders come again.
    """

    station: Deliver
    waiting: list[Sealed]
    head: Head | None = None
    is_read: bool = False
    races: int = 0
    errors: dict[str, Exception] = field(default_factory=dict)

    def carry_out(self) -> Mapping[str, Exception]:
        """Enter all; return ``errors``. The other messages are in the mailbox, bounced or parked."""
        while self.waiting:
            try:
                head = self._fresh()
            except TemporaryError as error:
                self._fail(self.waiting, error)
                break
            if head is None:
                self._end(self.waiting, self.station.mailbox_gone)
                break
            fits = [notices.fits(head, each.item.size, each.order) for each in self.waiting]
            self._end([each for each, fit in zip(self.waiting, fits, strict=True) if not fit], self.station.no_room)
            if taken := chosen(head, self.waiting):
                self._enter(head, taken)
        return self.errors

    def _fresh(self) -> Head | None:
        """Return the head as it was read after the last transaction."""
        if not self.is_read:
            self.head = self.station.mailboxes.head(self.waiting[0].order.mailbox_id)
        self.is_read = False
        return self.head

    def _enter(self, head: Head, taken: Sequence[Sealed]) -> None:
        """Enter messages by one transaction; if it fails, and not because of a race, each by one of its own."""
        try:
            deliveries = self.station.deliveries(head, taken)
            delivered = self.station.mailboxes.deliver(head, deliveries)
        except ConflictError as error:
            self.races += 1
            if self.races < MAX_RACES:
                self.station.pause(self.races - 1)
            else:
                self._fail(self.waiting, error)
        except PostroomError as error:
            self._enter_alone(taken, error)
        else:
            self.races = 0
            if delivered.ended:
                self._end([taken[number] for number in sorted(delivered.ended)], self.station.late)
            else:
                self._leave(taken)
                self._send(taken, [each.new_orders for each in deliveries])

    def _enter_alone(self, taken: Sequence[Sealed], error: PostroomError) -> None:
        """Find out which messages make a transaction fail; the others enter."""
        if len(taken) == 1:
            self._end(taken, lambda _: _raise(error))
            return
        failures = 0
        for each in taken:
            if failures == MAX_FAILURES:
                self._fail([each], error)
                continue
            self._leave([each])
            errors = Entry(self.station, [each]).carry_out()
            self.errors |= errors
            failures += len(errors)

    def _send(self, taken: Sequence[Sealed], orders: Sequence[Sequence[Order]]) -> None:
        """Send what follows; if that fails, the deliveries that it follows from come again."""
        try:
            self.station.queues.send(order for each in orders for order in each)
        except TemporaryError as error:
            self._fail([each for each, caused in zip(taken, orders, strict=True) if caused], error)

    def _end(self, ended: Sequence[Sealed], end: Callable[[Sealed], None]) -> None:
        """Do what ends each of these orders, or park it."""
        for each in [*ended]:
            try:
                with self.station.parked(each.order):
                    end(each)
            except TemporaryError as error:
                self._fail([each], error)
            else:
                self._leave([each])

    def _fail(self, failed: Sequence[Sealed], error: Exception) -> None:
        self.errors |= dict.fromkeys((each.name for each in failed), error)
        self._leave(failed)

    def _leave(self, done: Sequence[Sealed]) -> None:
        self.waiting = [each for each in self.waiting if not any(each is other for other in done)]


def _raise(error: PostroomError) -> None:
    raise error


@dataclass(frozen=True, slots=True)
class Together:
    """Carries out the orders of a batch.

    Each mailbox is looked up once; with several messages for it, its head is read again before it is written. Contents
    are not kept: the index entries of sealed messages wait here.
    """

    station: Deliver
    _boxes: dict[tuple[str, str], Box] = field(default_factory=dict)
    _sealed: dict[str, list[Sealed]] = field(default_factory=dict)

    def add(self, name: str, body: str) -> None:
        """Do all for an order that precedes its transaction, or end it without a copy.

        Args:
            name: of the SQS message, as ``finish`` returns it.
            body: of the SQS message.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no order; after some attempts park reads it.
        """
        order = DeliveryOrder.read(body)
        owner = order.organization_id, order.mailbox_id
        if owner not in self._boxes:
            self._boxes[owner] = self.station.look_up(order)
        with self.station.parked(order):
            sealed = self.station.seal(order, self._boxes[owner])
            if sealed is not None:
                self._sealed.setdefault(order.mailbox_id, []).append(replace(sealed, name=name))

    def finish(self) -> Mapping[str, Exception]:
        """Enter the messages into their mailboxes; return errors by name of those whose orders come again."""
        errors: dict[str, Exception] = {}
        for waiting in self._sealed.values():
            order = waiting[0].order
            head = self._boxes[order.organization_id, order.mailbox_id].head
            errors |= Entry(self.station, waiting, head, is_read=len(waiting) == 1).carry_out()
        return errors
