"""Reads one VEVENT: when it is, how long, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.calendars import values
from postroom.calendars.entry import Length, Shown
from postroom.errors import InvalidCalendarError
from postroom.model.free_busy import MAX_TEXT_CHARACTERS, BusyType
from postroom.model.limits import DAY_S
from postroom.model.text import one_line

if TYPE_CHECKING:
    from postroom.calendars.definitions import Zone, Zones
    from postroom.calendars.lines import Component
    from postroom.calendars.values import When

_BUSY: Final = {
    "FREE": BusyType.FREE,
    "TENTATIVE": BusyType.TENTATIVE,
    "BUSY": BusyType.BUSY,
    "OOF": BusyType.OOF,
    "WORKINGELSEWHERE": BusyType.FREE,
}
"""X-MICROSOFT-CDO-BUSYSTATUS (MS-OXCICAL). The version of EWS that is served has no word for WORKINGELSEWHERE; that it
is free is ours."""


@dataclass(frozen=True, slots=True)
class Event:
    """One VEVENT; ``zone`` as ``Series.zone``.

    Attributes:
        recurrence_id: None for a master.
        and_following: the change is also for all instances that follow (RANGE=THISANDFUTURE).
        shown: None if it is cancelled.
    """

    component: Component
    start: When
    zone: Zone
    length: Length
    shown: Shown | None
    recurrence_id: When | None
    and_following: bool

    @property
    def recurs(self) -> bool:
        """Whether it has instances of its own."""
        return "RRULE" in self.component.lines or "RDATE" in self.component.lines


def read(component: Component, zones: Zones) -> Event:
    """Read a VEVENT.

    Raises:
        InvalidCalendarError: a property that places it in time cannot be read.
    """
    found = component.one("DTSTART")
    if found is None:
        raise InvalidCalendarError("an event without DTSTART")
    start = values.when_of(found)
    recurrence_id = component.one("RECURRENCE-ID")
    return Event(
        component=component,
        start=start,
        zone=zones.of(start),
        length=_length(component, start, zones),
        shown=None if component.text("STATUS").upper() == "CANCELLED" else shown(component),
        recurrence_id=values.when_of(recurrence_id) if recurrence_id else None,
        and_following=recurrence_id is not None
        and "THISANDFUTURE" in recurrence_id.parameters.get("RANGE", "").upper(),
    )


def shown(component: Component) -> Shown:
    """Return what an event shows."""
    return Shown(
        busy_type=_busy_type(component),
        subject=plain(component.text("SUMMARY")),
        location=plain(component.text("LOCATION")),
        is_meeting="ATTENDEE" in component.lines or "ORGANIZER" in component.lines,
        is_reminder_set=bool(component.of("VALARM")),
        is_private=component.text("CLASS").upper() in ("PRIVATE", "CONFIDENTIAL"),
    )


def plain(text: str) -> str:
    """Return a text in one line of at most ``MAX_TEXT_CHARACTERS``."""
    return one_line(text)[:MAX_TEXT_CHARACTERS]


def _busy_type(component: Component) -> BusyType:
    """Return what the event makes of its time; in a meeting request, what it will make of it once it is accepted."""
    for name in ("X-MICROSOFT-CDO-INTENDEDSTATUS", "X-MICROSOFT-CDO-BUSYSTATUS"):
        found = _BUSY.get(component.text(name).upper())
        if found:
            return found
    if component.text("TRANSP").upper() == "TRANSPARENT":
        return BusyType.FREE
    return BusyType.TENTATIVE if component.text("STATUS").upper() == "TENTATIVE" else BusyType.BUSY


def _length(component: Component, start: When, zones: Zones) -> Length:
    """Return how long an event is: DTEND, else DURATION, else a day for a date and nothing for a time (3.6.1)."""
    end, given = component.one("DTEND"), component.one("DURATION")
    if end is not None:
        return until(start, values.when_of(end), zones)
    if given is not None:
        length = values.duration(given.value)
        if not start.is_date:
            return length
        return Length(-(-length.total_s // DAY_S) * DAY_S or DAY_S)
    return Length(DAY_S if start.is_date else 0)


def until(start: When, end: When, zones: Zones) -> Length:
    """Return the length between two times: days between dates, what the clocks show between floating times, else exact.

    A DTEND that is the same date as DTSTART is read as one day: RFC 5545 has no such event, but senders do.

    Raises:
        InvalidCalendarError: the end is before the start, or a date beside a time.
    """
    if start.is_date != end.is_date:
        raise InvalidCalendarError("an event that has a date at one end and a time at the other")
    zone, end_zone = zones.of(start), zones.of(end)
    is_exact = zone is not None and end_zone is not None
    seconds = end.wall_s - start.wall_s
    if is_exact:
        seconds -= zones.offsets(end_zone).of_wall(end.wall_s) - zones.offsets(zone).of_wall(start.wall_s)
    if seconds < 0:
        raise InvalidCalendarError("an event that ends before it begins")
    if start.is_date:
        seconds = seconds or DAY_S
    return values.checked(Length(0, seconds) if is_exact else Length(seconds))
