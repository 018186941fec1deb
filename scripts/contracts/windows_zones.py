"""Derives the time zones of GetServerTimeZones: rules per year for each Windows zone, from tzdata and CLDR.

CLDR's names come from icalendar's table, tzdata from the package of that name: the time zones of the machine do not
count. Where tzdata calls the winter time of a zone its daylight time (Ireland, Morocco), this does not: EWS's clients
expect that daylight time is ahead of standard time.
"""

from __future__ import annotations

import calendar
import importlib.metadata
import importlib.resources
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from icalendar.timezone import windows_to_olson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FIRST_YEAR: Final = 2007
LAST_YEAR: Final = 2037
"""Years with rules; before and after them, the first and the last rules apply. tzdata's own tables end in 2037."""


class Change(NamedTuple):
    """A change of the offset: local time of the clock before it, and the offsets in minutes east of UTC."""

    local: datetime
    before: int
    after: int


Rule = tuple[int, ...]
"""``(bias)`` of a year without changes, or ``(bias, daylight bias, *to daylight, *to standard)``: biases in minutes as
EWS has them (UTC = local + bias), a change as month, weekday (Monday is 0), occurrence (-1 is the last) and minutes
after midnight."""


def zone_of(name: str) -> ZoneInfo:
    """Return a zone of the package tzdata."""
    *folders, file = name.split("/")
    package = ".".join(["tzdata.zoneinfo", *folders])
    with importlib.resources.files(package).joinpath(file).open("rb") as opened:
        return ZoneInfo.from_file(opened, key=name)


def changes(zone: ZoneInfo, year: int) -> list[Change]:
    """Return the changes of the offset in a year, by local time; UTC's year, as no zone changes on its first days."""
    hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(0, 366, 6)]
    found = []
    for start, end in itertools.pairwise([*hours, datetime(year + 1, 1, 1, tzinfo=UTC)]):
        if _offset(zone, start) != _offset(zone, end):
            found.append(_change(zone, start, end))
    return found


def _offset(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 - zones of tzdata have one
    return round(offset.total_seconds() / 60)


def _change(zone: ZoneInfo, start: datetime, end: datetime) -> Change:
    before, after = _offset(zone, start), _offset(zone, end)
    while end - start > timedelta(minutes=1):
        middle = start + (end - start) // 2
        start, end = (middle, end) if _offset(zone, middle) == before else (start, middle)
    moment = end.replace(second=0, microsecond=0, tzinfo=None)
    return Change(moment + timedelta(minutes=before), before, after)


def segments(zone: ZoneInfo) -> Iterator[tuple[str, list[Change] | int]]:
    """Yield what applies from a local date and time on: the two changes of a year, or one offset in minutes."""
    offset = _offset(zone, datetime(FIRST_YEAR, 1, 1, tzinfo=UTC))
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        found = changes(zone, year)
        if len(found) == 2 and found[0].before == found[1].after:
            yield f"{year}-01-01T00:00:00", found
            continue
        yield f"{year}-01-01T00:00:00", offset if not found else found[0].before
        for change in found:
            yield change.local.isoformat(), change.after
        offset = found[-1].after if found else offset


def rules(zone: ZoneInfo) -> list[tuple[str, Rule]]:
    """Return the rules of a zone with the local time from which each applies; equal ones are joined."""
    joined: list[tuple[str, list[list[Change]], Rule]] = []
    for start, found in segments(zone):
        if isinstance(found, int):
            if not joined or joined[-1][2] != (-found,):
                joined.append((start, [], (-found,)))
            continue
        years = [*joined[-1][1], found] if joined and joined[-1][1] else []
        rule = _rule(years) if years else None
        if rule:
            joined[-1] = (joined[-1][0], years, rule)
        else:
            single = _rule([found])
            assert single is not None  # noqa: S101 - one year always has a rule
            joined.append((start, [found], single))
    return [(start, rule) for start, _, rule in joined]


def _rule(years: Sequence[list[Change]]) -> Rule | None:
    """Return the rule that all of these years follow, if there is one."""
    to_daylight = [next(change for change in year if change.after > change.before) for year in years]
    to_standard = [next(change for change in year if change.after < change.before) for year in years]
    biases = {(-change.before, -change.after) for change in to_daylight}
    parts = _occurrence(to_daylight), _occurrence(to_standard)
    if len(biases) != 1 or parts[0] is None or parts[1] is None:
        return None
    return (*biases.pop(), *parts[0], *parts[1])


def _occurrence(found: Sequence[Change]) -> tuple[int, int, int, int] | None:
    """Return month, weekday, occurrence and minutes that all changes have; the last one before the fourth."""
    fixed = {(each.local.month, each.local.weekday(), each.local.hour * 60 + each.local.minute) for each in found}
    weeks = {(each.local.day - 1) // 7 + 1 for each in found}
    are_last = all(each.local.day + 7 > calendar.monthrange(each.local.year, each.local.month)[1] for each in found)
    if len(fixed) != 1 or not (are_last or len(weeks) == 1):
        return None
    month, weekday, minutes = fixed.pop()
    return month, weekday, -1 if are_last else weeks.pop(), minutes


def document() -> dict[str, Any]:
    """Return the content of the data file."""
    zones = {
        windows: [iana, *(([start, *rule]) for start, rule in rules(zone_of(iana)))]
        for windows, iana in sorted(windows_to_olson.WINDOWS_TO_OLSON.items())
    }
    sources = {
        "tzdata": importlib.metadata.version("tzdata"),
        "CLDR windowsZones": windows_to_olson.version_date,
    }
    return {"sources": sources, "zones": zones}


def text() -> str:
    """Return the data file: JSON with a line per zone."""
    made = document()
    lines = [f"{json.dumps(name)}:{json.dumps(zone, separators=(',', ':'))}" for name, zone in made["zones"].items()]
    return f'{{"sources":{json.dumps(made["sources"])},"zones":{{\n' + ",\n".join(lines) + "\n}}\n"
