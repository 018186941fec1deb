"""The index form of a calendar object: what a query of free/busy information needs of it, and no more.

An entry is made when the object is written, with the rules of time zones of that day. Times are UTC seconds, except
those of floating and all-day events, which count the wall clock: they get their zone in a query.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from postroom.calendars.rules import Rule
from postroom.errors import InvalidCalendarError
from postroom.model.free_busy import BusyType

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ENTRY_BYTES: Final = 300 * 1024
"""Largest frozen entry, in bytes. Ours: a row of DynamoDB holds 400 KB."""

FORM: Final = 1
"""Number of the frozen form."""

_BUSY: Final = (BusyType.FREE, BusyType.TENTATIVE, BusyType.BUSY, BusyType.OOF)
_MEETING, _REMINDER, _PRIVATE = 1, 2, 4
_FLOATING, _ALL_DAY, _KEY_FLOATS = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Shown:
    """What an event shows beside its time; texts are cut to ``free_busy.MAX_TEXT_CHARACTERS``."""

    busy_type: BusyType = BusyType.BUSY
    subject: str = ""
    location: str = ""
    is_meeting: bool = False
    is_reminder_set: bool = False
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class Length:
    """How long an event is: first on the wall clock, then in exact seconds. Source: RFC 5545, 3.3.6 and 3.8.5.3."""

    nominal_s: int = 0
    exact_s: int = 0

    @property
    def total_s(self) -> int:
        """Both together: the seconds if no clock changes meanwhile."""
        return self.nominal_s + self.exact_s


@dataclass(frozen=True, slots=True)
class Placed:
    """An event at one time: a single event, or an instance of a series that was changed alone.

    Attributes:
        start_s: wall if the event floats.
        key_s: the start that the series has in its place (RECURRENCE-ID), as ``Series`` counts; None: a single event.
        key_floats: the key counts the wall clock.
        shown: None for a cancelled instance.
    """

    start_s: int
    length: Length
    shown: Shown | None
    is_floating: bool = False
    all_day: bool = False
    key_s: int | None = None
    key_floats: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an instance and all that follow it (RANGE=THISANDFUTURE).

    Attributes:
        key_s: the first instance, as ``Series`` counts.
        shift_s: wall seconds by which the following instances move.
        shown: None if they are cancelled.
    """

    key_s: int
    shift_s: int
    length: Length
    shown: Shown | None


@dataclass(frozen=True, slots=True)
class Series:
    """What recurs. Keys are starts of instances: UTC if the series has a zone, wall if it floats.

    Attributes:
        start_s: wall; it is the first instance, whether a rule has it or not.
        zone: IANA name, the frozen form of a zone of its own (``zones.OwnZone``), or None: it floats.
        more: instances of RDATE, with a length where they have their own.
        excluded: keys of EXDATE.
        excluded_days: days of EXDATE;VALUE=DATE, in days of the wall clock since 1970-01-01.
        changes: in the order of their keys.
    """

    start_s: int
    zone: str | dict[str, Any] | None
    all_day: bool
    length: Length
    shown: Shown
    rules: tuple[Rule, ...] = ()
    more: tuple[tuple[int, Length | None], ...] = ()
    excluded: frozenset[int] = frozenset()
    excluded_days: frozenset[int] = frozenset()
    changes: tuple[Change, ...] = ()

    @property
    def lengths(self) -> list[Length]:
        """All lengths that its instances may have."""
        return [self.length, *(own for _, own in self.more if own), *(each.length for each in self.changes)]

    @property
    def shifts_s(self) -> list[int]:
        """All wall seconds by which its instances may have moved."""
        return [0, *(each.shift_s for each in self.changes)]


