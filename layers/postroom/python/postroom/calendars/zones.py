"""From the wall clock of a time zone to UTC and back, as RFC 5545, 3.3.5 reads local times.

A time in the gap when clocks go forward is read with the offset before the gap; of a time that occurs twice, the first
is meant. A zone that an object brings with it belongs to that object alone: nothing here outlives an entry but what
``zoneinfo`` keeps of IANA's zones.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from postroom.calendars import recurrence
from postroom.calendars.rules import Rule
from postroom.errors import InvalidCalendarError
from postroom.model.limits import DAY_S

if TYPE_CHECKING:
    from collections.abc import Sequence

YEAR_S: Final = 366 * DAY_S
"""Longest year, in seconds."""

MAX_SHIFT_S: Final = 25 * 3600 + 1
"""More than any offset from UTC, and than any change of one, in seconds: Samoa skipped a day in 2011."""

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the wall clock has no zone


class Offsets(Protocol):
    """Offsets of one zone from UTC, in seconds, positive to the east."""

    def of_wall(self, wall_s: int) -> int:
        """Return the offset with which a time of the wall clock is read."""

    def at(self, utc_s: int) -> int:
        """Return the offset that applies at an instant."""


class ZoneOffsets:
    """Offsets of a zone of Python's."""

    __slots__ = ("_zone",)

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def of_wall(self, wall_s: int) -> int:
        """See ``Offsets``."""
        return self._seconds(_EPOCH + timedelta(0, wall_s))

    def at(self, utc_s: int) -> int:
        """See ``Offsets``."""
        moment = (_EPOCH + timedelta(0, utc_s)).replace(tzinfo=self._zone)
        return self._seconds(self._zone.fromutc(moment))

    def _seconds(self, moment: datetime) -> int:
        offset = self._zone.utcoffset(moment)
        return 0 if offset is None else offset.days * DAY_S + offset.seconds


class OwnZone:
    """Offsets of a zone that its object defines (VTIMEZONE).

    Args:
        frozen: ``first``, the offset before everything else; ``onsets``, of changes that happen once: UTC seconds,
            offset before, offset after; ``rules``, of changes every year: first onset (wall), offset before, offset
            after, frozen rule.
    """

    __slots__ = ("_first", "_onsets", "_rules", "_years")

    def __init__(self, frozen: dict[str, Any]) -> None:
        self._first: int = frozen["first"]
        self._onsets: Sequence[Sequence[int]] = frozen.get("onsets", ())
        self._rules = [(start, before, after, Rule.thawed(rule)) for start, before, after, rule in frozen["rules"]]
        self._years: dict[int, tuple[list[int], list[int], list[int]]] = {}

    def of_wall(self, wall_s: int) -> int:
        """See ``Offsets``."""
        walls, _, offsets = self._around(wall_s)
        return offsets[bisect_right(walls, wall_s)]

    def at(self, utc_s: int) -> int:
        """See ``Offsets``."""
        _, instants, offsets = self._around(utc_s)
        return offsets[bisect_right(instants, utc_s)]

    def _around(self, second: int) -> tuple[list[int], list[int], list[int]]:
        """Return the changes up to two years around: on the wall clock, in UTC, and the offset after each.

        On the wall clock a change begins where the time before it can no longer be meant: after the gap, or after the
        hour that occurs twice.
        """
        year = second // YEAR_S
        if year not in self._years:
            since, before = (year - 2) * YEAR_S, (year + 3) * YEAR_S
            changes = {(onset, old, new) for onset, old, new in self._onsets if onset < before}
            for start, old, new, rule in self._rules:
                onsets = recurrence.starts(rule, start, since, before)
                changes |= {(onset - old, old, new) for onset in onsets}
                if since <= start < before:
                    changes.add((start - old, old, new))
            ordered = sorted(changes)
            first = ordered[0][1] if ordered else self._first
            walls = [onset + max(old, new) for onset, old, new in ordered]
            self._years[year] = (walls, [each[0] for each in ordered], [first, *(each[2] for each in ordered)])
        return self._years[year]


def offsets_of(zone: str | dict[str, Any] | None) -> Offsets:
    """Return the offsets of a series' zone; of UTC if it has none.

    Raises:
        InvalidCalendarError: this system's time zone data does not have the name.
    """
    if zone is None:
        return ZoneOffsets(UTC)
    if not isinstance(zone, str):
        return OwnZone(zone)
    try:
        return ZoneOffsets(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidCalendarError("an event in a time zone that the time zone data no longer has") from error
