"""Recurrence rules of RFC 5545, 3.3.10: when a series begins, by the local clock.

Only the part of a series that is asked for is worked out, and every step is counted: a rule may be written so that it
never ends, or finds nothing for a million years.
"""

from __future__ import annotations

import itertools
import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
UNITS = {"HOURLY": timedelta(hours=1), "MINUTELY": timedelta(minutes=1), "SECONDLY": timedelta(seconds=1)}
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", *UNITS)
NUMBERS = {
    "BYSECOND": (0, 59),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYMONTH": (1, 12),
    "BYSETPOS": (-366, 366),
}
ORDINAL_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
A_DAY = timedelta(days=1)


class TooMuchWorkError(Exception):
    """A calendar takes more steps than one answer may take."""


class Steps:
    """Counts down."""

    def __init__(self, most: int) -> None:
        """Begin with all of them."""
        self._left = most

    def take(self, number: int) -> None:
        """Take some.

        Raises:
            TooMuchWorkError: there are not so many.
        """
        self._left -= number
        if self._left < 0:
            raise TooMuchWorkError


@dataclass(frozen=True)
class Rule:
    """A rule. Weekdays are 0 for Monday to 6, each with its ordinal, or 0 for every one."""

    frequency: str
    interval: int
    count: int | None
    until: str
    week_start: int
    by: dict[str, tuple[int, ...]]
    days: tuple[tuple[int, int], ...]

    @classmethod
    def read(cls, text: str) -> Rule:
        """Read a rule.

        Raises:
            ValueError: it is none.
        """
        pairs = (part.partition("=") for part in text.upper().replace(" ", "").split(";") if part)
        given = {name: value for name, _, value in pairs}
        frequency, interval = given.get("FREQ", ""), int(given.get("INTERVAL", "1"))
        count = int(given["COUNT"]) if "COUNT" in given else None
        if frequency not in FREQUENCIES or interval < 1 or (count is not None and count < 1):
            raise ValueError("no rule")
        by = {name: _numbers(given[name], *NUMBERS[name]) for name in NUMBERS if name in given}
        week_start = WEEKDAYS.index(given.get("WKST", "MO"))
        return cls(frequency, interval, count, given.get("UNTIL", ""), week_start, by, _days(given.get("BYDAY", "")))


def starts(rule: Rule, first: datetime, low: datetime, high: datetime, steps: Steps) -> Iterator[datetime]:
    """Yield the starts of a series, in order, up to `high`; those before `low` may be missing.

    The first is DTSTART, whether or not the rule has it, and COUNT counts it (RFC 5545, 3.8.5.3).

    Args:
        rule: COUNT is heeded, UNTIL is not: it may need the zone.
        first: DTSTART by the local clock, as all times here.
        low: from when the starts are needed.
        high: until when.
        steps: what the work may take.

    Raises:
        TooMuchWorkError: it takes more.
    """
    sets = _sets(rule, first, first if rule.count is not None else max(first, low), high, steps)
    later = (each for each in itertools.chain.from_iterable(sets) if each > first)
    for number, start in enumerate(itertools.chain([first], later), 1):
        if start > high or (rule.count is not None and number > rule.count):
            return
        yield start


def _sets(rule: Rule, first: datetime, low: datetime, high: datetime, steps: Steps) -> Iterator[Iterable[datetime]]:
    """Yield the starts of every interval of the rule: of a year, a month, a week, a day, an hour or less."""
    by_date = _DATES.get(rule.frequency)
    for index in itertools.count(max(_index(rule, first, low) - 1, 0)):
        try:
            if by_date:
                begin, days = by_date(rule, first, index)
                found = [day for day in days if _has_date(rule, first, day)]
                moments = [datetime.combine(day, each) for day in found for each in _times(rule, first)]
                steps.take(len(days) + len(moments))
            else:
                slot = _slot(rule, first) + index * rule.interval * UNITS[rule.frequency]
                begin = slot.date()
                moments = _in_slot(rule, first, slot)
                steps.take(5 + len(moments))
        except (ValueError, OverflowError):
            return  # after the year 9999
        if datetime.combine(begin, time()) > high:
            return
        yield _at_positions(rule, moments)


