"""The bound of the instances that an entry has in any window of 62 days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.calendars.density import most_in_a_window
from postroom.calendars.expand import instances
from postroom.calendars.objects import read_calendar
from postroom.errors import InvalidCalendarError
from postroom.meetings.steps import MAX_DENSITY
from postroom.model.free_busy import MAX_WINDOW_MS
from postroom.model.limits import DAY_MS
from tests.support.builders import NOON
from tests.support.calendars import an_object, stamp, vcalendar, vevent

if TYPE_CHECKING:
    from postroom.calendars.entry import Entry

PLAIN = [
    "FREQ=DAILY",
    "FREQ=DAILY;BYHOUR=9,11,13",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9,13,16",
    "FREQ=MONTHLY;BYDAY=1MO",
    "FREQ=YEARLY",
    "FREQ=HOURLY;BYHOUR=8,12,18",
    "FREQ=HOURLY;COUNT=8",
    "FREQ=MINUTELY;INTERVAL=480",
]
DENSE = [
    "FREQ=MINUTELY;INTERVAL=5",
    "FREQ=HOURLY",
    "FREQ=HOURLY;UNTIL=20300101T000000Z",
    "FREQ=DAILY;BYHOUR=8,9,10,11,12,13",
    "FREQ=YEARLY;BYMONTH=7;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11",
    "FREQ=MINUTELY;INTERVAL=5;COUNT=2000",
]


def entry(*lines: str, **changes: str | None) -> Entry:
    return an_object("1", NOON, *lines, **{"dtend": None, **changes}).entry


@pytest.mark.parametrize("rule", PLAIN)
def test_ordinary_meetings_are_below_what_an_invitation_may_have(rule: str) -> None:
    assert most_in_a_window(entry(f"RRULE:{rule}")) <= MAX_DENSITY


@pytest.mark.parametrize("rule", DENSE)
def test_floods_are_above_it(rule: str) -> None:
    assert most_in_a_window(entry(f"RRULE:{rule}")) > MAX_DENSITY


def test_a_single_meeting_is_one_and_a_year_long_one_that_recurs_yearly_few() -> None:
    assert most_in_a_window(entry()) == 1
    assert most_in_a_window(entry("RRULE:FREQ=YEARLY", duration="P365D")) < 5
    assert most_in_a_window(entry("RRULE:FREQ=DAILY", duration="P900D")) > MAX_DENSITY


def test_dates_and_changed_instances_count_by_their_times() -> None:
    def dates(gap_ms: int) -> str:
        return "RDATE:" + ",".join(stamp(NOON + place * gap_ms) for place in range(1, 1001))

    assert most_in_a_window(entry(dates(DAY_MS // 2))) < MAX_DENSITY
    assert most_in_a_window(entry(dates(DAY_MS // 24))) > MAX_DENSITY
    moved = [
        vevent("1", NOON + place * 60_000, f"RECURRENCE-ID:{stamp(NOON + place * 7 * DAY_MS)}") for place in range(300)
    ]
    series = vevent("1", NOON, "RRULE:FREQ=WEEKLY")
    assert most_in_a_window(read_calendar(vcalendar(series, *moved)).only().entry) > MAX_DENSITY


RULES = st.builds(
    "FREQ={};INTERVAL={}{}{}{}".format,
    st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"]),
    st.integers(1, 40),
    st.sampled_from(["", ";BYDAY=MO,WE,SU", ";BYMONTH=1,2,7", ";BYMONTHDAY=1,15,-1", ";BYDAY=SA;BYSETPOS=1"]),
    st.sampled_from(["", ";BYHOUR=1,2,3", ";BYHOUR=2;BYMINUTE=0,30"]),
    st.sampled_from(["", ";COUNT=1", ";COUNT=40", ";UNTIL=20270101T000000Z"]),
)


@settings(max_examples=150, deadline=None)
@given(
    RULES,
    st.sampled_from(["PT0S", "PT1H", "P3D", "P70D"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo"]),
    st.lists(st.integers(-(10**6), 10**6), max_size=8),
    st.integers(-100, 800),
)
def test_no_window_has_more(rule: str, duration: str, zone: str, dates: list[int], day: int) -> None:
    extra = [f"RDATE:{stamp(NOON + second * 1000)}" for second in dates]
    changes = {"dtstart": None, "dtend": None, "duration": duration}
    try:
        made = an_object("1", NOON, f"DTSTART;TZID={zone}:20261128T013000", f"RRULE:{rule}", *extra, **changes).entry
    except InvalidCalendarError:
        return
    start_ms = NOON + day * DAY_MS
    assert len(instances(made, start_ms, start_ms + MAX_WINDOW_MS)) <= most_in_a_window(made)
