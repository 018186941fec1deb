"""Starts of a recurrence rule within a part of the wall clock (RFC 5545, 3.3.10).

The periods of a rule (years, months, weeks, days …) are counted from the one of DTSTART, so that the first period of
interest is found by division: what lies before it costs nothing. Everything is arithmetic on the wall clock; time zones
come afterwards.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from postroom.calendars.rules import Frequency, Rule
from postroom.model.limits import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LAST_YEAR: Final = 9000
"""Last year in which anything recurs. Ours: far from the end of Python's calendar."""

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_LAST_DAY: Final = date(LAST_YEAR, 12, 31).toordinal() - _EPOCH_DAY
_THURSDAY: Final = 3
"""Weekday of day 0, where Monday is 0."""

_UNITS: Final = {Frequency.HOURLY: 3600, Frequency.MINUTELY: 60, Frequency.SECONDLY: 1}


def starts(rule: Rule, start_s: int, from_s: int, before_s: int) -> Iterator[int]:
    """Yield the starts of a rule from ``from_s`` on and before ``before_s``, ascending, all wall seconds.

    Args:
        start_s: DTSTART. Nothing before it is yielded; it is yielded only if the rule has it.

    The rule's end is not looked at: it may count UTC.
    """
    from_s = max(from_s, start_s)
    before_s = min(before_s, (_LAST_DAY + 1) * DAY_S)
    if from_s >= before_s:
        return
    for found in _periods(rule, start_s, from_s, before_s):
        for second in found:
            if second >= before_s:
                break
            if second >= from_s:
                yield second


def _periods(rule: Rule, start_s: int, from_s: int, before_s: int) -> Iterator[Iterable[int]]:
    """Yield the starts of each period that may have some in question; a period's are ascending."""
    if rule.frequency > Frequency.DAILY:
        yield from _short_periods(rule, start_s, from_s, before_s)
        return
    times = _times(rule, start_s % DAY_S)
    start_day, from_day, last_day = start_s // DAY_S, from_s // DAY_S, (before_s - 1) // DAY_S
    days_of = _DAYS[rule.frequency]
    for days in days_of(rule, start_day, from_day, last_day):
        if rule.by_position:
            yield _positions(rule, [day * DAY_S + time for day in days for time in times])
        elif len(times) == 1:
            yield [day * DAY_S + times[0] for day in days if from_day <= day <= last_day]
        else:
            yield (day * DAY_S + time for day in days if from_day <= day <= last_day for time in times)


def _positions(rule: Rule, found: list[int]) -> list[int]:
    """Return the elements of a period that BYSETPOS names."""
    count = len(found)
    places = {place - 1 if place > 0 else count + place for place in rule.by_position}
    return [found[place] for place in sorted(places) if 0 <= place < count]


