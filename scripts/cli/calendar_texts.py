"""Times, zones, working hours and levels of access as `postroom calendar` reads and writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from cli.errors import UsageError
from postroom.model.calendars import DEFAULT_ACCESS, DEFAULT_USER, Access
from postroom.model.free_busy import Weekday, WorkingPeriod

if TYPE_CHECKING:
    from collections.abc import Mapping

EVERYONE: Final = "everyone"

LEVELS: Final = {"none": Access.NONE, "time": Access.TIME_ONLY, "details": Access.DETAILS}
"""What the command line calls the levels that free/busy information knows."""

_WEEK: Final = tuple(Weekday)
_PERIOD: Final = re.compile(r"([A-Z, -]+) (\d{1,2}):(\d\d) ?- ?(\d{1,2}):(\d\d)")
_DAY_MINUTES: Final = 24 * 60

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS: Final = -30_609_792_000_000
_LAST_MS: Final = 253_402_128_000_000
"""The years 1000 and 9999, days before their ends."""


def zone(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        UsageError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError; OSError: a folder's name
        raise UsageError(f"no time zone {name}: give an IANA name, as Europe/Berlin") from error


def today(local: ZoneInfo) -> datetime:
    """Return the last midnight of a zone."""
    return datetime.now(local).replace(hour=0, minute=0, second=0, microsecond=0)


def span(start_ms: int, end_ms: int, local: ZoneInfo, *, all_day: bool) -> tuple[str, str]:
    """Return start and end of an event for people: days of an all-day event, else local times to the minute."""
    form = "%Y-%m-%d" if all_day else "%Y-%m-%d %H:%M"
    last_ms = max(start_ms, end_ms - 1) if all_day else end_ms
    return _local(start_ms, local, form), _local(last_ms, local, form)


def _local(at_ms: int, local: ZoneInfo, form: str) -> str:
    return (_EPOCH + timedelta(milliseconds=bounded(at_ms))).astimezone(local).strftime(form)


def bounded(at_ms: int) -> int:
    """Return a time, or the nearest that has a year of four digits in every zone: events may go on for centuries."""
    return min(max(at_ms, _FIRST_MS), _LAST_MS)


def minutes(after_midnight: int) -> str:
    """Return minutes after midnight as ``HH:MM``."""
    return f"{after_midnight // 60:02}:{after_midnight % 60:02}"


def period_row(period: WorkingPeriod) -> dict[str, Any]:
    """Return what `--json` shows of a working period: a documented interface."""
    return {
        "days": [day.value for day in period.days],
        "start": minutes(period.start_minutes),
        "end": minutes(period.end_minutes),
    }


def period(text: str) -> WorkingPeriod:
    """Read ``MON-FRI 08:00-17:00`` or ``MON,WED 08:00-12:00``; a range may go over the end of the week.

    Raises:
        UsageError: it is not that, or ends before it begins.
    """
    found = _PERIOD.fullmatch(text.strip().upper())
    if found is None:
        raise UsageError(f"not days and hours: {text}; give MON-FRI 08:00-17:00")
    days, *numbers = found.groups()
    start_hour, start_minute, end_hour, end_minute = map(int, numbers)
    start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
    if not (start < end <= _DAY_MINUTES and max(start_minute, end_minute) < 60):
        raise UsageError(f"hours from {minutes(start)} to {minutes(end)}: not within a day")
    named = {day for part in days.split(",") for day in _days(part.strip(), text)}
    return WorkingPeriod(tuple(day for day in _WEEK if day in named), start, end)


def _days(part: str, text: str) -> list[Weekday]:
    first, dash, last = (word.strip() for word in part.partition("-"))
    try:
        start = _WEEK.index(Weekday(first))
        end = _WEEK.index(Weekday(last)) if dash else start
    except ValueError as error:
        raise UsageError(f"not days: {text}; days are {', '.join(_WEEK)}") from error
    return [_WEEK[(start + number) % 7] for number in range((end - start) % 7 + 1)]


def level(text: str) -> Access | None:
    """Read a level of access; ``None`` for ``default``, which removes an entry.

    Raises:
        UsageError: no such level.
    """
    if text == "default":
        return None
    if text not in LEVELS:
        raise UsageError(f"no level {text}: give {', '.join(LEVELS)} or default")
    return LEVELS[text]


def access_rows(permissions: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what `--json` shows of a calendar's permissions: a documented interface. Everyone comes first."""
    names = {access.value: name for name, access in LEVELS.items()}
    entries = {DEFAULT_USER: DEFAULT_ACCESS.value, **permissions}
    return [
        {"who": EVERYONE if who == DEFAULT_USER else who, "level": names.get(value, value)}
        for who, value in sorted(entries.items(), key=lambda entry: (entry[0] != DEFAULT_USER, entry[0]))
    ]
