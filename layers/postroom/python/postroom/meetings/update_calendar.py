"""The station: a message that was delivered changes the calendar of its mailbox, and a resource answers it.

The mailbox's head is read first. What is decided from the calendar is committed on the condition that the head has not
changed since, so that of two requests for one hour the second to commit is decided anew, with the first in the
calendar. One transaction ends the order, changes the calendar, records the facts, and adds the orders of the answer and
of the delegates' copies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from postroom.calendars.objects import read_calendar
from postroom.contracts.orders import CalendarOrder, DeliveryOrder
from postroom.errors import (
    ConflictError,
    InvalidCalendarError,
    MailboxFullError,
    MalformedMimeError,
    MessageNotFoundError,
    PermanentError,
)
from postroom.meetings import early, itip
from postroom.meetings.invitation import read_invitation
from postroom.meetings.itip import Ignored
from postroom.meetings.meeting import Meeting
from postroom.meetings.resources import Asked
from postroom.meetings.steps import Step, ignored, updated
from postroom.model.directory import EntityKind, EntityState
from postroom.model.facts import reply_trace
from postroom.ports.transit import Commit, Outcome, Settle, bytes_of
from postroom.routing.resolve import DISABLED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.calendar_store.store import CalendarStore, KnownObject, OpenCalendar
    from postroom.contracts.orders import Order
    from postroom.meetings.invitation import Invitation
    from postroom.meetings.resources import Resources
    from postroom.model.records import Entity
    from postroom.ports.directory import Addressees, MailboxOwners, ResourceRecords
    from postroom.ports.parking import OrderParking
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.transit import Transit

MAX_RACES: Final = 8
"""How often an order is decided anew, as other changes of the mailbox are faster, before the queue waits. Ours."""

FULL: Final = "the mailbox is full"
DELEGATES_COPY: Final = "the message is a delegate's copy of a request to a resource"
"""Reasons of CALENDAR_IGNORED, beside those of ``itip``."""


@dataclass(frozen=True, slots=True)
class UpdateCalendar:
    """Carries out calendar orders.

    Attributes:
        now: gives milliseconds since the epoch.
        pause: ``pause(n)`` waits a little, longer as n grows.
    """

    owners: MailboxOwners
    records: ResourceRecords
    directory: Addressees
    raw: RawMail
    calendars: CalendarStore
    resources: Resources
    transit: Transit
    queues: Queues
    parking: OrderParking
    now: Callable[[], int]
    pause: Callable[[int], None]

    def accept(self, body: str) -> None:
        """Carry out one order: a changed calendar, a fact why it has not changed, or a parked order.

        Args:
            body: the SQS message's body.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no order; after some attempts park reads it.
        """
        order = CalendarOrder.read(body)
        try:
            self._update(order)
        except PermanentError as error:
            self.parking.park_order(order, error.cause)

    def _update(self, order: CalendarOrder) -> None:
        owner = self.owners.owner(order.organization_id, order.mailbox_id)
        if owner is None or owner.state is not EntityState.ENABLED:
            self._end(order, DISABLED[0] if owner else UNKNOWN[0])
            return
        content = bytes_of(order, self.raw, self.transit)
        entity = self.records.entity(order.organization_id, order.mailbox_id)
        if content is None or entity is None:
            self._end(order, UNKNOWN[0])
            return
        try:
            invitation = read_invitation(content, order.delivered_to)
        except (InvalidCalendarError, MalformedMimeError) as error:
            self._end(order, str(error))
            return
        if self._is_delegates_copy(order, entity):
            self._end(order, DELEGATES_COPY)
            return
        self._change(order, entity, invitation)

    def _is_delegates_copy(self, order: CalendarOrder, entity: Entity) -> bool:
        """Return whether the message was for a resource, and came to this mailbox as one of its delegates."""
        if order.delivered_to in entity.addresses:
            return False
        found = self.directory.resolve(order.organization_id, {order.delivered_to}).get(order.delivered_to)
        return found is not None and found.kind is EntityKind.RESOURCE and found.entity_id != entity.id

    def _change(self, order: CalendarOrder, entity: Entity, invitation: Invitation) -> None:
        """Decide and commit, again as long as others are faster."""
        for attempt in range(MAX_RACES):
            calendar = self.calendars.open(order.mailbox_id)
            if calendar is None:
                self._end(order, UNKNOWN[0])
                return
            try:
                step = self._step(order, entity, invitation, calendar)
                if self._commit(order, step, calendar):
                    return
            except ConflictError:
                self.pause(attempt)
        raise ConflictError(f"others were faster {MAX_RACES} times")

    def _step(self, order: CalendarOrder, entity: Entity, invitation: Invitation, calendar: OpenCalendar) -> Step:
        """Decide what the message comes to in the calendar as it is now."""
        received = invitation.received
        try:
            known = calendar.find(invitation.found.uid)
            found = Meeting.of(read_calendar(_bytes(calendar, known)).only()) if known else None
            stored = early.relevant(found, received.meeting.organizer)
            decided = itip.decide(received, stored, entity.addresses)
            if isinstance(decided, Ignored):
                return ignored(order, decided.reason, self.now(), received.method)
            is_resource = entity.kind is EntityKind.RESOURCE
            if is_resource and received.method == "ADD":  # an answer could not say which instances it is about
                return ignored(order, itip.NOT_ASKED, self.now(), received.method)
            if not is_resource or received.method != "REQUEST":
                return updated(order, decided, received.method, calendar, known, self.now())
            step = self.resources.decide(Asked(order, entity, calendar, invitation, known, stored, decided))
        except InvalidCalendarError as error:
            return ignored(order, str(error), self.now(), received.method)
        return step if isinstance(step, Step) else ignored(order, step.reason, self.now(), received.method)

    def _commit(self, order: CalendarOrder, step: Step, calendar: OpenCalendar) -> bool:
        """Write a step and send its orders; ``False``: one of its orders exists, so decide anew."""
        commit = Commit([Settle(order)], step.facts, step.orders)
        try:
            if step.put is None:
                done = self.transit.commit(commit) is Outcome.DONE
            else:
                done = calendar.change([step.put], commit) is not None
        except MailboxFullError:
            if not step.is_put_needed:
                return self._commit(order, replace(step, put=None), calendar)
            self._end(order, FULL)
            return True
        if done:
            self.queues.send(step.orders)
        elif self.transit.order(order.trace, order.key) is not None:
            return False
        else:
            self._send_again(order)
        return True

    def _end(self, order: CalendarOrder, reason: str) -> None:
        """End an order without a change."""
        step = ignored(order, reason, self.now())
        if self.transit.commit(Commit([Settle(order)], step.facts)) is not Outcome.DONE:
            self._send_again(order)

    def _send_again(self, order: CalendarOrder) -> None:
        """Send what an order that ended before may have stopped short of: its answer, and the delegates' copies.

        The next calendar order of the answer's flow was sent by the station that made it.
        """
        answer = self.transit.open_orders(reply_trace(order.trace, order.mailbox_id))
        copies = (each for each in self.transit.open_orders(order.trace) if _is_copy(each, order))
        self.queues.send(each for each in (*answer, *copies) if not isinstance(each, CalendarOrder))


def _is_copy(one: Order, order: CalendarOrder) -> bool:
    return isinstance(one, DeliveryOrder) and one.delivered_to == order.recipient


def _bytes(calendar: OpenCalendar, known: KnownObject) -> bytes:
    """Return an object's bytes as the calendar has them.

    Raises:
        ConflictError: it was replaced or removed meanwhile.
    """
    try:
        return calendar.read(known.item)
    except MessageNotFoundError as error:
        raise ConflictError("the object was replaced meanwhile") from error
