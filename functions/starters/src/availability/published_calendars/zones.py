"""Time zones of a feed: from the local clock to UTC.

A zone of the IANA database is taken from there, since feeds shorten them. Every other one is taken from the feed's own
VTIMEZONE, and only for that feed: two senders may both call theirs "Customized Time Zone".
"""

from __future__ import annotations

import bisect
import contextlib
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .reading import moment, moments, rules
from .recurrence import A_DAY, starts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .reading import Component, Moment
    from .recurrence import Steps

OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?")
AROUND = timedelta(days=400)
"""How much more than the window is known of a zone: a change of each kind."""

LONGEST_NAME = 100
"""Characters of a zone's name; a longer one is not looked up. Ours."""


class Zone(Protocol):
    """A clock."""

    def utc(self, local: datetime) -> datetime:
        """Return the time in UTC, naive as the local one is.

        A time that comes twice is the first; one that is passed over counts as before the change (RFC 5545, 3.3.5).
        """


class Utc:
    """UTC."""

    def utc(self, local: datetime) -> datetime:
        """As in Zone."""
        return local


class Iana:
    """A zone of the IANA database."""

    def __init__(self, info: ZoneInfo) -> None:
        """Keep it."""
        self._info = info

    def utc(self, local: datetime) -> datetime:
        """As in Zone."""
        offset = local.replace(tzinfo=self._info).utcoffset()
        return local - (offset or timedelta())


class Listed:
    """A zone that a VTIMEZONE describes, around the window."""

    def __init__(self, changes: list[tuple[datetime, timedelta, timedelta]]) -> None:
        """Keep the changes: when by the clock before, and the offset before and after; at least one."""
        changes = sorted(changes)
        self._from = [local + max(after - before, timedelta()) for local, before, after in changes]
        self._offsets = [changes[0][1], *(after for _, _, after in changes)]

    def utc(self, local: datetime) -> datetime:
        """As in Zone."""
        return local - self._offsets[bisect.bisect_right(self._from, local)]


class Zones:
    """The zones of one feed, for one window."""

    def __init__(self, calendar: Component, default: str, window: tuple[datetime, datetime], steps: Steps) -> None:
        """Read none yet.

        Args:
            calendar: the VCALENDAR.
            default: name of the IANA zone of dates and floating times; if it is empty, the calendar may name it.
            window: from when to when the zones are needed.
            steps: what the work may take.
        """
        named = calendar.first("X-WR-TIMEZONE")
        self._default = default or (named.value.strip() if named else "")
        self._own = {_id(each): each for each in calendar.of("VTIMEZONE")}
        self._window = window
        self._steps = steps
        self._known: dict[str, Zone] = {}

    def utc(self, when: Moment, local: datetime | None = None) -> datetime:
        """Return a moment in UTC, or another time by the clock of the moment's zone."""
        zone = self._known.get(when.zone)
        if zone is None:
            zone = self._known[when.zone] = self._find(when.zone)
        return zone.utc(when.local if local is None else local)

    def _find(self, name: str) -> Zone:
        if name == "UTC":
            return Utc()
        if found := _iana(name):
            return Iana(found)
        if name in self._own and (changes := self._changes(self._own[name])):
            return Listed(changes)
        # What is left is a date, a floating time, or a time in a zone that nothing describes.
        return Iana(found) if (found := _iana(self._default)) else Utc()

    def _changes(self, zone: Component) -> list[tuple[datetime, timedelta, timedelta]]:
        changes: list[tuple[datetime, timedelta, timedelta]] = []
        for part in (*zone.of("STANDARD"), *zone.of("DAYLIGHT")):
            with contextlib.suppress(ValueError, OverflowError):  # the rest of the zone may do
                before, after = _offset(part, "TZOFFSETFROM"), _offset(part, "TZOFFSETTO")
                changes += [(each, before, after) for each in self._onsets(part)]
        return changes

    def _onsets(self, part: Component) -> Iterator[datetime]:
        """Yield when a part of a zone begins, by the clock before it."""
        given = part.first("DTSTART")
        if given is None:
            return
        first = moment(given.parameters, given.value).local
        yield first
        for each in moments(part.properties.get("RDATE", [])):
            yield each.local
        low, high = self._window[0] - AROUND, self._window[1] + AROUND
        for rule in rules(part):
            # UNTIL is in UTC, and onsets are by the clock: with a day more the last one is not lost.
            last = min(high, moment({}, rule.until).local + A_DAY) if rule.until else high
            yield from starts(rule, first, min(low, last - 2 * AROUND), last, self._steps)


def _id(zone: Component) -> str:
    named = zone.first("TZID")
    return named.value.strip() if named else ""


def _offset(part: Component, name: str) -> timedelta:
    found = OFFSET.fullmatch(part.text(name))
    if not found:
        raise ValueError("no offset")
    hours, minutes, seconds = (int(each or 0) for each in found.groups()[1:])
    size = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -size if found[1] == "-" else size


def _iana(name: str) -> ZoneInfo | None:
    """Return the zone of a name; also of one with a prefix, such as `/example.org/Europe/Berlin`."""
    parts = name.split("/")
    names = [name] if parts[0] else ["/".join(parts[-number:]) for number in (3, 2, 1)]
    return next((found for each in names if each and (found := _zone(each))), None)


def _zone(name: str) -> ZoneInfo | None:
    if len(name) > LONGEST_NAME:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
