"""Instances of whole objects: windows compose, the index form changes nothing, any text is read or refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.calendars.entry import Entry
from postroom.calendars.expand import instances
from postroom.calendars.objects import read_calendar
from postroom.errors import InvalidCalendarError
from tests.support.calendar_text import CUSTOM_ZONE, calendar, event, frozen, ms, the_object

if TYPE_CHECKING:
    from collections.abc import Callable

ZONES: Final = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Sydney",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Pacific/Apia",
)
OWN: Final = "Customized Time Zone"
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

MOMENTS: Final = st.datetimes(datetime(2005, 1, 1), datetime(2022, 1, 1)).map(  # noqa: DTZ001 - the wall clock
    lambda moment: moment.replace(microsecond=0, second=0)
)
RULES: Final = st.sampled_from(
    [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3;COUNT=40",
        "FREQ=WEEKLY;BYDAY=MO,WE,FR",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=SU;COUNT=30",
        "FREQ=MONTHLY;BYDAY=-1SU",
        "FREQ=MONTHLY;BYMONTHDAY=31",
        "FREQ=YEARLY",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
        "FREQ=HOURLY;INTERVAL=7",
        "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,30;COUNT=50",
    ]
)
LENGTHS: Final = st.sampled_from(["PT0S", "PT30M", "PT12H", "P1D", "P2DT3H", "P3W"])


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """Series with exclusions, additions and changed instances, in zones of either hemisphere, floating, or days."""
    first, rule, length = draw(MOMENTS), draw(RULES), draw(LENGTHS)
    zone = draw(st.sampled_from([*ZONES, OWN, "", "UTC"]))

    def at(name: str, moment: datetime) -> str:
        if zone == "UTC":
            return f"{name}:{moment:%Y%m%dT%H%M%S}Z"
        return f"{name}{f';TZID={zone}' if zone else ''}:{moment:%Y%m%dT%H%M%S}"

    near = st.integers(0, 60).map(lambda days: first + timedelta(days=days))
    lines = [at("DTSTART", first), f"DURATION:{length}", f"RRULE:{rule}"]
    lines += [at("EXDATE", moment) for moment in draw(st.lists(near, max_size=3))]
    lines += [at("RDATE", moment) for moment in draw(st.lists(near, max_size=3))]
    changed = []
    for moment in draw(st.lists(near, max_size=3, unique=True)):
        by = timedelta(minutes=draw(st.integers(-3000, 3000)))
        mark = draw(st.sampled_from(["", ";RANGE=THISANDFUTURE"]))
        status = draw(st.sampled_from(["CONFIRMED", "CANCELLED"]))
        named = at("RECURRENCE-ID", moment).replace("RECURRENCE-ID", f"RECURRENCE-ID{mark}", 1)
        changed.append(event(f"{named}\n{at('DTSTART', moment + by)}\nDURATION:{length}\nSTATUS:{status}"))
    return calendar(event("\n".join(lines)), *changed, head=CUSTOM_ZONE.format(winter="+0100", summer="+0200"))


@settings(max_examples=150, deadline=None)
@given(objects(), MOMENTS, st.integers(1, 400), st.integers(1, 400), st.sampled_from(ZONES))
def test_windows_compose(text: bytes, since: datetime, hours: int, more_hours: int, reader: str) -> None:
    entry = frozen(read_calendar(text).only().entry)
    floating = ZoneInfo(reader)
    a = ms(since.replace(tzinfo=UTC))
    b = a + hours * HOUR_MS
    c = b + more_hours * HOUR_MS
    whole = instances(entry, a, c, floating=floating)
    left, right = instances(entry, a, b, floating=floating), instances(entry, b, c, floating=floating)
    assert whole == sorted({*left, *right}, key=lambda one: (one.start_ms, one.end_ms, whole.index(one)))
    wide = instances(entry, a - 40 * DAY_MS, c + 40 * DAY_MS, floating=floating)
    assert whole == [one for one in wide if one.start_ms < c and (one.end_ms > a or one.start_ms >= a)]
    for one in wide:
        assert entry.start_ms <= one.start_ms
        assert entry.end_ms is None or one.end_ms <= entry.end_ms


@settings(max_examples=100, deadline=None)
@given(MOMENTS, RULES, st.sampled_from(ZONES), st.integers(0, 6000))
def test_a_series_in_a_zone_is_dateutils_on_that_zones_clock(first: datetime, rule: str, zone: str, days: int) -> None:
    """dateutil expands the wall clock, and Python's zones read each time as RFC 5545 3.3.5 does."""
    tz = ZoneInfo(zone)
    since = first.replace(tzinfo=UTC) + timedelta(days=days)
    before = since + timedelta(days=62)
    entry = frozen(the_object(event(f"DTSTART;TZID={zone}:{first:%Y%m%dT%H%M%S}\nRRULE:{rule}")).entry)
    ours = [one.start_ms for one in instances(entry, ms(since), ms(before))]
    count = "COUNT" in rule
    theirs = list(
        rrule.rrulestr(rule if count else f"{rule};UNTIL={before + timedelta(2):%Y%m%dT%H%M%S}", dtstart=first)
    )
    if first not in theirs:  # DTSTART is the first instance, and the first of COUNT
        theirs = [first, *(theirs[:-1] if count else theirs)]
    instants = sorted({ms(moment.replace(tzinfo=tz)) for moment in theirs})
    assert ours == [instant for instant in instants if ms(since) <= instant < ms(before)]