def _times(rule: Rule, start_time_s: int) -> list[int]:
    """Return the times of a day, for rules whose period is a day or longer."""
    hours = rule.by_hour or (start_time_s // 3600,)
    minutes = rule.by_minute or (start_time_s // 60 % 60,)
    seconds = rule.by_second or (start_time_s % 60,)
    return sorted({hour * 3600 + minute * 60 + second for hour in hours for minute in minutes for second in seconds})


# Periods of a day and longer: each function yields the days of the periods around from_day to last_day.


def _daily(rule: Rule, start_day: int, from_day: int, last_day: int) -> Iterator[list[int]]:
    first = start_day + -(-(from_day - start_day) // rule.interval) * rule.interval
    for day in range(first, last_day + 1, rule.interval):
        if _passes(rule, day):
            yield [day]


def _weekly(rule: Rule, start_day: int, from_day: int, last_day: int) -> Iterator[list[int]]:
    step = 7 * rule.interval
    first = start_day - (_weekday(start_day) - rule.week_start) % 7
    week = first + (from_day - first) // step * step
    wanted = {weekday for _, weekday in rule.by_day} or {_weekday(start_day)}
    places = sorted((weekday - rule.week_start) % 7 for weekday in wanted)
    for monday in range(week, last_day + 1, step):
        yield [day for day in (monday + place for place in places) if _passes(rule, day)]


def _monthly(rule: Rule, start_day: int, from_day: int, last_day: int) -> Iterator[list[int]]:
    start, since, until = (_date(day) for day in (start_day, from_day, last_day))
    first = start.year * 12 + start.month - 1
    month = first + (since.year * 12 + since.month - 1 - first) // rule.interval * rule.interval
    for number in range(month, until.year * 12 + until.month, rule.interval):
        year, index = divmod(number, 12)
        if not rule.by_month or index + 1 in rule.by_month:
            found = _days_of_month(rule, year, index + 1, start.day)
            yield [day for day in found if _passes(rule, day)]


def _yearly(rule: Rule, start_day: int, from_day: int, last_day: int) -> Iterator[list[int]]:
    start = _date(start_day)
    first = start.year + (_date(from_day).year - start.year) // rule.interval * rule.interval
    for year in range(first, _date(last_day).year + 1, rule.interval):
        yield _days_of_year(rule, year, start, start_day)


_DAYS: Final = {
    Frequency.DAILY: _daily,
    Frequency.WEEKLY: _weekly,
    Frequency.MONTHLY: _monthly,
    Frequency.YEARLY: _yearly,
}


def _days_of_year(rule: Rule, year: int, start: date, start_day: int) -> list[int]:
    """Return a year's days: the first part of the table in 3.3.10 that applies makes them, the others limit them."""
    if rule.by_year_day:
        found = [day for number in rule.by_year_day if (day := _day_of_year(year, number)) is not None]
    elif rule.by_week_number:
        # a week's weekday is DTSTART's if no part names any: what a rule lacks is taken from DTSTART
        wanted = {weekday for _, weekday in rule.by_day} or {_weekday(start_day)}
        found = [day for day in _days_of_weeks(rule, year) if _weekday(day) in wanted or rule.by_month_day]
    elif rule.by_month_day or (not rule.by_day and not rule.by_month):
        months = rule.by_month or (range(1, 13) if rule.by_month_day else (start.month,))
        found = [day for month in months for day in _month_days(rule.by_month_day or (start.day,), year, month)]
    elif rule.by_month:
        found = [day for month in rule.by_month for day in _days_of_month(rule, year, month, start.day)]
    else:
        found = _weekdays(rule, _day(year, 1, 1), _day(year, 12, 31))
    return [day for day in sorted(set(found)) if _passes(rule, day)]


def _days_of_month(rule: Rule, year: int, month: int, start_day: int) -> list[int]:
    if rule.by_month_day:
        found = sorted(set(_month_days(rule.by_month_day, year, month)))
        return [day for day in found if _has_weekday(rule, day)]
    if rule.by_day:
        return _weekdays(rule, _day(year, month, 1), _day(year, month, _month_length(year, month)))
    return _month_days((start_day,), year, month)


def _month_days(numbers: Iterable[int], year: int, month: int) -> list[int]:
    """Return the days of a month with these numbers, from its end if negative; the 31st of April is skipped."""
    length, first = _month_length(year, month), _day(year, month, 1)
    found = (number if number > 0 else length + 1 + number for number in numbers)
    return [first + number - 1 for number in found if 1 <= number <= length]


def _weekdays(rule: Rule, first: int, last: int) -> list[int]:
    """Return the days from first to last that BYDAY names; an ordinal counts within them."""
    found: set[int] = set()
    for ordinal, weekday in rule.by_day:
        begin = first + (weekday - _weekday(first)) % 7
        end = last - (_weekday(last) - weekday) % 7
        if ordinal == 0:
            found.update(range(begin, end + 1, 7))
        else:
            day = begin + 7 * (ordinal - 1) if ordinal > 0 else end + 7 * (ordinal + 1)
            if first <= day <= last:
                found.add(day)
    return sorted(found)


def _days_of_weeks(rule: Rule, year: int) -> Iterator[int]:
    """Yield a year's days in the weeks that BYWEEKNO names, of which the first and last may count for its neighbours.

    Week 1 is the first with four days of its year or more. Sources: RFC 5545, 3.3.10; ISO 8601.
    """
    first, last = _day(year, 1, 1), _day(year, 12, 31)
    for week_year in (year - 1, year, year + 1):
        begin = _first_week(week_year, rule.week_start)
        count = (_first_week(week_year + 1, rule.week_start) - begin) // 7
        for number in rule.by_week_number:
            week = begin + 7 * (number - 1 if number > 0 else count + number)
            if abs(number) <= count:
                yield from (day for day in range(week, week + 7) if first <= day <= last)


def _week_matches(rule: Rule, day: int) -> bool:
    """Say whether a day's week has a number that BYWEEKNO names, counted from either end of the week's year."""
    thursday = day - (_weekday(day) - rule.week_start) % 7 + 3  # a week belongs to the year of its fourth day
    year = _date(thursday).year
    first = _first_week(year, rule.week_start)
    number = (day - first) // 7 + 1
    count = (_first_week(year + 1, rule.week_start) - first) // 7
    return number in rule.by_week_number or number - count - 1 in rule.by_week_number


def _first_week(year: int, week_start: int) -> int:
    """Return the first day of a year's week 1."""
    fourth = _day(year, 1, 4)
    return fourth - (_weekday(fourth) - week_start) % 7


def _passes(rule: Rule, day: int) -> bool:
    """Say whether a day passes every part of a rule that speaks of days."""
    if not _has_weekday(rule, day) or (rule.by_week_number and not _week_matches(rule, day)):
        return False
    if rule.by_month or rule.by_month_day or rule.by_year_day:
        on = _date(day)
        if rule.by_month and on.month not in rule.by_month:
            return False
        if rule.by_month_day and not _counts(rule.by_month_day, on.day, _month_length(on.year, on.month)):
            return False
        if rule.by_year_day:
            first = _day(on.year, 1, 1)
            return _counts(rule.by_year_day, day - first + 1, _day(on.year, 12, 31) - first + 1)
    return True


def _counts(numbers: tuple[int, ...], place: int, length: int) -> bool:
    """Say whether a part names a place, counted from the begin or from the end."""
    return place in numbers or place - length - 1 in numbers


def _has_weekday(rule: Rule, day: int) -> bool:
    """Say whether BYDAY has this day; an ordinal counts within the month, or the year if a rule names no months."""
    return not rule.by_day or any(
        weekday == _weekday(day) and (not ordinal or _is_nth(rule, day, ordinal)) for ordinal, weekday in rule.by_day
    )


def _is_nth(rule: Rule, day: int, ordinal: int) -> bool:
    on = _date(day)
    if rule.frequency is Frequency.MONTHLY or rule.by_month:
        first, last = 1, _month_length(on.year, on.month)
        place = on.day
    else:
        first, last = _day(on.year, 1, 1), _day(on.year, 12, 31)
        place = day
    return ordinal == ((place - first) // 7 + 1 if ordinal > 0 else -((last - place) // 7) - 1)


# Periods shorter than a day.


def _short_periods(rule: Rule, start_s: int, from_s: int, before_s: int) -> Iterator[list[int]]:
    """Yield the starts in each hour, minute or second, day by day; days that a part excludes cost one look."""
    unit = _UNITS[rule.frequency]
    step = rule.interval * unit
    origin = start_s // unit * unit
    period = origin + (from_s - origin) // step * step
    within = _within(rule, start_s)
    while period < before_s:
        day = period // DAY_S
        if not _passes(rule, day):
            next_day = (day + 1) * DAY_S
            period = origin + -(-(next_day - origin) // step) * step
            continue
        yield from _of_one_day(rule, range(period, min((day + 1) * DAY_S, before_s), step), within)
        period = origin + -(-((day + 1) * DAY_S - origin) // step) * step


def _of_one_day(rule: Rule, periods: range, within: list[int]) -> Iterator[list[int]]:
    """Yield the starts of one day's periods: by the shorter of two ways, all periods or all times that parts name."""
    hours, minutes, seconds = _named(rule)
    if len(hours) * len(minutes) * len(seconds) < len(periods):
        midnight = periods[0] // DAY_S * DAY_S
        named = (midnight + h * 3600 + m * 60 + s for h in hours for m in minutes for s in seconds)
        candidates: Iterable[int] = (second for second in named if second in periods)
    else:
        candidates = (second for second in periods if _time_passes(rule, second % DAY_S))
    for period in candidates:
        found = [period + offset for offset in within]
        yield _positions(rule, found) if rule.by_position else found


def _named(rule: Rule) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return the hours, minutes and seconds at which a period of a rule can begin."""
    minutes = (rule.by_minute or tuple(range(60))) if rule.frequency >= Frequency.MINUTELY else (0,)
    seconds = (rule.by_second or tuple(range(60))) if rule.frequency >= Frequency.SECONDLY else (0,)
    return tuple(sorted(set(rule.by_hour or range(24)))), tuple(sorted(set(minutes))), tuple(sorted(set(seconds)))


def _time_passes(rule: Rule, time_s: int) -> bool:
    """Say whether a period's begin passes the parts that limit it."""
    hour, minute, second = time_s // 3600, time_s // 60 % 60, time_s % 60
    if rule.by_hour and hour not in rule.by_hour:
        return False
    if rule.frequency >= Frequency.MINUTELY and rule.by_minute and minute not in rule.by_minute:
        return False
    return not (rule.frequency >= Frequency.SECONDLY and rule.by_second and second not in rule.by_second)


def _within(rule: Rule, start_s: int) -> list[int]:
    """Return the starts within a period, in seconds after it begins: what BYMINUTE and BYSECOND add, or DTSTART."""
    if rule.frequency is Frequency.SECONDLY:
        return [0]
    seconds = rule.by_second or (start_s % 60,)
    if rule.frequency is Frequency.MINUTELY:
        return sorted(set(seconds))
    minutes = rule.by_minute or (start_s // 60 % 60,)
    return sorted({minute * 60 + second for minute in minutes for second in seconds})


# Days since 1970-01-01.


def _weekday(day: int) -> int:
    return (day + _THURSDAY) % 7


def _date(day: int) -> date:
    return date.fromordinal(day + _EPOCH_DAY)


def _day(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal() - _EPOCH_DAY


@lru_cache(maxsize=1200)
def _month_length(year: int, month: int) -> int:
    after = date(year + month // 12, month % 12 + 1, 1)
    return (after - date(year, month, 1)).days


def _day_of_year(year: int, number: int) -> int | None:
    first, last = _day(year, 1, 1), _day(year, 12, 31)
    day = first + number - 1 if number > 0 else last + number + 1
    return day if first <= day <= last else None
