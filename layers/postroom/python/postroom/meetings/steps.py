"""What one order comes to: facts, orders, and the new object of the calendar, written in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from postroom.calendar_store.store import Put
from postroom.calendars import density
from postroom.calendars.objects import read_calendar
from postroom.errors import InvalidCalendarError
from postroom.meetings.itip import Kind
from postroom.model.facts import Fact, OwnFact
from postroom.model.free_busy import MAX_WINDOW_MS
from postroom.model.limits import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from postroom.calendar_store.store import KnownObject, OpenCalendar
    from postroom.contracts.orders import CalendarOrder, Order
    from postroom.meetings.itip import Changed

METHODS: Final = frozenset(["PUBLISH", "REQUEST", "REPLY", "ADD", "CANCEL", "REFRESH", "COUNTER", "DECLINECOUNTER"])
"""Methods of iTIP. Source: RFC 5546, 1.4."""

MAX_DENSITY: Final = 250
"""Most instances in 62 days of a meeting that enters a calendar by mail: four a day. Ours."""

TOO_DENSE: Final = f"the meeting has more than {MAX_DENSITY} instances in {MAX_WINDOW_MS // DAY_MS} days"
"""Reason of CALENDAR_IGNORED: anybody may invite, and 1,000 instances in a window make a question fail."""

_SMALLER: Final = frozenset([Kind.CANCELLED, Kind.INSTANCES_CANCELLED, Kind.ANSWERED])


@dataclass(frozen=True, slots=True)
class Step:
    """What the transaction writes beside the end of the order; ``orders`` are sent after it.

    Attributes:
        is_put_needed: without room for ``put`` nothing of the step is done; else the rest is.
    """

    facts: Sequence[Fact]
    orders: Sequence[Order] = ()
    put: Put | None = None
    is_put_needed: bool = True


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
    """Return the step that changes no calendar. The reason quotes nothing of the message, nor does the method."""
    named = method if method in METHODS else "OTHER"
    data = {"reason": reason} | ({"method": named} if method else {})
    return Step([fact_of(order, OwnFact.CALENDAR_IGNORED, now, data)])


def updated(
    order: CalendarOrder, changed: Changed, method: str, calendar: OpenCalendar, known: KnownObject | None, now: int
) -> Step:
    """Return the step that changes the calendar.

    Raises:
        InvalidCalendarError: the new object is beyond a limit of the calendar, or of what may enter by mail.
        ConflictError: the mailbox has changed since the calendar was opened.
    """
    tentative = changed.tentative
    if tentative is None:
        tentative = known is not None and calendar.is_tentative(known)
    data = {"method": method, "change": changed.kind.value, "tentative": tentative}
    made = read_calendar(changed.ics).only()
    if changed.kind not in _SMALLER and density.most_in_a_window(made.entry) > MAX_DENSITY:
        raise InvalidCalendarError(TOO_DENSE)
    put = Put(replace(made, entry=made.entry.tentative(tentative)), known)
    return Step([fact_of(order, OwnFact.CALENDAR_UPDATED, now, data)], put=put)
