"""Reads RRULE (RFC 5545, 3.3.10). What the RFC does not have is refused: leaving it out would change the meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.calendars import values
from postroom.calendars.rules import Frequency, Rule
from postroom.errors import InvalidCalendarError

if TYPE_CHECKING:
    from postroom.calendars.values import When

MAX_INTERVAL: Final = 100_000
"""Largest INTERVAL. Ours."""

MAX_COUNT: Final = 50_000
"""Largest COUNT. Ours: every day for more than a hundred years."""

MAX_WEEKDAYS: Final = 100
"""Most days of BYDAY. Ours: RFC 5545 allows 749 different ones."""

_WEEKDAYS: Final = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_BY_DAY: Final = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?\d{1,6}", re.ASCII)

_LISTS: Final = {
    "BYSECOND": (0, 60),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (1, 31),
    "BYYEARDAY": (1, 366),
    "BYWEEKNO": (1, 53),
    "BYMONTH": (1, 12),
    "BYSETPOS": (1, 366),
}
"""Least and greatest value of each list of numbers."""

_SIGNED: Final = frozenset({"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"})
_OTHERS: Final = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY"})


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule as it is written: its end is not resolved yet."""

    rule: Rule
    count: int | None
    until: When | None


def read(value: str, *, is_date: bool) -> RuleText:
    """Read a rule.

    Args:
        is_date: DTSTART is a DATE, for which the times of a day are ignored.

    Raises:
        InvalidCalendarError: a part that RFC 5545 does not have, RSCALE among them, or a value out of its range.
    """
    parts = _parts(value)
    if unknown := parts.keys() - _LISTS.keys() - _OTHERS:
        which = "RSCALE" if "RSCALE" in unknown else "a part that RFC 5545 does not have"
        raise InvalidCalendarError(f"a recurrence rule with {which}")
    frequency = Frequency.__members__.get(parts.get("FREQ", "").upper())
    if frequency is None:
        raise InvalidCalendarError("a recurrence rule without a valid FREQ")
    if is_date and frequency > Frequency.DAILY:
        raise InvalidCalendarError("a recurrence rule that repeats days by the hour")
    lists = {name: _numbers(name, parts[name]) if name in parts else () for name in _LISTS}
    if is_date:
        lists |= {"BYHOUR": (), "BYMINUTE": (), "BYSECOND": ()}
    rule = Rule(
        frequency=frequency,
        interval=_number(parts, "INTERVAL", MAX_INTERVAL) or 1,
        by_month=lists["BYMONTH"],
        by_week_number=lists["BYWEEKNO"],
        by_year_day=lists["BYYEARDAY"],
        by_month_day=lists["BYMONTHDAY"],
        by_day=_by_day(parts["BYDAY"], frequency) if "BYDAY" in parts else (),
        by_hour=lists["BYHOUR"],
        by_minute=lists["BYMINUTE"],
        by_second=tuple(sorted({min(second, 59) for second in lists["BYSECOND"]})),
        by_position=lists["BYSETPOS"],
        week_start=_week_start(parts.get("WKST", "MO")),
    )
    until = values.when(parts["UNTIL"], None, first_year=1) if "UNTIL" in parts else None
    return RuleText(rule, _number(parts, "COUNT", MAX_COUNT), until)


def _parts(value: str) -> dict[str, str]:
    """Return the parts by upper-case name."""
    parts: dict[str, str] = {}
    for part in value.strip().rstrip(";").split(";"):
        name, equals, given = part.partition("=")
        name = name.strip().upper()
        if not equals or name in parts:
            raise InvalidCalendarError("a recurrence rule whose parts cannot be read, or with one twice")
        parts[name] = given.strip()
    return parts


def _number(parts: dict[str, str], name: str, most: int) -> int | None:
    """Return a part that is one positive number, if there is one."""
    if name not in parts:
        return None
    if not _NUMBER.fullmatch(parts[name]) or not 1 <= int(parts[name]) <= most:
        raise InvalidCalendarError(f"a recurrence rule with {name} outside 1 to {most}")
    return int(parts[name])


def _numbers(name: str, value: str) -> tuple[int, ...]:
    least, greatest = _LISTS[name]
    found = set()
    for part in value.split(","):
        number = int(part.strip()) if _NUMBER.fullmatch(part.strip()) else None
        size = abs(number) if number is not None and name in _SIGNED else number
        if number is None or size is None or not least <= size <= greatest:
            raise InvalidCalendarError(f"a recurrence rule with {name} outside {least} to {greatest}")
        found.add(number)
    return tuple(sorted(found))


def _by_day(value: str, frequency: Frequency) -> tuple[tuple[int, int], ...]:
    """Return ordinals and weekdays; an ordinal has no meaning in a period shorter than a month: it is dropped."""
    found = set()
    if value.count(",") >= MAX_WEEKDAYS:
        raise InvalidCalendarError(f"a recurrence rule with more than {MAX_WEEKDAYS} days in BYDAY")
    for part in value.upper().split(","):
        match = _BY_DAY.fullmatch(part.strip())
        ordinal = int(match[1] or 0) if match else 0
        if not match or abs(ordinal) > 53 or (match[1] and not ordinal):
            raise InvalidCalendarError("a recurrence rule with a BYDAY that cannot be read")
        found.add((ordinal if frequency <= Frequency.MONTHLY else 0, _WEEKDAYS[match[2]]))
    return tuple(sorted(found))


def _week_start(value: str) -> int:
    if value.upper() not in _WEEKDAYS:
        raise InvalidCalendarError("a recurrence rule with a WKST that is no weekday")
    return _WEEKDAYS[value.upper()]
