"""Requests to resources: decided by their booking options, answered by mail, copied to their delegates.

People of the organization book its resources; whether others may is a setting of the stack (ours: they may not, as in
Exchange). Delegates get a copy of every request, "automatically" (guide, ZH:6100), as a delivery of the same flow; it
changes nothing in their own calendars.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from postroom.calendars.objects import read_calendar
from postroom.contracts.orders import DeliveryOrder
from postroom.meetings import answers, booking, itip
from postroom.meetings.answers import Answer, AnswerMail, Request
from postroom.meetings.itip import Ignored, Kind
from postroom.meetings.steps import Step, fact_of, updated
from postroom.mime import automatic
from postroom.model.addresses import Address
from postroom.model.directory import EntityKind
from postroom.model.facts import OwnFact, reply_trace
from postroom.model.folders import Folder
from postroom.model.resources import BookingOptions
from postroom.ports.directory import every_item
from postroom.ports.replies import Departure, Reply
from postroom.routing.own_mail import not_sent
from postroom.routing.plan import Flow, Plan
from postroom.routing.reached import without_reached
from postroom.routing.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postroom.calendar_store.store import KnownObject, OpenCalendar
    from postroom.calendars.expand import Instance
    from postroom.contracts.orders import CalendarOrder, Order
    from postroom.meetings.booking import Decision
    from postroom.meetings.ics_text import Line
    from postroom.meetings.invitation import Invitation
    from postroom.meetings.itip import Changed
    from postroom.meetings.meeting import Meeting, Version
    from postroom.model.records import Entity
    from postroom.ports.directory import Addressees, ResourceRecords
    from postroom.ports.ledger import Ledger
    from postroom.ports.replies import Replies
    from postroom.ports.transit import Transit

MAX_COPIES: Final = 40
"""Most mailboxes of delegates that get a copy of one request: those with the lowest ids. Ours: a transaction is
limited."""

MAX_INSTANCES: Final = 20_000
"""Most instances that a window may have for a decision. Ours: as many as one series."""

OUTSIDER: Final = "resources are booked by people of the organization"
BY_DELEGATES: Final = "DELEGATES"
"""Value of ``answer`` in BOOKING_ANSWERED, where the delegates answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a resource, and its calendar.

    Attributes:
        known: the meeting as it is in the calendar, and ``stored`` what it says; see ``early.relevant``.
        changed: what the request changes, if it is accepted.
    """

    order: CalendarOrder
    resource: Entity
    calendar: OpenCalendar
    invitation: Invitation
    known: KnownObject | None
    stored: Meeting | None
    changed: Changed


@dataclass(frozen=True, slots=True)
class Resources:
    """Decides about requests. ``now`` returns milliseconds since the epoch."""

    directory: Addressees
    records: ResourceRecords
    replies: Replies
    transit: Transit
    ledger: Ledger
    now: Callable[[], int]
    outsiders_may_book: bool

    def decide(self, asked: Asked) -> Step | Ignored:
        """Return what a request comes to.

        Raises:
            ConflictError: the mailbox has changed since the calendar was opened.
            InvalidCalendarError: the request is beyond a limit of the calendar.
        """
        organizer = asked.invitation.received.meeting.organizer
        if organizer is None or not itip.is_organizer(asked.invitation.received.authors, organizer):
            return Ignored(itip.STRANGER)
        people = {organizer.address, *asked.invitation.received.authors}
        if not (self.outsiders_may_book or self._are_ours(asked.order.organization_id, people)):
            return Ignored(OUTSIDER)
        decision = self._decision(asked)
        step = self._change(asked, decision)
        departure = self._answer(asked, decision, organizer)
        copies = self._copies(asked)
        data = {"answer": decision.answer.value if decision.answer else BY_DELEGATES, "delegates": len(copies)}
        data |= {"reason": decision.reason} if decision.reason else {}
        data |= {"replyTrace": departure.trace} if departure.trace else {}
        answered = fact_of(asked.order, OwnFact.BOOKING_ANSWERED, self.now(), data)
        facts = [*step.facts, answered, *departure.facts]
        return replace(step, facts=facts, orders=[*departure.orders, *copies])

    def _are_ours(self, organization_id: str, addresses: set[str]) -> bool:
        """Return whether all addresses are of the organization: anybody may claim that an organizer lets them act."""
        return addresses <= self.directory.resolve(organization_id, addresses).keys()

    def _decision(self, asked: Asked) -> Decision:
        options = asked.resource.booking_options or BookingOptions()
        master = asked.invitation.received.meeting.master
        recurs = master is not None and master.recurs
        wanted = booking.Wanted(read_calendar(asked.changed.ics).only().entry, asked.changed.keys, recurs)

        def others(start_ms: int, end_ms: int) -> list[Instance]:
            found = asked.calendar.instances(start_ms, end_ms, most=MAX_INSTANCES)
            own = asked.known.item.id if asked.known else None
            return [each.instance for each in found if each.item_id != own]

        zone = asked.calendar.store.calendars.settings(asked.order.mailbox_id).zone
        return booking.decide(options, wanted, others, now_ms=self.now(), floating=ZoneInfo(zone))

    def _change(self, asked: Asked, decision: Decision) -> Step:
        """Return what happens to the calendar: a request that is declined frees the time that the meeting had.

        Of a meeting that the calendar lacks it leaves what makes an older request known, if the mailbox has room.
        """
        changed, stored = asked.changed, asked.stored
        if decision.answer is Answer.DECLINED:
            if not asked.invitation.received.meeting.versions[0].component.value("UID"):
                return Step([])
            changed = _declined(asked, stored)
        else:
            changed = replace(changed, tentative=decision.answer is None)
        method = asked.invitation.received.method
        step = updated(asked.order, changed, method, asked.calendar, asked.known, self.now())
        is_new = decision.answer is Answer.DECLINED and stored is None
        return replace(step, facts=(), is_put_needed=False) if is_new else step

    def _answer(self, asked: Asked, decision: Decision, organizer: Line) -> Departure:
        """Return what makes the answer leave; nothing where the delegates answer."""
        order, meeting = asked.order, asked.invitation.received.meeting
        if decision.answer is None:
            return Departure(None, [], [])
        components = [each.component for each in _answered(meeting.versions)]
        request = Request(meeting.text, components, asked.invitation.headers, order.envelope_from)
        author, to = automatic.writable(order.recipient), automatic.writable(organizer.written_address)
        reason = answers.suppressed(request, organizer.address, asked.resource.addresses)
        if reason is not None or author is None or to is None:
            why = reason or answers.NO_ADDRESS
            return Departure(
                None, [not_sent(order.trace, order.organization_id, order.mailbox_id, why, self.now())], []
            )
        answer = AnswerMail(request, decision.answer, decision.reason, _attendee(request, asked.resource), author, to)
        message_id = f"<{reply_trace(order.trace, order.mailbox_id)}@{author.rpartition('@')[2]}>"
        return self.replies.depart(
            Reply(
                trace=order.trace,
                organization_id=order.organization_id,
                mailbox_id=order.mailbox_id,
                author=author,
                to=to,
                subject=answer.subject,
                message_id=message_id,
                content=answer.message(message_id, now=self.now()),
            )
        )

    def _copies(self, asked: Asked) -> list[Order]:
        """Return the orders that bring the request to the resource's delegates, where the flow did not bring it yet."""
        order = asked.order
        now, found = self.now(), dict[str, DeliveryOrder]()
        flow = Flow(
            order.trace, order.organization_id, order.envelope_from, order.raw, order.size, order.received_at, now
        )
        for each in self._deliveries(flow, asked.resource):
            if each.mailbox_id != order.mailbox_id and len(found) < MAX_COPIES:
                found[each.mailbox_id] = each.model_copy(update={"delivered_to": order.recipient})
        if not found:
            return []
        return without_reached(Plan(tuple(found.values())), order.trace, self.transit, self.ledger).orders(now)

    def _deliveries(self, flow: Flow, resource: Entity) -> Iterator[DeliveryOrder]:
        """Yield a delivery to each delegate with a mailbox, and to each member of a group that is one."""
        delegates = every_item(
            lambda after, limit: self.records.delegates_of(flow.organization_id, resource.id, after, limit)
        )
        for delegate in delegates:
            address = delegate.email.lower() if delegate.email else ""
            if delegate.addressee.has_mailbox and address:
                yield flow.delivery(delegate.id, address, address, Folder.INBOX.value)
            elif delegate.kind is EntityKind.GROUP and (parsed := Address.parse(address)):
                group = {address: parsed}
                yield from resolve(flow, group, (), self.directory, plus_addressing=False, junk=()).orders.values()


