"""A recurrence rule (RFC 5545, 3.3.10) as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class Frequency(IntEnum):
    """FREQ, from long to short."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6


@dataclass(frozen=True, slots=True)
class Rule:
    """One RRULE, without COUNT: an entry has the end that COUNT amounts to.

    Attributes:
        until_s: start of the last instance: UTC for a series with a zone, wall for one without; None: no end.
        by_day: ordinal (0: every) and weekday (Monday is 0).
        week_start: weekday, WKST.
    """

    frequency: Frequency
    interval: int = 1
    until_s: int | None = None
    by_month: tuple[int, ...] = ()
    by_week_number: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    by_hour: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_second: tuple[int, ...] = ()
    by_position: tuple[int, ...] = ()
    week_start: int = 0

    def frozen(self) -> list[Any]:
        """Return the rule as JSON values; empty parts at the end are left out."""
        days = [list(each) for each in self.by_day]
        parts: list[list[Any]] = [list(self.by_month), days, list(self.by_month_day), list(self.by_position)]
        parts += [list(each) for each in (self.by_hour, self.by_minute, self.by_second)]
        parts += [list(self.by_week_number), list(self.by_year_day)]
        while parts and not parts[-1]:
            parts.pop()
        return [int(self.frequency), self.interval, self.until_s, self.week_start, *parts]

    @classmethod
    def thawed(cls, values: Sequence[Any]) -> Rule:
        """Return the rule of ``frozen``."""
        frequency, interval, until_s, week_start, *parts = values
        parts += [()] * (9 - len(parts))
        month, day, month_day, position, hour, minute, second, week, year_day = parts
        return cls(
            frequency=Frequency(frequency),
            interval=interval,
            until_s=until_s,
            week_start=week_start,
            by_month=tuple(month),
            by_day=tuple((ordinal, weekday) for ordinal, weekday in day),
            by_month_day=tuple(month_day),
            by_position=tuple(position),
            by_hour=tuple(hour),
            by_minute=tuple(minute),
            by_second=tuple(second),
            by_week_number=tuple(week),
            by_year_day=tuple(year_day),
        )