def _index(rule: Rule, first: datetime, low: datetime) -> int:
    """Return the number of the interval that a moment is in."""
    passed = low - first
    match rule.frequency:
        case "YEARLY":
            units = low.year - first.year
        case "MONTHLY":
            units = 12 * (low.year - first.year) + low.month - first.month
        case "WEEKLY":
            units = passed.days // 7
        case "DAILY":
            units = passed.days
        case _:
            units = passed // UNITS[rule.frequency]
    return units // rule.interval


def _year(rule: Rule, first: datetime, index: int) -> tuple[date, list[date]]:
    year = first.year + index * rule.interval
    months = rule.by.get("BYMONTH")
    if months is None and _is_plain(rule):
        months = (first.month,)
    days = [date(year, month, day) for month in months or range(1, 13) for day in _month_days(year, month)]
    return date(year, 1, 1), sorted(days)


def _month(rule: Rule, first: datetime, index: int) -> tuple[date, list[date]]:
    year, month = divmod(12 * first.year + first.month - 1 + index * rule.interval, 12)
    return date(year, month + 1, 1), [date(year, month + 1, day) for day in _month_days(year, month + 1)]


def _week(rule: Rule, first: datetime, index: int) -> tuple[date, list[date]]:
    begin = first.date() - (first.weekday() - rule.week_start) % 7 * A_DAY + 7 * index * rule.interval * A_DAY
    return begin, [begin + number * A_DAY for number in range(7)]


def _day(rule: Rule, first: datetime, index: int) -> tuple[date, list[date]]:
    day = first.date() + index * rule.interval * A_DAY
    return day, [day]


_DATES = {"YEARLY": _year, "MONTHLY": _month, "WEEKLY": _week, "DAILY": _day}


def _has_date(rule: Rule, first: datetime, day: date) -> bool:
    """Whether a rule that is not of hours, minutes or seconds has a day."""
    if not _is_plain(rule):
        return _passes(rule, first, day)
    months = rule.by.get("BYMONTH", (day.month,))
    if rule.frequency == "WEEKLY":
        return day.weekday() == first.weekday() and day.month in months
    return day.month in months and (rule.frequency == "DAILY" or day.day == first.day)


def _passes(rule: Rule, first: datetime, day: date) -> bool:
    """Whether a day is one of every part of the rule that speaks of days."""
    by, last = rule.by, monthrange(day.year, day.month)[1]
    if "BYMONTH" in by and day.month not in by["BYMONTH"]:
        return False
    if "BYMONTHDAY" in by and not {day.day, day.day - last - 1} & set(by["BYMONTHDAY"]):
        return False
    if "BYYEARDAY" in by:
        number, length = day.timetuple().tm_yday, date(day.year, 12, 31).timetuple().tm_yday
        if not {number, number - length - 1} & set(by["BYYEARDAY"]):
            return False
    if "BYWEEKNO" in by and rule.frequency == "YEARLY":
        number, weeks = _week_number(day, rule.week_start)
        if not {number, number - weeks - 1} & set(by["BYWEEKNO"]):
            return False
        if not rule.days and not {"BYMONTHDAY", "BYYEARDAY"} & by.keys():
            return day.weekday() == first.weekday()
    return not rule.days or any(_is_weekday(rule, day, last, *each) for each in rule.days)