LINES: Final = st.sampled_from(
    [
        "BEGIN:VEVENT",
        "END:VEVENT",
        "BEGIN:VCALENDAR",
        "END:VCALENDAR",
        "BEGIN:VTIMEZONE",
        "END:VTIMEZONE",
        "BEGIN:STANDARD",
        "END:STANDARD",
        "UID:a",
        "TZID:x",
        "DTSTART;TZID=x:20200101T090000",
        "DTSTART:20200101T090000Z",
        "DTSTART;VALUE=DATE:20200101",
        "TZOFFSETFROM:+0100",
        "TZOFFSETTO:+2500",
        "RRULE:FREQ=DAILY",
        "RRULE:FREQ=YEARLY;BYDAY=1SU;COUNT=3",
        "RRULE:FREQ=SECONDLY",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20200102T090000Z",
        "RECURRENCE-ID;VALUE=DATE:20200102",
        "EXDATE:20200101,20200102T000000,20200102T000000Z",
        "RDATE;VALUE=PERIOD:20200101T000000Z/PT1H,20200101T000000Z/20190101T000000Z",
        'ATTENDEE;CN="a:b";PARTSTAT=accepted:MAILTO:Ada@acme.test',
        "ORGANIZER;=:",
        "SUMMARY;LANGUAGE=de:\\",
        "X-WR-TIMEZONE:W. Europe Standard Time",
        "METHOD:request",
        " folded",
        "\t",
        "",
        '\xff\x00:;="',
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=30), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_text_of_any_kind_is_read_or_refused(lines: list[str], line_end: str, is_wrapped: bool) -> None:
    if is_wrapped:
        lines = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"]
    try:
        read = read_calendar(line_end.join(lines).encode("latin-1"))
    except InvalidCalendarError:
        return
    for each in read.objects:
        entry = frozen(each.entry)
        instances(entry, ms(datetime(2020, 1, 1, tzinfo=UTC)), ms(datetime(2020, 3, 1, tzinfo=UTC)))
        again = read_calendar(each.ics).only()
        assert (again.uid, again.entry, again.parts) == (each.uid, each.entry, each.parts)


def _damaged(change: Callable[[dict[str, object]], object]) -> bytes:
    values = json.loads(the_object(event("DTSTART:20200101T090000Z\nRRULE:FREQ=DAILY")).entry.freeze())
    change(values)
    return json.dumps(values).encode()


@pytest.mark.parametrize(
    "frozen_bytes",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        _damaged(lambda values: values.update(v=0)),
        _damaged(lambda values: values.pop("b")),
        _damaged(lambda values: values.update(l=[])),
        _damaged(lambda values: values.update(s=5)),
    ],
)
def test_an_entry_that_is_damaged_or_of_another_form_is_refused(frozen_bytes: bytes) -> None:
    with pytest.raises(InvalidCalendarError, match="index entry"):
        Entry.thaw(frozen_bytes)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../../etc/passwd", "Europe"])
def test_a_zone_that_has_gone_is_said(name: str) -> None:
    frozen_bytes = the_object(event("DTSTART;TZID=Europe/Berlin:20200101T090000\nRRULE:FREQ=DAILY")).entry.freeze()
    entry = Entry.thaw(frozen_bytes.replace(b"Europe/Berlin", name.encode()))
    with pytest.raises(InvalidCalendarError, match="no longer has"):
        instances(entry, ms(datetime(2020, 1, 1, tzinfo=UTC)), ms(datetime(2020, 2, 1, tzinfo=UTC)))
