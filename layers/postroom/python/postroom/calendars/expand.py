"""The instances of an entry in a window. The work depends on the window, never on how long ago a series began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Final

from postroom.calendars import recurrence
from postroom.calendars.zones import MAX_SHIFT_S, Offsets, ZoneOffsets, offsets_of
from postroom.errors import TooManyInstancesError
from postroom.model.free_busy import BusyType, EventDetails, InstanceType
from postroom.model.limits import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.calendars.entry import Entry, Length, Placed, Series, Shown

MAX_INSTANCES: Final = 20_000
"""Most instances of one series in a window. Ours: one every five minutes for 62 days, EWS's longest, is 17,856."""

_UNENDING_S: Final = 1 << 60


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance in a window; it is not cut to it.

    Attributes:
        recurrence_id_ms: the start that the series has for it; None for a single event.
        details: complete, of a private event too: the caller decides who may read them.
    """

    start_ms: int
    end_ms: int
    busy_type: BusyType
    recurrence_id_ms: int | None
    all_day: bool
    details: EventDetails


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a series between two changes of all that follow; keys as in ``Series``."""

    from_key: int
    before_key: int
    shift_s: int
    length: Length
    shown: Shown


def instances(
    entry: Entry, start_ms: int, end_ms: int, *, floating: tzinfo = UTC, most: int = MAX_INSTANCES
) -> list[Instance]:
    """Return the instances that overlap a window, in the order of their starts and ends.

    An instance without length counts as long as it is within the window. Cancelled instances are left out.

    Args:
        end_ms: end of the window, which is not part of it.
        floating: zone in which floating times and all-day events are read: that of the mailbox's calendar.

    Raises:
        TooManyInstancesError: more than ``most``.
        InvalidCalendarError: a zone that the entry names has gone from the time zone data.
    """
    if entry.start_ms >= end_ms or (entry.end_ms is not None and entry.end_ms < start_ms):
        return []
    local = ZoneOffsets(floating)
    found = []
    for one in _all(entry, start_ms, end_ms, local):
        if one.start_ms < end_ms and (one.end_ms > start_ms or one.start_ms >= start_ms):
            found.append(one)
            if len(found) > most:
                raise TooManyInstancesError(f"an event with more than {most} instances in the window")
    found.sort(key=lambda one: (one.start_ms, one.end_ms))
    return found


def _all(entry: Entry, start_ms: int, end_ms: int, local: Offsets) -> Iterator[Instance]:
    for placed in entry.placed:
        if placed.shown is not None:
            yield _placed(entry, placed, placed.shown, local)
    if entry.series is not None:
        offsets = local if entry.series.zone is None else offsets_of(entry.series.zone)
        moved = {placed.key_s for placed in entry.placed}
        for part in _parts(entry.series):
            yield from _recurring(entry, part, offsets, moved, start_ms // 1000, -(-end_ms // 1000))


def _placed(entry: Entry, placed: Placed, shown: Shown, local: Offsets) -> Instance:
    wall_s = placed.start_s
    if placed.is_floating:
        start_s, end_s = span(wall_s, placed.length, local)
    else:
        start_s, end_s = wall_s, wall_s + placed.length.exact_s
    kind, key_ms = InstanceType.SINGLE_INSTANCE, None
    if placed.key_s is not None:
        kind = InstanceType.EXCEPTION
        key_ms = (placed.key_s - (local.of_wall(placed.key_s) if placed.key_floats else 0)) * 1000
    busy, details = _busy(entry, shown), _details(shown, kind)
    return Instance(start_s * 1000, end_s * 1000, busy, key_ms, placed.all_day, details)


def _parts(series: Series) -> Iterator[_Part]:
    """Yield the parts of a series that are not cancelled."""
    from_key, shift_s, length, shown = -_UNENDING_S, 0, series.length, series.shown
    for change in series.changes:
        yield _Part(from_key, change.key_s, shift_s, length, shown)
        if change.shown is None:
            return
        from_key, shift_s, length, shown = change.key_s, change.shift_s, change.length, change.shown
    yield _Part(from_key, _UNENDING_S, shift_s, length, shown)


def _recurring(
    entry: Entry, part: _Part, offsets: Offsets, moved: set[int | None], from_s: int, before_s: int
) -> Iterator[Instance]:
    """Yield the instances of a part around a window of UTC seconds."""
    series = entry.series
    assert series is not None  # noqa: S101 - the caller has looked
    busy, details = _busy(entry, part.shown), _details(part.shown, InstanceType.RECURRING_INSTANCE)
    longest_s = max([part.length.total_s, *(own.total_s for _, own in series.more if own)])
    first_s, last_s = from_s - longest_s - part.shift_s - MAX_SHIFT_S, before_s - part.shift_s + MAX_SHIFT_S
    for key, (wall_s, own) in _keys(series, offsets, first_s, last_s).items():
        if not part.from_key <= key < part.before_key or key in moved:
            continue
        start_s, end_s = span(wall_s + part.shift_s, own or part.length, offsets)
        key_s = key if series.zone is not None else wall_s - offsets.of_wall(wall_s)
        yield Instance(start_s * 1000, end_s * 1000, busy, key_s * 1000, series.all_day, details)


def _keys(series: Series, offsets: Offsets, first_s: int, last_s: int) -> dict[int, tuple[int, Length | None]]:
    """Return the set of a series' instances between two times of the wall clock: key → wall seconds, own length."""
    found: dict[int, tuple[int, Length | None]] = {}
    floats = series.zone is None

    def add(wall_s: int, until_s: int = _UNENDING_S) -> None:
        key = wall_s if floats else wall_s - offsets.of_wall(wall_s)
        if key <= until_s and key not in series.excluded and wall_s // DAY_S not in series.excluded_days:
            found.setdefault(key, (wall_s, None))

    if first_s <= series.start_s < last_s:
        add(series.start_s)
    for rule in series.rules:
        until_s = _UNENDING_S if rule.until_s is None else rule.until_s
        if first_s <= until_s + MAX_SHIFT_S:
            for wall_s in recurrence.starts(rule, series.start_s, first_s, min(last_s, until_s + MAX_SHIFT_S)):
                add(wall_s, until_s)
    for key, own in series.more:
        if first_s - MAX_SHIFT_S <= key < last_s + MAX_SHIFT_S and key not in series.excluded:
            wall_s = key if floats else key + offsets.at(key)
            if wall_s // DAY_S not in series.excluded_days:
                found[key] = (wall_s, own)
    return found


def span(wall_s: int, length: Length, offsets: Offsets) -> tuple[int, int]:
    """Return start and end, in UTC seconds: days are added to the wall clock, hours are exact."""
    start_s = wall_s - offsets.of_wall(wall_s)
    if not length.nominal_s:
        return start_s, start_s + length.exact_s
    end_wall_s = wall_s + length.nominal_s
    return start_s, max(start_s, end_wall_s - offsets.of_wall(end_wall_s) + length.exact_s)


def _busy(entry: Entry, shown: Shown) -> BusyType:
    is_cut = entry.is_tentative and shown.busy_type in (BusyType.BUSY, BusyType.OOF)
    return BusyType.TENTATIVE if is_cut else shown.busy_type


def _details(shown: Shown, kind: InstanceType) -> EventDetails:
    return EventDetails(shown.subject, shown.location, kind, shown.is_meeting, shown.is_reminder_set, shown.is_private)
