"""Recurrence rules of the calendars' function: RFC 5545's own examples, and python-dateutil beside them."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime, timedelta
from typing import Final

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from functions.starters.src.availability.published_calendars.recurrence import Rule, Steps, TooMuchWorkError, starts


def at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    """Return a time by a local clock."""
    return datetime(year, month, day, hour)  # noqa: DTZ001


FIRST: Final = at(1997, 9, 2, 9)
"""The start of most examples of RFC 5545, 3.8.5.3."""
FAR: Final = timedelta(days=1200)

EXAMPLES: Final = (
    "FREQ=DAILY;COUNT=10",
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=2",
    "FREQ=DAILY;INTERVAL=10;COUNT=5",
    "FREQ=YEARLY;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
    "FREQ=DAILY;BYMONTH=1",
    "FREQ=WEEKLY;COUNT=10",
    "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
    "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
    "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=MO,WE,FR",
    "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
    "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
    "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
    "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
    "FREQ=MONTHLY;BYMONTHDAY=-3",
    "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
    "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
    "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
    "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
    "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
    "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
    "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
    "FREQ=YEARLY;BYDAY=20MO",
    "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
    "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
    "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
    "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
    "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
    "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
    "FREQ=HOURLY;INTERVAL=3;COUNT=9",
    "FREQ=MINUTELY;INTERVAL=15;COUNT=6",
    "FREQ=MINUTELY;INTERVAL=90;COUNT=4",
    "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40",
    "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16",
    "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
    "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
    "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
)


def ours(text: str, first: datetime, low: datetime, high: datetime) -> list[datetime]:
    found = starts(Rule.read(text), first, low, high, Steps(2_000_000))
    return [each for each in found if low <= each <= high]


def theirs(text: str, first: datetime, low: datetime, high: datetime) -> list[datetime]:
    return rrulestr(text, dtstart=first).between(low, high, inc=True)


def matching(text: str, first: datetime) -> datetime:
    """Return a first start that its own rule has: of any other, the RFC says that the series is undefined."""
    return next(iter(rrulestr(text, dtstart=first)))


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_of_the_rfc(text: str) -> None:
    first = matching(text, FIRST)
    far = FAR if "BYHOUR" not in text else FAR / 40
    for low in (FIRST, first + timedelta(days=200)):
        expected = theirs(text, first, low, low + far)
        assert ours(text, first, low, low + far) == expected
    assert ours(text, first, FIRST, FIRST + 2 * FAR)


RULES: Final = st.builds(
    lambda *parts: ";".join(part for part in parts if part),
    st.sampled_from(["FREQ=YEARLY", "FREQ=MONTHLY", "FREQ=WEEKLY", "FREQ=DAILY"]),
    st.sampled_from(["", "INTERVAL=2", "INTERVAL=3", "INTERVAL=7"]),
    st.sampled_from(["", "COUNT=1", "COUNT=5", "COUNT=40"]),
    st.sampled_from(["", "WKST=SU", "WKST=WE"]),
    st.sampled_from(["", "BYMONTH=2", "BYMONTH=3,10,12"]),
    st.sampled_from(["", "BYDAY=MO", "BYDAY=FR,SU", "BYDAY=-1SU", "BYDAY=2TU,-2TH"]),
    st.sampled_from(["", "", "BYMONTHDAY=31", "BYMONTHDAY=-1,13", "BYYEARDAY=60,-1", "BYYEARDAY=366"]),
    st.sampled_from(["", "BYHOUR=6,18", "BYMINUTE=0,30"]),
    st.sampled_from(["", "", "BYSETPOS=1", "BYSETPOS=-1,2"]),
)


@settings(max_examples=25, deadline=None)
@given(
    RULES,
    st.datetimes(at(1995, 1, 1), at(2035, 1, 1)),
    st.integers(0, 3000),
    st.integers(1, 62),
)
def test_any_rule_has_the_starts_that_dateutil_finds(text: str, first: datetime, later: int, days: int) -> None:
    is_ordinal = any(each in text for each in ("-1SU", "2TU"))
    assume(not (is_ordinal and not text.startswith(("FREQ=YEARLY", "FREQ=MONTHLY"))))  # not allowed by the RFC
    assume(not ("BYYEARDAY" in text and text.startswith(("FREQ=MONTHLY", "FREQ=WEEKLY", "FREQ=DAILY"))))  # nor this
    assume(not ("BYMONTHDAY" in text and text.startswith("FREQ=WEEKLY")))  # nor this
    assume(not ("BYSETPOS" in text and text.count("BY") == 1))  # nor this
    first = first.replace(second=0, microsecond=0)
    assume(not ("BYMONTH=" in text and ("BYMONTHDAY=31" in text or "BYYEARDAY" in text)))  # dateutil seeks for ages
    first = next(iter(rrulestr(text, dtstart=first)), first)
    low = first + timedelta(days=later)
    high = low + timedelta(days=days)
    expected = theirs(text, first, low, high)
    assert [each for each in ours(text, first, low, high) if each != first] == [
        each for each in expected if each != first
    ]


@pytest.mark.parametrize(
    ("text", "first", "expected"),
    [
        # A day that a month does not have is passed over (RFC 5545, 3.3.10), not moved.
        ("FREQ=MONTHLY", at(2026, 1, 31), ["01-31", "03-31", "05-31", "07-31"]),
        ("FREQ=YEARLY", at(2024, 2, 29), []),
        # Weekdays with and without a number are all meant; python-dateutil 2.9.0 finds nothing.
        (
            "FREQ=MONTHLY;BYDAY=-1FR,WE",
            at(2026, 7, 1),
            ["07-01", "07-08", "07-15", "07-22", "07-29", "07-31", "08-05", "08-12"],
        ),
        # Without a weekday, a week's day is that of DTSTART.
        ("FREQ=YEARLY;BYWEEKNO=20", at(2026, 1, 7), ["01-07", "05-13"]),
        # DTSTART is the first of the series and counts, also if the rule would not have it (3.8.5.3).
        ("FREQ=WEEKLY;BYDAY=MO;COUNT=3", at(2026, 1, 7), ["01-07", "01-12", "01-19"]),
    ],
)
def test_what_libraries_read_differently(text: str, first: datetime, expected: list[str]) -> None:
    found = ours(text, first, at(2026, 1, 1), at(2026, 8, 15))
    assert [f"{each:%m-%d}" for each in found] == expected


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
        "FREQ=DAILY;COUNT=1000000000",
        "FREQ=YEARLY;INTERVAL=999999999",
        "FREQ=HOURLY;INTERVAL=999999999999999999999",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        f"FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))};BYMINUTE={','.join(map(str, range(60)))};"
        f"BYSECOND={','.join(map(str, range(60)))}",
    ],
)
def test_a_rule_that_costs_too_much_or_never_ends_ends_soon(text: str) -> None:
    began = time.process_time()
    found = starts(Rule.read(text), at(1970, 1, 1), at(2026, 1, 1), at(2026, 1, 9), Steps(300_000))
    with contextlib.suppress(TooMuchWorkError):
        assert all(each < at(2026, 1, 10) for each in found)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FREQ=FORTNIGHTLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=x",
        "FREQ=DAILY;BYMONTH=13",
        "FREQ=DAILY;BYMONTHDAY=0",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;WKST=XX",
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Rule.read(text)
