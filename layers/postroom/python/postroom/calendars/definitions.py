"""What a TZID means in one calendar object: IANA's name, Windows' name, or the object's own VTIMEZONE.

Names of IANA and Windows mean what IANA's data says, whatever VTIMEZONE comes with them: senders' copies are cut or
old. Any other name means its VTIMEZONE, in this object alone. A time with a name that neither knows floats.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from postroom.calendars import recurrence, rule_text, values
from postroom.calendars.rules import Frequency
from postroom.calendars.zones import YEAR_S, Offsets, offsets_of
from postroom.errors import InvalidCalendarError
from postroom.model.limits import DAY_S

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from postroom.calendars.lines import Component
    from postroom.calendars.rule_text import RuleText
    from postroom.calendars.rules import Rule
    from postroom.calendars.values import When

MAX_ZONES: Final = 1_000
"""Most VTIMEZONEs of one VCALENDAR. Ours."""

MAX_OBSERVANCES: Final = 5_000
"""Most parts of all VTIMEZONEs that a text's events name. Ours: all of one zone's history has some 200."""

MAX_STEPS: Final = 5_000_000
"""Most steps in which the ends of all of a text's COUNTs are looked for. Ours: some seconds; 16,000 ordinary series
take fewer."""

MAX_ONSETS: Final = 1_000
"""Most changes of one VTIMEZONE that happen once. Ours."""

MAX_YEARLY: Final = 4
"""Most rules of a VTIMEZONE without an end, and most changes of one in two years. Ours: two, and two."""

MAX_MONTH_DAYS: Final = 7
"""Most days of BYMONTHDAY in a VTIMEZONE: "the Sunday from 8 to 14" names seven."""

UTC_NAMES: Final = frozenset({"utc", "z", "gmt", "etc/utc", "tzone://microsoft/utc"})
"""Lower-case names of UTC; the last is Outlook's."""

Zone = str | dict[str, Any] | None
"""As ``Series.zone``."""


class Work:
    """What reading one text may still cost, in parts of time zones and in steps of recurrence rules."""

    def __init__(self) -> None:
        self._observances, self._steps = MAX_OBSERVANCES, MAX_STEPS

    def zone(self, observances: int) -> None:
        """Take the parts of one time zone.

        Raises:
            InvalidCalendarError: there are more than ``MAX_OBSERVANCES`` in the text.
        """
        self._observances -= observances
        if self._observances < 0:
            raise InvalidCalendarError(f"time zones with more than {MAX_OBSERVANCES} parts")

    def steps(self, count: int) -> None:
        """Take steps of a rule.

        Raises:
            InvalidCalendarError: there are more than ``MAX_STEPS`` in the text.
        """
        self._steps -= count
        if self._steps < 0:
            raise InvalidCalendarError("recurrence rules whose ends are too far to be found")


class Zones:
    """The zones of one VCALENDAR.

    Args:
        work: what the text may still cost.

    Raises:
        InvalidCalendarError: it has more than ``MAX_ZONES``.
    """

    def __init__(self, calendar: Component, work: Work) -> None:
        own = calendar.of("VTIMEZONE")
        if len(own) > MAX_ZONES:
            raise InvalidCalendarError(f"calendar data with more than {MAX_ZONES} time zones")
        self.own = {each.text("TZID"): each for each in reversed(own)}
        self.work = work
        self._calendar = calendar
        self._named: dict[str, Zone] = {}
        self._wrong: dict[str, str] = {}
        self._offsets: dict[str, Offsets] = {}
        self._floating = known(calendar.text("X-WR-TIMEZONE"))

    @cached_property
    def _since_s(self) -> int:
        """Wall seconds before which nothing is asked: two years before the first event."""
        return _first_start(self._calendar) - 2 * YEAR_S

    def of(self, when: When) -> Zone:
        """Return the zone of a time; None: it floats.

        Raises:
            InvalidCalendarError: its VTIMEZONE cannot be read.
        """
        if when.is_utc:
            return "UTC"
        if when.is_date:
            return None
        return self.named(when.zone_id) if when.zone_id else self._floating

    def named(self, zone_id: str) -> Zone:
        """Return the zone of a name, as ``of``."""
        if zone_id in self._wrong:
            raise InvalidCalendarError(self._wrong[zone_id])
        if zone_id not in self._named:
            try:
                self._named[zone_id] = known(zone_id) or self._defined(zone_id.strip())
            except InvalidCalendarError as error:
                self._wrong[zone_id] = str(error)
                raise
        return self._named[zone_id]

    def _defined(self, zone_id: str) -> Zone:
        own = self.own.get(zone_id)
        if own is None:
            return _suffix(zone_id) or self._floating
        self.work.zone(len(own.children))
        return _defined(own, self._since_s)

    def instant(self, when: When) -> int:
        """Return a time in UTC seconds; in wall seconds if it floats. Raises what ``of`` raises."""
        zone = self.of(when)
        return when.wall_s if zone is None else when.wall_s - self.offsets(zone).of_wall(when.wall_s)

    def offsets(self, zone: Zone) -> Offsets:
        """Return a zone's offsets; those of one name are one object."""
        key = zone if isinstance(zone, str) else str(id(zone))
        if key not in self._offsets:
            self._offsets[key] = offsets_of(zone)
        return self._offsets[key]