def _declined(asked: Asked, stored: Meeting | None) -> Changed:
    """Return the change that frees the time of a meeting, or of the instances that a declined request is about.

    It has the numbers of the request, so that an older request is known, also one that comes later.
    """
    received = asked.invitation.received
    meeting = received.meeting
    if stored is None:
        return itip.cancelled_early(received, _answered(meeting.versions))
    if asked.changed.kind is not Kind.INSTANCES_CHANGED and meeting.master is not None:
        return itip.cancelled(stored, received, meeting.master)
    places = None if asked.changed.keys is None else set(asked.changed.keys)
    news = [each for each in meeting.versions if places is None or each.place in places]
    return itip.instances_cancelled(stored, received, news)


def _answered(versions: Sequence[Version]) -> Sequence[Version]:
    """Return what an answer is about: the whole meeting if the request has it, else its instances."""
    return [each for each in versions if each.key_ms is None] or versions


def _attendee(request: Request, resource: Entity) -> bytes:
    """Return the ATTENDEE line of the resource as the request has it, else one of its own."""
    for line in request.components[0].every("ATTENDEE"):
        if line.address in resource.addresses:
            return request.text.bytes_of(line)
    return f"ATTENDEE;CUTYPE={resource.resource_type or 'RESOURCE'}:mailto:{resource.email}\r\n".encode()
