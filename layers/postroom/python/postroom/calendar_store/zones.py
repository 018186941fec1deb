"""A time zone of one year as Exchange Web Services describes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from postroom.model.free_busy import Zone, ZoneChange
from postroom.model.zone_times import week_and_weekday


@lru_cache(maxsize=256)
def zone_of(name: str, year: int) -> Zone:
    """Return a zone with the two changes that it has in a year.

    The later time of the clock is daylight time, also where IANA's data calls it otherwise (Ireland). A zone that does
    not go there and back in the year has no changes here: it has the offset of the year's first moment.

    Args:
        name: IANA name.
        year: 2 to 9998.

    Raises:
        ZoneInfoNotFoundError: this system's time zone data does not have the name.
    """
    zone = ZoneInfo(name)
    moments = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(366)]
    offsets = [_minutes(zone, moment) for moment in moments]
    found = [
        ZoneMove(_change(zone, moments[day], moments[day + 1]), offsets[day], offsets[day + 1])
        for day in range(365)
        if offsets[day] != offsets[day + 1]
    ]
    if len(found) != 2 or found[0].before != found[1].after:
        return Zone(name, -offsets[0])
    standard, daylight = sorted(found, key=lambda move: move.after)
    return Zone(name, -standard.after, standard.as_change(standard.after), daylight.as_change(standard.after))


class ZoneMove(NamedTuple):
    """A change of the offset: local time of the clock before it, and the offsets in minutes to the east."""

    local: datetime
    before: int
    after: int

    def as_change(self, standard: int) -> ZoneChange:
        """Return the change as EWS has it, for a zone with this standard offset."""
        week, weekday = week_and_weekday(self.local.date())
        return ZoneChange(standard - self.after, f"{self.local:%H:%M:%S}", self.local.month, week, weekday)


def _minutes(zone: ZoneInfo, moment: datetime) -> int:
    """Return the offset of a zone from UTC at an instant, in minutes to the east, rounded down."""
    offset = moment.astimezone(zone).utcoffset()
    return 0 if offset is None else offset // timedelta(minutes=1)


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the local time of a change between two instants, to the second, by the clock before the change."""
    old = _minutes(zone, before)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if _minutes(zone, middle) == old:
            before = middle
        else:
            after = middle
    exact = after.replace(microsecond=0)
    return exact.replace(tzinfo=None) + timedelta(minutes=old)