def known(zone_id: str) -> str | None:
    """Return the IANA name of a name of IANA's or of Windows', in any case."""
    name = zone_id.strip().lower()
    return "UTC" if name in UTC_NAMES else _names().get(name)


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Return IANA names by lower-case name; the data's list is exact where a file system's case is not."""
    listed = resources.files("tzdata").joinpath("zones").read_text("ascii").split()
    names = {name.lower(): name for name in listed}
    return {windows.lower(): name for windows, name in WINDOWS_TO_OLSON.items()} | names


def _suffix(zone_id: str) -> str | None:
    """Return the IANA name that ends a globally unique name: ``/example.org/2005/Europe/Berlin``."""
    parts = zone_id.strip().split("/")[-4:]
    ends = ("/".join(parts[first:]) for first in range(1, len(parts)))
    return next((name for end in ends if (name := known(end))), None) if zone_id.strip().startswith("/") else None


def _first_start(calendar: Component) -> int:
    """Return the first start of all events, in wall seconds; what cannot be read is refused later."""
    found = []
    for event in calendar.of("VEVENT"):
        try:
            start = event.one("DTSTART")
            if start:
                found.append(values.when_of(start).wall_s)
        except InvalidCalendarError:
            continue
    return min(found, default=0)


def _defined(zone: Component, since_s: int) -> dict[str, Any]:
    """Return a VTIMEZONE as ``OwnZone`` reads it.

    Raises:
        InvalidCalendarError: it cannot be read, or is beyond a limit.
    """
    observances = [*zone.of("STANDARD"), *zone.of("DAYLIGHT")]
    if not observances:
        raise InvalidCalendarError("a VTIMEZONE without parts")
    onsets: set[tuple[int, int, int]] = set()
    rules: list[list[Any]] = []
    for each in observances:
        start, before, after = _observance(each)
        walls = {start}
        for line in each.all("RDATE"):
            walls |= {one.wall_s + (before if one.is_utc else 0) for one, _ in values.whens_of(line)}
            _check(walls)
        for line in each.all("RRULE"):
            text = rule_text.read(line.value, is_date=False)
            if not _is_plain(text.rule, start):
                raise InvalidCalendarError("a VTIMEZONE that does not change by the year")
            if text.count is None and text.until is None:
                rules.append([start, before, after, text.rule.frozen()])
            else:
                walls |= set(islice(_ended(text, start, before, since_s), MAX_ONSETS + 1))
                _check(walls)
        onsets |= {(wall - before, before, after) for wall in walls}
    if len(rules) > MAX_YEARLY:
        raise InvalidCalendarError(f"a VTIMEZONE with more than {MAX_YEARLY} rules without an end")
    kept = trimmed({"first": min(onsets)[1], "onsets": sorted(onsets), "rules": rules}, since_s)
    _check(kept["onsets"])
    return kept


def _check(onsets: Collection[object]) -> None:
    if len(onsets) > MAX_ONSETS:
        raise InvalidCalendarError(f"a VTIMEZONE with more than {MAX_ONSETS} changes")


def _is_plain(rule: Rule, start: int) -> bool:
    """Say whether a zone's rule repeats every year, at the time of its first onset, and a few times at most."""
    times = (rule.by_hour, rule.by_minute, rule.by_second)
    odd = (*times, rule.by_week_number, rule.by_year_day, rule.by_position)
    if rule.frequency is not Frequency.YEARLY or rule.interval != 1 or any(odd):
        return False
    if len(rule.by_month) > 1 or len(rule.by_day) > 1 or len(rule.by_month_day) > MAX_MONTH_DAYS:
        return False
    since = max(start, 0)
    return sum(1 for _ in recurrence.starts(rule, start, since, since + 2 * YEAR_S)) <= MAX_YEARLY


def trimmed(zone: dict[str, Any], since_s: int) -> dict[str, Any]:
    """Return a zone without the changes before the last one before a time."""
    onsets = zone["onsets"]
    late = [onset for onset in onsets if onset[0] >= since_s]
    early = [onset for onset in onsets if onset[0] < since_s]
    return {**zone, "onsets": [list(onset) for onset in [*early[-1:], *late]]}


def _observance(part: Component) -> tuple[int, int, int]:
    """Return the first onset (wall seconds), the offset before, and the offset after."""
    start, before, after = part.one("DTSTART"), part.one("TZOFFSETFROM"), part.one("TZOFFSETTO")
    if start is None or before is None or after is None:
        raise InvalidCalendarError("a VTIMEZONE whose parts lack a start or an offset")
    wall_s = values.when(start.value, None, first_year=1).wall_s
    return wall_s, values.offset(before.value), values.offset(after.value)


def _ended(text: RuleText, start: int, before: int, since_s: int) -> Iterator[int]:
    """Return the onsets of a rule that ends: those from ``since_s`` on, and the last ones before."""
    if text.count is not None:
        reach = min(text.count + 1, MAX_ONSETS + 2) * 8 * YEAR_S  # 29 February may be eight years away
        return islice(recurrence.starts(text.rule, start, start, start + reach), text.count)
    assert text.until is not None  # noqa: S101 - the caller has looked
    end = text.until.wall_s + (before if text.until.is_utc else DAY_S - 1 if text.until.is_date else 0)
    return recurrence.starts(text.rule, start, min(since_s, end - 4 * YEAR_S), end + 1)
