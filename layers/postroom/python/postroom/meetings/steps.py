"""What one order comes to: facts, orders, and the new object of the calendar, written in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from postroom.calendar_store.store import Put
from postroom.calendars.objects import read_calendar
from postroom.model.facts import Fact, OwnFact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from postroom.calendar_store.store import KnownObject
    from postroom.calendars.objects import CalendarObject
    from postroom.contracts.orders import CalendarOrder, Order
    from postroom.meetings.itip import Changed


@dataclass(frozen=True, slots=True)
class Step:
    """What the transaction writes beside the end of the order; ``orders`` are sent after it."""

    facts: Sequence[Fact]
    orders: Sequence[Order] = ()
    put: Put | None = None


def fact_of(order: CalendarOrder, name: OwnFact, now: int, data: Mapping[str, Any]) -> Fact:
    """Return a fact about an order; a flow has one of a name for each mailbox. ``now`` in milliseconds."""
    return Fact(
        trace=order.trace,
        organization_id=order.organization_id,
        name=name,
        key=f"{name}:{order.mailbox_id}",
        at=now,
        data={"mailboxId": order.mailbox_id, **data},
    )


def ignored(order: CalendarOrder, reason: str, now: int, method: str = "") -> Step:
    """Return the step that changes no calendar. The reason quotes nothing of the message."""
    data = {"reason": reason} | ({"method": method} if method else {})
    return Step([fact_of(order, OwnFact.CALENDAR_IGNORED, now, data)])


def updated(order: CalendarOrder, changed: Changed, method: str, known: KnownObject | None, now: int) -> Step:
    """Return the step that changes the calendar.

    Raises:
        InvalidCalendarError: the new object is beyond a limit of the calendar.
    """
    data = {"method": method, "change": changed.kind.value, "tentative": changed.tentative}
    return Step([fact_of(order, OwnFact.CALENDAR_UPDATED, now, data)], put=Put(new_object(changed), known))


def new_object(changed: Changed) -> CalendarObject:
    """Return the object that a change makes.

    Raises:
        InvalidCalendarError: it is beyond a limit of the calendar.
    """
    made = read_calendar(changed.ics).only()
    return replace(made, entry=made.entry.tentative(changed.tentative))
