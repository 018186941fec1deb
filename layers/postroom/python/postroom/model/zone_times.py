"""Local times of a zone as EWS describes it: one rule for all years.

A local time that exists twice is the first one; one that is skipped has the bias from before the change, as RFC 5545,
3.3.5, demands of calendars. Microsoft's schema says nothing about either.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from postroom.model.free_busy import Weekday

if TYPE_CHECKING:
    from postroom.model.free_busy import Zone, ZoneChange

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 local times and UTC alike are naive here
_MILLISECOND: Final = timedelta(milliseconds=1)
WEEKDAYS: Final = (
    Weekday.MON,
    Weekday.TUE,
    Weekday.WED,
    Weekday.THU,
    Weekday.FRI,
    Weekday.SAT,
    Weekday.SUN,
)
"""In the order of Python's numbers, 0 to 6."""

LAST_WEEK: Final = 5


def epoch_ms(moment: datetime) -> int:
    """Return the milliseconds of an aware time, rounded down."""
    return (moment.astimezone(UTC).replace(tzinfo=None) - _EPOCH) // _MILLISECOND


def to_utc_ms(zone: Zone, local: datetime) -> int:
    """Return the instant of a naive local time, in milliseconds since the epoch."""
    local_ms = (local - _EPOCH) // _MILLISECOND
    if zone.standard is None or zone.daylight is None:
        return local_ms + zone.bias_minutes * 60_000
    in_daylight_ms = local_ms + (zone.bias_minutes + zone.daylight.bias_minutes) * 60_000
    if _is_daylight(zone, zone.standard, zone.daylight, in_daylight_ms):
        return in_daylight_ms
    return local_ms + (zone.bias_minutes + zone.standard.bias_minutes) * 60_000


def to_local(zone: Zone, utc_ms: int) -> datetime:
    """Return the naive local time of an instant. Before the year 1 and after 9999 it is the first and last moment."""
    bias_minutes = zone.bias_minutes
    if zone.standard is not None and zone.daylight is not None:
        daylight = _is_daylight(zone, zone.standard, zone.daylight, utc_ms)
        bias_minutes += zone.daylight.bias_minutes if daylight else zone.standard.bias_minutes
    return _moment(utc_ms - bias_minutes * 60_000)


def nth_weekday(year: int, month: int, week: int, weekday: Weekday) -> date:
    """Return the day of a month that is its first, second, third, fourth or last (5) of a weekday."""
    first = date(year, month, 1)
    day = first + timedelta(days=(WEEKDAYS.index(weekday) - first.weekday()) % 7 + 7 * (week - 1))
    return day - timedelta(days=7) if day.month != month else day


def week_and_weekday(day: date) -> tuple[int, Weekday]:
    """Return where a day is in its month: 1 to 4, or 5 if the month has no later week; and its weekday."""
    is_last = (day + timedelta(days=7)).month != day.month
    return LAST_WEEK if is_last else (day.day - 1) // 7 + 1, WEEKDAYS[day.weekday()]


def _moment(ms: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return datetime.min if ms < 0 else datetime.max  # noqa: DTZ901 naive on purpose


def _is_daylight(zone: Zone, standard: ZoneChange, daylight: ZoneChange, utc_ms: int) -> bool:
    year = _moment(utc_ms - zone.bias_minutes * 60_000).year
    to_daylight_ms = _change_ms(daylight, year) + (zone.bias_minutes + standard.bias_minutes) * 60_000
    to_standard_ms = _change_ms(standard, year) + (zone.bias_minutes + daylight.bias_minutes) * 60_000
    if to_daylight_ms < to_standard_ms:
        return to_daylight_ms <= utc_ms < to_standard_ms
    return not to_standard_ms <= utc_ms < to_daylight_ms


def _change_ms(change: ZoneChange, year: int) -> int:
    """Return the local time of a change in milliseconds since the epoch, by the clock before the change."""
    day = nth_weekday(year, change.month, change.week, change.weekday)
    hours, minutes, seconds = map(int, change.time.split(":"))
    return (day - _EPOCH.date()).days * 86_400_000 + ((hours * 60 + minutes) * 60 + seconds) * 1000
