"""The rule engine against python-dateutil, and against itself: where it begins to look changes nothing."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest
from dateutil import rrule
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from postroom.calendars import recurrence
from postroom.calendars.rules import Frequency, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S
YEAR_S: Final = 366 * DAY_S

REACH_S: Final = {
    Frequency.YEARLY: 8 * YEAR_S,
    Frequency.MONTHLY: 3 * YEAR_S,
    Frequency.WEEKLY: YEAR_S,
    Frequency.DAILY: YEAR_S // 2,
    Frequency.HOURLY: 8 * DAY_S,
    Frequency.MINUTELY: DAY_S,
    Frequency.SECONDLY: HOUR_S,
}
"""How far from the start the two are compared."""


def some(numbers: st.SearchStrategy[int], most: int = 3) -> st.SearchStrategy[tuple[int, ...]]:
    few = st.lists(numbers, max_size=most, unique=True).map(lambda found: tuple(sorted(found)))
    return st.one_of(st.just(()), few)


def signed(most: int) -> st.SearchStrategy[int]:
    return st.integers(-most, most).filter(bool)


STARTS: Final = st.datetimes(datetime(1975, 1, 1), datetime(2045, 1, 1)).map(  # noqa: DTZ001 - the wall clock
    lambda moment: int((moment.replace(tzinfo=UTC, microsecond=0) - EPOCH).total_seconds())
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Rules that RFC 5545 allows."""
    frequency = draw(st.sampled_from(Frequency))
    is_yearly, is_short = frequency is Frequency.YEARLY, frequency > Frequency.DAILY
    week_numbers = draw(some(signed(53))) if is_yearly else ()
    with_ordinals = frequency <= Frequency.MONTHLY and not week_numbers
    by_month = draw(some(st.integers(1, 12)))
    most = 5 if frequency is Frequency.MONTHLY or by_month else 53
    # of a day with ordinal and one without (MO,1TU) dateutil takes the intersection: test_rfc_examples.py
    ordinals = draw(st.sampled_from([st.just(0), signed(most)])) if with_ordinals else st.just(0)
    by_day = draw(st.lists(st.tuples(ordinals, st.integers(0, 6)), max_size=3, unique=True))
    if week_numbers and not by_day:
        by_day = [(0, draw(st.integers(0, 6)))]  # without, dateutil takes the whole week: test_rfc_examples.py
    parts: dict[str, Any] = {
        "by_month": by_month,
        "by_week_number": week_numbers,
        "by_year_day": draw(some(signed(366))) if is_yearly or is_short else (),
        "by_month_day": () if frequency is Frequency.WEEKLY else draw(some(signed(31))),
        "by_day": tuple(sorted(by_day)),
        "by_hour": draw(some(st.integers(0, 23))),
        "by_minute": draw(some(st.integers(0, 59))),
        "by_second": draw(some(st.integers(0, 59))),
    }
    positions = signed(1 if is_short else 6)  # dateutil looks for a position that no hour has until the last year
    parts["by_position"] = draw(some(positions)) if any(parts.values()) else ()
    return Rule(frequency, draw(st.integers(1, 5)), week_start=draw(st.integers(0, 6)), **parts)


