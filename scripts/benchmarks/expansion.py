"""How long a week's free/busy information of a hundred calendars takes from index entries, beside the libraries' way.

The libraries, icalendar and recurring-ical-events, read the calendars' text and expand it. Postroom reads text when it
is written; a query thaws entries and expands what recurs. Both must list the same instances. Reading objects and calls
of the store are not part of it. What is compared runs in turn; the median of the rounds' ratios counts.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar
from zoneinfo import ZoneInfo

import recurring_ical_events  # type: ignore[import-untyped]
from icalendar import Calendar

from postroom.calendars.entry import Entry
from postroom.calendars.expand import instances
from postroom.calendars.objects import read_calendar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
CALENDARS: Final = 100
EVENTS: Final = 50
WEEK_START: Final = datetime(2026, 10, 19, tzinfo=UTC)
"""The week in which Berlin leaves daylight time."""

WEEK_END: Final = WEEK_START + timedelta(days=7)
BUDGET: Final = 0.25
BUDGET_HISTORY: Final = 1.5
ROUNDS: Final = 2
HISTORY_ROUNDS: Final = 9

_HEAD: Final = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//acme//bench//EN\r\n"
_RULES: Final = (
    "FREQ=DAILY",
    "FREQ=WEEKLY;BYDAY=MO,WE,FR",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU",
    "FREQ=MONTHLY;BYDAY=3TH",
    "FREQ=MONTHLY;BYMONTHDAY=20",
    "FREQ=YEARLY",
    "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=200",
    "FREQ=DAILY;INTERVAL=3;UNTIL=20261022T120000Z",
)


@dataclass(frozen=True, slots=True)
class Calendars:
    """Ratios; medians.

    Attributes:
        events: thawing and expanding entries, of parsing and expanding text.
        decade: a week of series that began ten years before, of those that began one year before.
        generation: the same for thirty years.
    """

    events: float
    decade: float
    generation: float


def measure() -> Calendars:
    """Measure everything in turn.

    Raises:
        RuntimeError: what is compared does not list the same, so that its time is without meaning.
    """
    texts = [text(number) for number in range(CALENDARS)]
    entries = [frozen(each) for each in texts]
    if by_libraries(texts) != by_entries(entries):
        raise RuntimeError("the entries do not list what the libraries list")
    shares = []
    for _ in range(ROUNDS):
        theirs = _seconds(by_libraries, texts)
        shares.append(_seconds(by_entries, entries) / theirs)
    ages = {years: [frozen(text(number, years)) for number in range(CALENDARS)] for years in (1, 10, 30)}
    rounds = [{years: _seconds(by_entries, each) for years, each in ages.items()} for _ in range(HISTORY_ROUNDS + 1)]
    return Calendars(
        events=statistics.median(shares),
        decade=statistics.median(each[10] / each[1] for each in rounds[1:]),
        generation=statistics.median(each[30] / each[1] for each in rounds[1:]),
    )


def text(number: int, age_years: int = 1) -> bytes:
    """Return a calendar of ``EVENTS`` events, of which two fifths recur since so many years."""
    events = [_event(number, place, age_years) for place in range(EVENTS)]
    return (_HEAD + "".join(events) + "END:VCALENDAR\r\n").encode()


def _event(number: int, place: int, age_years: int) -> str:
    recurs = place % 5 < 2
    day = WEEK_START + timedelta(days=place % 7, hours=7 + (number + place) % 10, minutes=15 * (place % 4))
    if recurs:
        day = day.replace(year=day.year - age_years)
    lines = [
        f"UID:{number}-{place}@acme.test",
        "DTSTAMP:20261001T000000Z",
        f"DTSTART;TZID=Europe/Berlin:{day:%Y%m%dT%H%M%S}",
        f"DTEND;TZID=Europe/Berlin:{day + timedelta(minutes=30 + 15 * (place % 3)):%Y%m%dT%H%M%S}",
        f"SUMMARY:Meeting {place} of calendar {number}",
        f"LOCATION:Room {place % 12}",
        "DESCRIPTION:Agenda: what was done\\, what is next\\, what is in the way.",
        f"ORGANIZER;CN=Ada Lovelace:mailto:ada-{number}@acme.test",
        f"ATTENDEE;CN=Charles Babbage;PARTSTAT=ACCEPTED;RSVP=TRUE:mailto:charles-{number}@acme.test",
        "TRANSP:OPAQUE",
        f"CLASS:{'PRIVATE' if place % 9 == 0 else 'PUBLIC'}",
    ]
    if recurs:
        # DTSTART is an instance of the weekly rules only on some days; the libraries count it differently (COUNT)
        rule = _RULES[place // 5 % len(_RULES)]
        lines.append(f"RRULE:{rule.replace('COUNT=200', 'UNTIL=20280101T000000Z')}")
    return "BEGIN:VEVENT\r\n" + "".join(f"{line}\r\n" for line in lines) + "END:VEVENT\r\n"


def frozen(data: bytes) -> list[bytes]:
    """Return the frozen entries of a calendar, as the store keeps them."""
    read = read_calendar(data)
    if len(read.objects) != EVENTS:
        raise RuntimeError("an event of the bench cannot be read")
    return [each.entry.freeze() for each in read.objects]


def by_entries(calendars: Sequence[Sequence[bytes]]) -> list[list[tuple[int, int]]]:
    """Return start and end of each instance in the week, of each calendar."""
    start_ms, end_ms, reader = _ms(WEEK_START), _ms(WEEK_END), ZoneInfo("Europe/Berlin")
    return [
        sorted(
            (one.start_ms, one.end_ms)
            for entry in entries
            for one in instances(Entry.thaw(entry), start_ms, end_ms, floating=reader)
        )
        for entries in calendars
    ]


def by_libraries(texts: Sequence[bytes]) -> list[list[tuple[int, int]]]:
    """Return the same from text."""
    return [
        sorted(
            (_ms(event["DTSTART"].dt), _ms(event["DTEND"].dt))
            for event in recurring_ical_events.of(Calendar.from_ical(data)).between(WEEK_START, WEEK_END)
        )
        for data in texts
    ]


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _seconds(run: Callable[[Sequence[T]], object], these: Sequence[T]) -> float:
    start = time.process_time()
    run(these)
    return time.process_time() - start