def _is_weekday(rule: Rule, day: date, last: int, ordinal: int, weekday: int) -> bool:
    """Whether a day is such a weekday: every one, or one that counts from the start or the end of its month or year."""
    if day.weekday() != weekday:
        return False
    if not ordinal or "BYWEEKNO" in rule.by or rule.frequency not in ("YEARLY", "MONTHLY"):
        return True
    if rule.frequency == "MONTHLY" or "BYMONTH" in rule.by:
        number, length = day.day, last
    else:
        number, length = day.timetuple().tm_yday, date(day.year, 12, 31).timetuple().tm_yday
    return ordinal == ((number - 1) // 7 + 1 if ordinal > 0 else -((length - number) // 7 + 1))


def _is_plain(rule: Rule) -> bool:
    """Whether the day comes from DTSTART, because no part of the rule says it."""
    return not rule.days and not {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"} & rule.by.keys()


def _week_number(day: date, week_start: int) -> tuple[int, int]:
    """Return the number of a day's week, and how many the year of that week has.

    The first week of a year is the first with four of its days. Source: RFC 5545, 3.3.10.
    """
    year = (day + (3 - (day.weekday() - week_start) % 7) * A_DAY).year  # of the fourth day of its week
    begins = _first_week(year, week_start)
    return (day - begins).days // 7 + 1, (_first_week(year + 1, week_start) - begins).days // 7


def _first_week(year: int, week_start: int) -> date:
    fourth = date(year, 1, 4)
    return fourth - (fourth.weekday() - week_start) % 7 * A_DAY


def _month_days(year: int, month: int) -> range:
    return range(1, monthrange(year, month)[1] + 1)


def _times(rule: Rule, first: datetime) -> list[time]:
    by = rule.by
    hours, minutes = by.get("BYHOUR", (first.hour,)), by.get("BYMINUTE", (first.minute,))
    return sorted(time(*each) for each in itertools.product(hours, minutes, by.get("BYSECOND", (first.second,))))


def _slot(rule: Rule, first: datetime) -> datetime:
    """Return the begin of the first hour, minute or second of a series."""
    if rule.frequency == "HOURLY":
        return first.replace(minute=0, second=0)
    return first.replace(second=0) if rule.frequency == "MINUTELY" else first


def _in_slot(rule: Rule, first: datetime, slot: datetime) -> list[datetime]:
    """Return the starts within an hour, a minute or a second."""
    by = rule.by
    limits = [("BYHOUR", slot.hour)]
    limits += [("BYMINUTE", slot.minute)] if rule.frequency != "HOURLY" else []
    limits += [("BYSECOND", slot.second)] if rule.frequency == "SECONDLY" else []
    if any(name in by and value not in by[name] for name, value in limits) or not _passes(rule, first, slot.date()):
        return []
    minutes = by.get("BYMINUTE", (first.minute,)) if rule.frequency == "HOURLY" else (slot.minute,)
    seconds = by.get("BYSECOND", (first.second,)) if rule.frequency != "SECONDLY" else (slot.second,)
    return sorted(slot.replace(minute=minute, second=second) for minute in minutes for second in seconds)


def _at_positions(rule: Rule, moments: list[datetime]) -> Iterable[datetime]:
    """Return the moments of an interval that BYSETPOS leaves."""
    if "BYSETPOS" not in rule.by:
        return moments
    number = len(moments)
    places = {each - 1 if each > 0 else number + each for each in rule.by["BYSETPOS"]}
    return [moments[place] for place in sorted(places) if 0 <= place < number]


def _numbers(text: str, least: int, most: int) -> tuple[int, ...]:
    numbers = {int(each) for each in text.split(",")}
    if not all(least <= each <= most and (each or least >= 0) for each in numbers):
        raise ValueError("a number of a rule is out of its range")
    return tuple(sorted(numbers))


def _days(text: str) -> tuple[tuple[int, int], ...]:
    found = [ORDINAL_DAY.fullmatch(each) for each in text.split(",")] if text else []
    if not all(found):
        raise ValueError("no weekday")
    return tuple({(int(each[1] or 0), WEEKDAYS.index(each[2])) for each in found if each})