@contextmanager
def the_last_year(year: int) -> Iterator[None]:
    """End dateutil's calendar early: a rule that has nothing more costs it seconds up to the year 9999."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rrule, "datetime", SimpleNamespace(**{**vars(sys.modules["datetime"]), "MAXYEAR": year}))
        yield


def by_dateutil(rule: Rule, start_s: int, from_s: int, before_s: int) -> list[int]:
    """Return what dateutil has for a rule in a part of the wall clock."""
    their_days = [rrule.weekday(weekday, ordinal or None) for ordinal, weekday in rule.by_day]
    names: tuple[Literal[0, 1, 2, 3, 4, 5, 6], ...] = (0, 1, 2, 3, 4, 5, 6)
    theirs = rrule.rrule(
        names[rule.frequency],
        dtstart=EPOCH + timedelta(seconds=start_s),
        until=EPOCH + timedelta(seconds=before_s - 1),
        interval=rule.interval,
        wkst=rule.week_start,
        bymonth=rule.by_month or None,
        byweekno=rule.by_week_number or None,
        byyearday=rule.by_year_day or None,
        bymonthday=rule.by_month_day or None,
        byweekday=their_days or None,
        byhour=rule.by_hour or None,
        byminute=rule.by_minute or None,
        bysecond=rule.by_second or None,
        bysetpos=rule.by_position or None,
    )
    with the_last_year((EPOCH + timedelta(seconds=before_s)).year):
        seconds = [int((moment - EPOCH).total_seconds()) for moment in theirs]
    return [second for second in seconds if second >= from_s]


@settings(max_examples=100, deadline=None)
@given(rules(), STARTS, st.floats(0, 1))
def test_a_rule_has_the_starts_that_dateutil_has(rule: Rule, start_s: int, share: float) -> None:
    before_s = start_s + REACH_S[rule.frequency]
    from_s = start_s + int(share * REACH_S[rule.frequency])
    if rule.frequency is Frequency.WEEKLY and rule.by_position:
        from_s = max(from_s, start_s + 7 * DAY_S)  # of the first week dateutil takes the part from DTSTART on alone
    try:
        expected = by_dateutil(rule, start_s, from_s, before_s)
    except ValueError:  # dateutil refuses some rules of hours, minutes and seconds that never apply
        reject()
    assert list(recurrence.starts(rule, start_s, from_s, before_s)) == expected


@settings(max_examples=60, deadline=None)
@given(rules(), STARTS, st.integers(0, 200), st.integers(1, 40))
def test_where_it_begins_to_look_changes_nothing(rule: Rule, start_s: int, years: int, days: int) -> None:
    """Whole periods of four hundred years, after which the calendar repeats itself, and any later window alike."""
    before_s = start_s + REACH_S[rule.frequency]
    everything = list(recurrence.starts(rule, start_s, start_s, before_s))
    from_s = start_s + days * (before_s - start_s) // 41
    assert list(recurrence.starts(rule, start_s, from_s, before_s)) == [each for each in everything if each >= from_s]
    assert list(recurrence.starts(rule, start_s, start_s - years * YEAR_S, before_s)) == everything
    if rule.interval in (1, 2, 4, 5) and rule.frequency is not Frequency.WEEKLY:
        age_s = 146_097 * DAY_S
        if age_s % (rule.interval * PERIOD_S[rule.frequency]) == 0:
            older = recurrence.starts(rule, start_s - age_s, start_s, before_s)
            assert list(older) == everything


PERIOD_S: Final = {
    Frequency.YEARLY: 146_097 * DAY_S // 400,
    Frequency.MONTHLY: 146_097 * DAY_S // 4_800,
    Frequency.DAILY: DAY_S,
    Frequency.HOURLY: HOUR_S,
    Frequency.MINUTELY: 60,
    Frequency.SECONDLY: 1,
}
"""Mean lengths of periods, for rules that are old by a multiple of them."""


@pytest.mark.parametrize(
    "rule",
    [
        Rule(Frequency.DAILY),
        Rule(Frequency.DAILY, 3, by_month=(1, 2)),
        Rule(Frequency.WEEKLY, by_day=((0, 0), (0, 4))),
        Rule(Frequency.MONTHLY, by_day=((-1, 4),)),
        Rule(Frequency.YEARLY, by_month=(3,), by_month_day=(29,)),
        Rule(Frequency.HOURLY, 6),
        Rule(Frequency.MINUTELY, 90),
    ],
)
def test_an_old_series_is_no_more_work_than_a_new_one(rule: Rule) -> None:
    """Counted in calls of Python functions, which no machine's speed changes."""

    def calls(age_years: int) -> int:
        now_s, count = 1_600_000_000, 0

        def count_one(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(count_one)
        try:
            list(recurrence.starts(rule, now_s - age_years * YEAR_S, now_s, now_s + 7 * DAY_S))
        finally:
            sys.setprofile(None)
        return count

    assert calls(300) <= 1.5 * calls(1) + 20
