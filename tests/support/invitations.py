"""Makes iCalendar texts and messages that carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.calendars.objects import read_calendar
from postroom.meetings.itip import Received
from postroom.meetings.meeting import Meeting

if TYPE_CHECKING:
    from collections.abc import Sequence

BERLIN: Final = (
    "BEGIN:VTIMEZONE\r\nTZID:{name}\r\n"
    "BEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:{standard}\r\n"
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n"
    "BEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:{standard}\r\nTZOFFSETTO:+0200\r\n"
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
)

ORGANIZER: Final = "olga@acme.test"
ATTENDEE: Final = "ann@acme.test"


def event(
    *lines: str,
    uid: str = "u1@acme.test",
    start: str | None = "20261201T100000Z",
    end: str | None = "20261201T110000Z",
    sequence: int | None = 0,
    stamp: str = "20261130T080000Z",
    organizer: str | None = ORGANIZER,
    attendees: Sequence[str] = (f";PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{ATTENDEE}",),
    summary: str = "Planning",
) -> str:
    """Return a VEVENT; ``start`` and ``end`` follow a colon unless they begin with a semicolon."""
    properties = [
        f"UID:{uid}",
        f"DTSTAMP:{stamp}",
        *([f"SEQUENCE:{sequence}"] if sequence is not None else []),
        *([f"DTSTART{_value(start)}"] if start else []),
        *([f"DTEND{_value(end)}"] if end else []),
        *([f"ORGANIZER:mailto:{organizer}"] if organizer else []),
        *(f"ATTENDEE{each}" for each in attendees),
        f"SUMMARY:{summary}",
        *lines,
    ]
    return "\r\n".join(["BEGIN:VEVENT", *properties, "END:VEVENT", ""])


def calendar(*parts: str, method: str = "REQUEST") -> bytes:
    """Return a VCALENDAR with components."""
    head = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nMETHOD:{method}\r\n"
    return f"{head}{''.join(parts)}END:VCALENDAR\r\n".encode()


def meeting(ics: bytes) -> Meeting:
    return Meeting.of(read_calendar(ics).only())


def received(*parts: str, method: str = "REQUEST", author: str = ORGANIZER, delivered_to: str = ATTENDEE) -> Received:
    """Return a message's calendar part, by ``author``."""
    return Received(method, meeting(calendar(*parts, method=method)), {author}, delivered_to)


def mail(
    ics: bytes,
    *,
    author: str = ORGANIZER,
    to: str = ATTENDEE,
    method: str = "REQUEST",
    name: str = "request",
    **fields: str,
) -> bytes:
    """Return a message with a calendar part, as calendar programs send it.

    Args:
        name: of the message, in its Message-ID.
        fields: further header fields.
    """
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    head = (
        f"From: {author}\r\nTo: {to}\r\nSubject: Planning\r\nMessage-ID: <{name}@acme.test>\r\n{more}"
        'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nYou are invited.\r\n"
        f"--b\r\nContent-Type: text/calendar; charset=utf-8; method={method}\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    return head.encode() + ics + b"\r\n--b--\r\n"


def _value(text: str) -> str:
    return text if text.startswith(";") else f":{text}"
