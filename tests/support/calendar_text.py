"""iCalendar text for tests, and what the calendar package finds in it."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final

from postroom.calendars.entry import Entry
from postroom.calendars.expand import Instance, instances
from postroom.calendars.objects import CalendarObject, read_calendar

if TYPE_CHECKING:
    from collections.abc import Iterable

SINCE: Final = datetime(1990, 1, 1, tzinfo=UTC)
BEFORE: Final = datetime(2030, 1, 1, tzinfo=UTC)

CUSTOM_ZONE: Final = """BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:{summer}
TZOFFSETTO:{winter}
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:{winter}
TZOFFSETTO:{summer}
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


def stand_ups_and_a_trip(domain: str, *lines_of_the_trip: str) -> bytes:
    """Return a calendar file: stand-ups at 9:00 in Berlin on weekdays from 26 October 2026, a trip on 7 December."""
    series = "DTSTART;TZID=Europe/Berlin:20261026T090000\nDTEND;TZID=Europe/Berlin:20261026T093000\n"
    rule = "RRULE:FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR\nSUMMARY:Stand-up"
    trip = "DTSTART:20261207T120000Z\nDTEND:20261207T133000Z\nSTATUS:TENTATIVE\nSUMMARY:Trip"
    return calendar(
        event(f"{series}{rule}", uid=f"standup@{domain}"),
        event("\n".join([trip, *lines_of_the_trip]), uid=f"trip@{domain}"),
    )


def event(text: str, *, uid: str = "1@acme.test") -> str:
    """Return a VEVENT with these lines."""
    return f"BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20200101T000000Z\n{text.strip()}\nEND:VEVENT\n"


def calendar(*components: str, head: str = "") -> bytes:
    """Return a VCALENDAR of these components, with CRLF."""
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//acme//test//EN\n{head}{''.join(components)}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def the_object(*components: str, head: str = "") -> CalendarObject:
    """Return the only object of a calendar."""
    return read_calendar(calendar(*components, head=head)).only()


def frozen(entry: Entry) -> Entry:
    """Return the entry as a query gets it."""
    again = Entry.thaw(entry.freeze())
    assert again == entry
    return again


def found(
    *components: str,
    head: str = "",
    since: datetime = SINCE,
    before: datetime = BEFORE,
    floating: tzinfo = UTC,
) -> list[Instance]:
    """Return the instances of the only object of a calendar, as a query finds them."""
    entry = frozen(the_object(*components, head=head).entry)
    everything = instances(entry, ms(since), ms(before), floating=floating)
    for one in everything:
        assert entry.start_ms <= one.start_ms <= one.end_ms
        assert entry.end_ms is None or one.end_ms <= entry.end_ms
    return everything


def ms(moment: datetime) -> int:
    """Return a time in milliseconds since the epoch; one without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp()) * 1000


def starts(found_ones: Iterable[Instance], zone: tzinfo = UTC) -> list[str]:
    """Return the starts in a zone: ``2020-01-31 09:00``."""
    return [f"{datetime.fromtimestamp(one.start_ms / 1000, zone):%Y-%m-%d %H:%M}" for one in found_ones]


def spans(found_ones: Iterable[Instance], zone: tzinfo = UTC) -> list[str]:
    """Return starts and ends in a zone: ``2020-01-31 09:00/10:00``."""
    return [
        f"{datetime.fromtimestamp(one.start_ms / 1000, zone):%Y-%m-%d %H:%M}"
        f"/{datetime.fromtimestamp(one.end_ms / 1000, zone):%H:%M}"
        for one in found_ones
    ]
