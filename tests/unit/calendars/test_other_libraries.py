"""What icalendar 7.3.2 and recurring-ical-events 3.8.2 make of the same text, where RFC 5545 says something else.

Their answers are pinned, so that a release that changes one is seen: docs/parity.md names the differences.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events  # type: ignore[import-untyped]
from icalendar import Calendar

from tests.support.calendar_text import CUSTOM_ZONE, calendar, event, found

SINCE: Final = datetime(2019, 12, 1, tzinfo=UTC)
BEFORE: Final = datetime(2021, 3, 1, tzinfo=UTC)
BERLIN: Final = "DTSTART;TZID=Europe/Berlin"


def theirs(*components: str, head: str = "") -> list[str]:
    """Return start and length of what the libraries list: ``2020-01-31 09:00 +1:00``."""
    read: Any = Calendar.from_ical(calendar(*components, head=head))
    spans = []
    for one in recurring_ical_events.of(read).between(SINCE, BEFORE):
        start, end = one["DTSTART"].dt.astimezone(UTC), one["DTEND"].dt.astimezone(UTC)
        spans.append((start, end - start))
    return [span(*each) for each in sorted(spans)]


def ours(*components: str, head: str = "") -> list[str]:
    """Return the same of ours."""
    return [
        span(datetime.fromtimestamp(one.start_ms / 1000, UTC), timedelta(milliseconds=one.end_ms - one.start_ms))
        for one in found(*components, head=head, since=SINCE, before=BEFORE)
    ]


def span(start: datetime, length: timedelta) -> str:
    minutes = length // timedelta(minutes=1)
    return f"{start:%m-%d %H:%M} +{minutes // 60}:{minutes % 60:02}"


SAME: Final = {
    "every rule of a week": "DTSTART:20200106T090000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=9",
    "over a change of the clock": f"{BERLIN}:20200320T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=20",
    "the southern hemisphere": "DTSTART;TZID=Australia/Sydney:20200401T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=9",
    "the gap": f"{BERLIN}:20200328T023000\nRRULE:FREQ=DAILY;COUNT=3",
    "the 31st": "DTSTART:20200131T090000Z\nDURATION:PT1H\nRRULE:FREQ=MONTHLY",
    "29 February": "DTSTART:20200229T090000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY",
    "EXDATE": f"{BERLIN}:20200101T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=5\nEXDATE:20200102T080000Z",
    "RDATE": f"{BERLIN}:20200101T090000\nDURATION:PT1H\nRDATE;TZID=Europe/Berlin:20200704T090000",
    "RDATE with a period": "DTSTART:20200101T090000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20200104T090000Z/PT3H",
    "a Windows name": "DTSTART;TZID=Tokyo Standard Time:20200101T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3",
}


@pytest.mark.parametrize("name", SAME)
def test_the_libraries_agree(name: str) -> None:
    assert ours(event(SAME[name])) == theirs(event(SAME[name]))


def test_the_libraries_agree_about_moved_instances_and_all_that_follow() -> None:
    series = event(f"{BERLIN}:20200323T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=10")
    moved = event(f"RECURRENCE-ID;TZID=Europe/Berlin:20200324T090000\n{BERLIN}:20200501T120000\nDURATION:PT2H")
    later = event(
        f"RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20200327T090000\n{BERLIN}:20200327T110000\nDURATION:PT1H"
    )
    assert ours(series, moved) == theirs(series, moved)
    assert ours(series, later) == theirs(series, later)


DAILY: Final = event("DTSTART:20200101T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2")

DIFFERENT: Final[dict[str, tuple[tuple[str, ...], list[str], list[str]]]] = {
    "hours are exact (3.3.6)": (
        (event(f"{BERLIN}:20200328T200000\nDURATION:PT12H"),),
        ["03-28 19:00 +12:00"],
        ["03-28 19:00 +11:00"],
    ),
    "DTSTART is the first of COUNT (3.3.10)": (
        (event("DTSTART:20200101T090000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2"),),
        ["01-01 09:00 +1:00", "01-06 09:00 +1:00"],
        ["01-01 09:00 +1:00", "01-06 09:00 +1:00", "01-13 09:00 +1:00"],
    ),
    "a cancelled instance is not one": (
        (DAILY, event("RECURRENCE-ID:20200102T090000Z\nDTSTART:20200102T090000Z\nDURATION:PT1H\nSTATUS:CANCELLED")),
        ["01-01 09:00 +1:00"],
        ["01-01 09:00 +1:00", "01-02 09:00 +1:00"],
    ),
    "a date as RECURRENCE-ID of a series with times": (
        (DAILY, event("RECURRENCE-ID;VALUE=DATE:20200102\nDTSTART:20200102T120000Z\nDURATION:PT1H")),
        ["01-01 09:00 +1:00", "01-02 12:00 +1:00"],
        ["01-01 09:00 +1:00", "01-02 09:00 +1:00", "01-02 12:00 +1:00"],
    ),
    "a set has each instant once": (
        (event(f"{BERLIN}:20200329T010000\nDURATION:PT1H\nRRULE:FREQ=HOURLY;COUNT=3"),),
        ["03-29 00:00 +1:00", "03-29 01:00 +1:00"],
        ["03-29 00:00 +1:00", "03-29 01:00 +0:00", "03-29 01:00 +1:00"],
    ),
    "BYWEEKNO takes the weekday of DTSTART": (
        (event("DTSTART:20200513T090000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY;BYWEEKNO=20"),),
        ["05-13 09:00 +1:00"],
        [f"05-{day} 09:00 +1:00" for day in range(13, 18)],
    ),
}
"""What → components, ours, theirs."""


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_rfc_decides_where_the_libraries_differ(name: str) -> None:
    components, expected, other = DIFFERENT[name]
    assert ours(*components) == expected
    assert theirs(*components) == other


def test_a_series_in_utc_repeats_in_utc_whatever_the_calendars_zone() -> None:
    head = "X-WR-TIMEZONE:Europe/Berlin\n"
    series = event("DTSTART:20200328T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2")
    assert ours(series, head=head) == ["03-28 08:00 +1:00", "03-29 08:00 +1:00"]
    assert theirs(series, head=head) == ["03-28 08:00 +1:00", "03-29 07:00 +1:00"]


def test_the_library_gives_the_second_sender_the_first_ones_zone() -> None:
    """icalendar keeps the first VTIMEZONE of a name for the life of the process; ours: test_single_events.py."""
    text = event("DTSTART;TZID=A Zone Of My Own:20200701T090000\nDURATION:PT1H")
    east, west = (
        CUSTOM_ZONE.format(winter=winter, summer=summer).replace("Customized Time Zone", "A Zone Of My Own")
        for winter, summer in (("+0200", "+0300"), ("-0800", "-0700"))
    )
    assert (theirs(text, head=east), theirs(text, head=west)) == (["07-01 06:00 +1:00"], ["07-01 06:00 +1:00"])
    assert (ours(text, head=east), ours(text, head=west)) == (["07-01 06:00 +1:00"], ["07-01 16:00 +1:00"])


def test_a_time_in_a_zone_that_nobody_knows_floats() -> None:
    text = event("DTSTART;TZID=Nowhere:20200701T090000\nDURATION:PT1H")
    read: Any = Calendar.from_ical(calendar(text))
    assert read.walk("VEVENT")[0]["DTSTART"].dt.tzinfo is None
    (one,) = found(text, floating=ZoneInfo("Asia/Tokyo"))
    assert one.start_ms == int(datetime(2020, 7, 1, tzinfo=UTC).timestamp()) * 1000
