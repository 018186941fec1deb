"""Reads the calendar part of a message as an iTIP message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.calendars.objects import CalendarObject, read_calendar
from postroom.errors import InvalidCalendarError
from postroom.meetings.ics_text import IcsText, edited
from postroom.meetings.itip import Received
from postroom.meetings.meeting import Meeting
from postroom.mime.calendar_parts import calendar_part
from postroom.mime.headers import Headers

if TYPE_CHECKING:
    from postroom.meetings.ics_text import Component


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a message says about one meeting. ``found`` is the meeting alone."""

    headers: Headers
    found: CalendarObject
    received: Received


def read_invitation(content: bytes, delivered_to: str) -> Invitation:
    """Read a message that has a calendar part with a method.

    Raises:
        MalformedMimeError: its parts or the calendar part cannot be read.
        InvalidCalendarError: the calendar cannot be read, is about none or several meetings, or has another method.
    """
    part = calendar_part(content)
    if part is None:
        raise InvalidCalendarError("no calendar part with a method")
    calendar = read_calendar(_with_starts(part.content))
    if calendar.method not in (None, part.method):
        raise InvalidCalendarError("the method of the calendar is not that of its part")
    found, headers = calendar.only(), Headers.of(content)
    return Invitation(headers, found, Received(part.method, Meeting.of(found), _authors(headers), delivered_to))


def _authors(headers: Headers) -> frozenset[str]:
    """Return the addresses of From; none where mail clients may see different ones.

    There are also none if From has several domains: it is not known which one DMARC checked, so that the others may be
    forged.
    """
    authors = headers.authors
    if authors.differ or authors.is_cut:
        return frozenset()
    froms = authors.readings[0].froms
    return frozenset(map(str, froms)) if len({address.domain for address in froms}) == 1 else frozenset()


def _with_starts(text: bytes) -> bytes:
    """Return a calendar in which every VEVENT has a start: in answers and cancellations it may be left out."""
    read = IcsText.read(text)
    without = (each for each in read.events if each.first("DTSTART") is None)
    return edited(text, [(each.close, each.close, _start(each)) for each in without])


def _start(component: Component) -> bytes:
    """Return a DTSTART line: the instance's own start, else the time of the message, which nothing uses."""
    line = component.first("RECURRENCE-ID") or component.first("DTSTAMP")
    if line is None:
        return b"DTSTART:19700101T000000Z\r\n"
    named = "".join(f';{name}="{line.parameters[name]}"' for name in ("TZID",) if name in line.parameters)
    dated = ";VALUE=DATE" if line.parameters.get("VALUE", "").upper() == "DATE" else ""
    return f"DTSTART{named}{dated}:{line.value.strip()}\r\n".encode()
