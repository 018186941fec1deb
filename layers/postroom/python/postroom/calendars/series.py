"""Makes the entry of one object: rules get their ends, times their instants, changes their places."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from postroom.calendars import definitions, events, recurrence, rule_text, values
from postroom.calendars.entry import Change, Entry, Length, Placed, Series
from postroom.calendars.expand import MAX_INSTANCES, span
from postroom.calendars.rules import Frequency, Rule
from postroom.calendars.zones import YEAR_S, offsets_of
from postroom.errors import InvalidCalendarError
from postroom.model.free_busy import MAX_WINDOW_MS
from postroom.model.limits import DAY_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.calendars.definitions import Zones
    from postroom.calendars.events import Event
    from postroom.calendars.rule_text import RuleText
    from postroom.calendars.values import When

MAX_CHANGES: Final = 2_000
"""Most changed instances of one series. Ours."""

MAX_DATES: Final = 5_000
"""Most dates of RDATE and EXDATE together. Ours."""

MAX_RULES: Final = 5
"""Most rules of one series. Ours: RFC 5545 has one."""

MAX_SEARCH_STEPS: Final = 1_000_000
"""Most periods in which the end of a COUNT is looked for. Ours."""

_FIRST_SEARCH_DAYS: Final = 64
"""Days that are looked through first, of rules whose periods are days or longer; each time, twice as many follow."""

SEARCH_DAYS: Final = 146_097
"""Days in which it is looked for: 400 years, after which the calendar repeats."""

_EARLIEST_S: Final = 15 * 3600
_LATEST_S: Final = 13 * 3600
"""How much earlier or later than UTC a floating time may be, in seconds, with an hour to spare."""


def entry(master: Event | None, changed: Sequence[Event], zones: Zones) -> Entry:
    """Return the entry of an object.

    Args:
        master: the event without RECURRENCE-ID, if the object has it.
        changed: instances with RECURRENCE-ID, one for each.

    Raises:
        InvalidCalendarError: a rule, a date or a limit.
    """
    if len(changed) > MAX_CHANGES:
        raise InvalidCalendarError(f"an event with more than {MAX_CHANGES} changed instances")
    if master is None:
        return _bounded(tuple(_orphan(each, zones) for each in changed), None)
    if not changed and not master.recurs:
        return _bounded((_placed(master, zones),), None)
    return _Maker(master, zones).entry(changed)


def _placed(event: Event, zones: Zones, key_s: int | None = None, *, key_floats: bool = False) -> Placed:
    """Return an event at its own time."""
    is_date, wall_s, length = event.start.is_date, event.start.wall_s, event.length
    if event.zone is None:
        return Placed(wall_s, length, event.shown, True, is_date, key_s, key_floats)
    start_s, end_s = span(wall_s, length, zones.offsets(event.zone))
    return Placed(start_s, Length(0, end_s - start_s), event.shown, False, is_date, key_s, key_floats)


def _orphan(event: Event, zones: Zones) -> Placed:
    """Return a changed instance whose series is not known: the user was invited to it alone."""
    when = event.recurrence_id
    assert when is not None  # noqa: S101 - events with one are grouped by the caller
    return _placed(event, zones, zones.instant(when), key_floats=zones.of(when) is None)


class _Maker:
    """One series; ``key`` and ``until`` count as ``Series`` does."""

    def __init__(self, master: Event, zones: Zones) -> None:
        self._master, self._zones = master, zones
        self._start_s, self._all_day = master.start.wall_s, master.start.is_date
        self._zone = master.zone
        if isinstance(self._zone, dict):
            self._zone = definitions.trimmed(self._zone, self._start_s - YEAR_S)
        self._offsets = zones.offsets(master.zone) if master.zone is not None else None

    def entry(self, changed: Sequence[Event]) -> Entry:
        placed = tuple(self._change_alone(each) for each in changed)
        changes = sorted((self._change(each) for each in changed if each.and_following), key=lambda each: each.key_s)
        if self._master.shown is None:  # a cancelled series: what was moved before it was cancelled is gone, too
            return _bounded((), None)
        dates = [line for name in ("EXDATE", "RDATE") for line in self._master.component.lines.get(name, ())]
        if sum(line.count(b",") + 1 for line in dates) > MAX_DATES:
            raise InvalidCalendarError(f"an event with more than {MAX_DATES} dates")
        excluded, days = self._excluded()
        more = self._more()
        rules = self._rules()
        series = Series(
            start_s=self._start_s,
            zone=self._zone,
            all_day=self._all_day,
            length=self._master.length,
            shown=self._master.shown,
            rules=rules,
            more=more,
            excluded=excluded,
            excluded_days=days,
            changes=tuple(changes),
        )
        return _bounded(tuple(each for each in placed if not self._is_excluded(each, series)), series)

    def _key(self, when: When) -> int:
        """Return the key of the instance that a time names, whatever kind of time it is."""
        wall_s = when.wall_s
        if self._all_day:
            return wall_s // DAY_S * DAY_S
        if when.is_date:
            wall_s += self._start_s % DAY_S
        zone = None if self._offsets is None else self._zones.of(when)
        return self._key_at(wall_s) if zone is None else wall_s - self._zones.offsets(zone).of_wall(wall_s)

    def _key_at(self, wall_s: int) -> int:
        """Return the key of a time of the series' clock."""
        return wall_s if self._offsets is None else wall_s - self._offsets.of_wall(wall_s)

    def _wall(self, key_s: int) -> int:
        return key_s if self._offsets is None else key_s + self._offsets.at(key_s)

    def _change_alone(self, event: Event) -> Placed:
        assert event.recurrence_id is not None  # noqa: S101 - the caller gives events with one
        return _placed(event, self._zones, self._key(event.recurrence_id), key_floats=self._offsets is None)

    def _change(self, event: Event) -> Change:
        """Return a change of all that follow: later instances move by the same time of the clock (3.8.4.4)."""
        assert event.recurrence_id is not None  # noqa: S101 - the caller gives events with one
        key_s = self._key(event.recurrence_id)
        start_s = event.start.wall_s
        if event.zone is not None and self._offsets is not None:
            start_s = self._wall(start_s - self._zones.offsets(event.zone).of_wall(start_s))
        return Change(key_s, start_s - self._wall(key_s), event.length, event.shown)

    def _excluded(self) -> tuple[frozenset[int], frozenset[int]]:
        """Return the keys and the days of EXDATE."""
        keys, days = set(), set()
        for found in self._master.component.all("EXDATE"):
            for when, _ in values.whens_of(found):
                if when.is_date and not self._all_day:
                    days.add(when.wall_s // DAY_S)
                else:
                    keys.add(self._key(when))
        return frozenset(keys), frozenset(days)

    def _more(self) -> tuple[tuple[int, Length | None], ...]:
        """Return the instances of RDATE, those of a period with their own length."""
        found: dict[int, Length | None] = {}
        for line in self._master.component.all("RDATE"):
            for when, end in values.whens_of(line):
                length = None
                if end.lstrip("+-").startswith("P"):
                    length = values.duration(end)
                elif end:
                    length = events.until(when, values.when(end, line.parameters.get("TZID")), self._zones)
                found[self._key(when)] = length
        return tuple(sorted(found.items(), key=lambda each: each[0]))

    def _is_excluded(self, placed: Placed, series: Series) -> bool:
        assert placed.key_s is not None  # noqa: S101 - it is a changed instance
        return placed.key_s in series.excluded or self._wall(placed.key_s) // DAY_S in series.excluded_days

    def _rules(self) -> tuple[Rule, ...]:
        if len(self._master.component.lines.get("RRULE", ())) > MAX_RULES:
            raise InvalidCalendarError(f"an event with more than {MAX_RULES} recurrence rules")
        texts = [rule_text.read(each.value, is_date=self._all_day) for each in self._master.component.all("RRULE")]
        ends = [None if text.until is None else self._until(text.until) for text in texts]
        most = sum(most_of_a_rule(*each, self._master.length, self._start_s) for each in zip(texts, ends, strict=True))
        if most > MAX_INSTANCES:
            raise InvalidCalendarError("an event that repeats too often for its length")
        return tuple(self._rule(*each) for each in zip(texts, ends, strict=True))

    def _rule(self, text: RuleText, until_s: int | None) -> Rule:
        """Return a rule with its end."""
        ends = [end for end in (until_s, self._last(text.rule, text.count) if text.count else None) if end is not None]
        return replace(text.rule, until_s=min(ends)) if ends else text.rule

    def _until(self, until: When) -> int:
        """Return UNTIL as a key; a date includes its whole day, and a local time is one of the series' zone."""
        if until.is_date and not self._all_day:
            return self._key_at(until.wall_s + DAY_S - 1)
        return self._key(until)

    def _last(self, rule: Rule, count: int) -> int:
        """Return the key of the last instance of a COUNT; DTSTART is the first of them (3.3.10)."""
        last_s, left = self._start_s, count - 1
        start_s, days = self._start_s + 1, 2 if rule.frequency > Frequency.DAILY else _FIRST_SEARCH_DAYS
        end_s = self._start_s + min(SEARCH_DAYS, MAX_SEARCH_STEPS // per_day(rule)) * DAY_S
        while left and start_s < end_s:
            before_s = min(start_s + days * DAY_S, end_s)
            self._zones.work.steps(_steps(rule, (before_s - start_s) // DAY_S + 1))
            for wall_s in islice(recurrence.starts(rule, self._start_s, start_s, before_s), left):
                last_s, left = wall_s, left - 1
            start_s, days = before_s, 2 * days
        return self._key_at(last_s)


def _steps(rule: Rule, days: int) -> int:
    """Return about how many steps, of about a microsecond, it takes to go through so many days."""
    if rule.frequency > Frequency.DAILY:
        return days * (per_day(rule) + 4) * 3 // 2
    is_by_day = bool(rule.by_day or rule.by_week_number or rule.by_year_day)
    periods = _STEP_DAYS[rule.frequency, is_by_day] * rule.interval
    return (days // periods + 1) * (per_day(rule) + 1)


_STEP_DAYS: Final = {
    (Frequency.YEARLY, False): 100,
    (Frequency.YEARLY, True): 2,
    (Frequency.MONTHLY, False): 30,
    (Frequency.MONTHLY, True): 10,
    (Frequency.WEEKLY, False): 7,
    (Frequency.WEEKLY, True): 7,
    (Frequency.DAILY, False): 1,
    (Frequency.DAILY, True): 1,
}
"""Days that a rule passes in about the time of one day of a daily rule, by frequency and whether weekdays count."""


def per_day(rule: Rule) -> int:
    """Return the most starts of a rule in one day; also the most periods that are looked at for them."""
    hours = len(rule.by_hour) or (24 if rule.frequency >= Frequency.HOURLY else 1)
    minutes = len(rule.by_minute) or (60 if rule.frequency >= Frequency.MINUTELY else 1)
    seconds = len(rule.by_second) or (60 if rule.frequency is Frequency.SECONDLY else 1)
    named = hours * minutes * seconds
    if rule.frequency < Frequency.HOURLY:
        return named
    unit = {Frequency.HOURLY: 3600, Frequency.MINUTELY: 60, Frequency.SECONDLY: 1}[rule.frequency]
    within = {Frequency.HOURLY: minutes * seconds, Frequency.MINUTELY: seconds, Frequency.SECONDLY: 1}[rule.frequency]
    return max(1, min(named, -(-DAY_S // (unit * rule.interval)) * within))


def most_of_a_rule(text: RuleText, until_s: int | None, length: Length, start_s: int) -> int:
    """Return more instances than a rule can have in the longest window of a query, however long each is."""
    days = MAX_WINDOW_MS // (DAY_S * 1000) + length.total_s // DAY_S + 1
    if until_s is not None:
        days = min(days, max(0, until_s - start_s) // DAY_S + 2)
    most = days * per_day(text.rule)
    return min(most, text.count or most)


def _bounded(placed: tuple[Placed, ...], series: Series | None) -> Entry:
    """Return an entry with its bounds."""
    ordered = tuple(sorted(placed, key=lambda each: each.start_s))
    spans = [_bounds(each) for each in ordered if each.shown is not None]
    if series is not None:
        spans.append(_series_bounds(series))
    start_s = min((start for start, _ in spans), default=0)
    ends = [end for _, end in spans]
    end_s = None if None in ends else max((end for end in ends if end is not None), default=start_s)
    return Entry(start_s * 1000, None if end_s is None else end_s * 1000, ordered, series)


def _bounds(placed: Placed) -> tuple[int, int | None]:
    end_s = placed.start_s + placed.length.total_s
    if placed.is_floating:
        return placed.start_s - _EARLIEST_S, end_s + _LATEST_S
    return placed.start_s, end_s


def _series_bounds(series: Series) -> tuple[int, int | None]:
    """Return seconds before which no instance begins and after which none ends."""
    lengths, shifts = series.lengths, series.shifts_s
    early_s = DAY_S if len(shifts) > 1 else 0
    late_s = DAY_S if len(shifts) > 1 or any(each.nominal_s for each in lengths) else 0
    start_s = series.start_s
    if series.zone is None:
        early_s, late_s = early_s + _EARLIEST_S, late_s + _LATEST_S
    else:
        start_s -= offsets_of(series.zone).of_wall(start_s)
    longest_s = max(each.total_s for each in lengths)
    first_s = min([start_s, *(key for key, _ in series.more)]) + min(shifts) - early_s
    last_s = _last_key(series, start_s)
    return first_s, None if last_s is None else last_s + longest_s + max(shifts) + late_s


def _last_key(series: Series, start_s: int) -> int | None:
    """Return the last key that an instance may have; None: there is no end."""
    ends = [start_s, *(key for key, _ in series.more)]
    last = series.changes[-1] if series.changes else None
    if last is not None and last.shown is None:
        return max(last.key_s, start_s)
    for rule in series.rules:
        if rule.until_s is None:
            return None
        ends.append(rule.until_s)
    return max(ends)