@dataclass(frozen=True, slots=True)
class Entry:
    """The index form of one object.

    Attributes:
        start_ms: no instance begins before, whatever the zone of a floating event; may be negative.
        end_ms: no instance ends after; None: the series has no end.
        placed: single events and changed instances, cancelled ones too, in the order of their starts.
        is_tentative: the user has not answered: what is BUSY or OOF is TENTATIVE.
    """

    start_ms: int
    end_ms: int | None
    placed: tuple[Placed, ...] = ()
    series: Series | None = None
    is_tentative: bool = False

    @property
    def recurs(self) -> bool:
        """Whether this is a series, for the index."""
        return self.series is not None

    def tentative(self, is_tentative: bool = True) -> Entry:
        """Return the entry as it is before (or after) the user's answer."""
        return replace(self, is_tentative=is_tentative)

    def freeze(self) -> bytes:
        """Return the entry as JSON.

        Raises:
            InvalidCalendarError: it has more than ``MAX_ENTRY_BYTES``.
        """
        texts, shown = _Table(), _Table()

        def look(value: Shown | None) -> int | None:
            return None if value is None else shown.index(_frozen_shown(value, texts))

        values: dict[str, Any] = {"v": FORM, "b": [self.start_ms, self.end_ms]}
        if self.is_tentative:
            values["t"] = 1
        if self.placed:
            values["p"] = [
                [each.start_s, *_length(each.length), look(each.shown), _flags(each), each.key_s]
                for each in self.placed
            ]
        if self.series:
            values["s"] = _frozen_series(self.series, look)
        values |= {"l": shown.values, "x": texts.values}
        frozen = json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
        if len(frozen) > MAX_ENTRY_BYTES:
            raise InvalidCalendarError(f"an event with an index entry of more than {MAX_ENTRY_BYTES} bytes")
        return frozen

    @classmethod
    def thaw(cls, frozen: bytes) -> Entry:
        """Return the entry of ``freeze``.

        Raises:
            InvalidCalendarError: another form, or damaged.
        """
        try:
            values = json.loads(frozen)
            if values["v"] != FORM:
                raise InvalidCalendarError("an index entry of another form")
            looks = [_thawed_shown(each, values["x"]) for each in values["l"]]
            start_ms, end_ms = values["b"]
            placed = tuple([_placed(each, looks) for each in values.get("p", ())])
            series = _thawed_series(values["s"], looks) if "s" in values else None
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InvalidCalendarError("an index entry that cannot be read") from error
        return cls(start_ms, end_ms, placed, series, "t" in values)


class _Table:
    """Values that are written once and named by their place."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[Any, int] = {}

    def index(self, value: Any) -> int:
        place = self._places.setdefault(value, len(self.values))
        if place == len(self.values):
            self.values.append(value)
        return place


def _length(length: Length) -> tuple[int, int]:
    return length.nominal_s, length.exact_s


def _flags(placed: Placed) -> int:
    return _FLOATING * placed.is_floating + _ALL_DAY * placed.all_day + _KEY_FLOATS * placed.key_floats


def _frozen_shown(shown: Shown, texts: _Table) -> tuple[int, int, int, int]:
    flags = _MEETING * shown.is_meeting + _REMINDER * shown.is_reminder_set + _PRIVATE * shown.is_private
    return _BUSY.index(shown.busy_type), flags, texts.index(shown.subject), texts.index(shown.location)


def _thawed_shown(values: Sequence[int], texts: Sequence[str]) -> Shown:
    busy, flags, subject, location = values
    is_meeting, is_reminder, is_private = bool(flags & _MEETING), bool(flags & _REMINDER), bool(flags & _PRIVATE)
    return Shown(_BUSY[busy], texts[subject], texts[location], is_meeting, is_reminder, is_private)


def _placed(values: Sequence[Any], looks: Sequence[Shown]) -> Placed:
    start_s, nominal_s, exact_s, look, flags, key_s = values
    shown = None if look is None else looks[look]
    floats, all_day, key_floats = bool(flags & _FLOATING), bool(flags & _ALL_DAY), bool(flags & _KEY_FLOATS)
    return Placed(start_s, Length(nominal_s, exact_s), shown, floats, all_day, key_s, key_floats)


def _frozen_series(series: Series, look: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "s": series.start_s,
        "z": series.zone,
        "d": int(series.all_day),
        "l": _length(series.length),
        "w": look(series.shown),
    }
    values |= {"r": [rule.frozen() for rule in series.rules]} if series.rules else {}
    values |= {"m": [[key, *(_length(own) if own else ())] for key, own in series.more]} if series.more else {}
    values |= {"e": sorted(series.excluded)} if series.excluded else {}
    values |= {"f": sorted(series.excluded_days)} if series.excluded_days else {}
    changes = [[each.key_s, each.shift_s, *_length(each.length), look(each.shown)] for each in series.changes]
    return values | ({"c": changes} if changes else {})


def _thawed_series(values: dict[str, Any], looks: Sequence[Shown]) -> Series:
    return Series(
        start_s=values["s"],
        zone=values["z"],
        all_day=bool(values["d"]),
        length=Length(*values["l"]),
        shown=looks[values["w"]],
        rules=tuple(Rule.thawed(each) for each in values.get("r", ())),
        more=tuple((key, Length(*own) if own else None) for key, *own in values.get("m", ())),
        excluded=frozenset(values.get("e", ())),
        excluded_days=frozenset(values.get("f", ())),
        changes=tuple(_change(each, looks) for each in values.get("c", ())),
    )


def _change(values: Sequence[Any], looks: Sequence[Shown]) -> Change:
    key_s, shift_s, nominal_s, exact_s, look = values
    return Change(key_s, shift_s, Length(nominal_s, exact_s), None if look is None else looks[look])
