"""What of a calendar takes time in a window: events, with every instance of those that recur, and free/busy times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import questions
from .reading import Length, length, moment, moments, plain, rules
from .recurrence import A_DAY, starts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, timedelta

    from ..questions import Event, Window
    from .reading import Component, Moment, Property
    from .recurrence import Rule, Steps
    from .zones import Zones

MARGIN = 2 * A_DAY
"""How far a local clock and UTC are apart at most, and a day."""

STEPS_OF_AN_INSTANCE = 10
"""What an instance takes, apart from finding it: a microsecond each, as all steps are, more or less."""

LONGEST = 3660 * A_DAY
"""How long an event may be. Ours."""

BUSY_TYPES = {"FREE": "", "WORKINGELSEWHERE": "", "TENTATIVE": "TENTATIVE", "BUSY": "BUSY", "OOF": "BUSY"}
"""By X-MICROSOFT-CDO-BUSYSTATUS; empty for what takes no time. Providers have no word for "out of office"."""


@dataclass(frozen=True)
class Period:
    """A time that is taken: naive datetimes in UTC."""

    start: datetime
    end: datetime


@dataclass
class Found:
    """The events of a calendar in the window, and how many components could not be read."""

    events: list[Event]
    unreadable: int = 0


class Series:
    """One component with all its instances."""

    def __init__(self, component: Component, zones: Zones, steps: Steps) -> None:
        """Read the component.

        Raises:
            ValueError: it has no start, or one of its times is none.
        """
        self.component = component
        self._zones = zones
        self._steps = steps
        self.start = _moment(component.first("DTSTART"))
        self._length, self._exact = self._duration()
        self.rules = rules(component)
        self.dates = component.properties.get("RDATE", [])

    @property
    def recurs(self) -> bool:
        """Whether it has more than one instance."""
        return bool(self.rules or self.dates)

    def period(self, local: datetime) -> Period:
        """Return the time of the instance that begins at a time by the clock.

        DTEND gives every instance the same exact time; DURATION its days by the calendar and its hours exactly (RFC
        5545, 3.8.5.3 and 3.3.6). Dates have days only.
        """
        start = self._utc(local)
        if self._exact is not None:
            return Period(start, start + self._exact)
        return Period(start, self._utc(local + self._length.days * A_DAY) + self._length.exact)

    @property
    def span(self) -> timedelta:
        """How long an instance is, within an hour or so."""
        return self._exact if self._exact is not None else self._length.days * A_DAY + self._length.exact

    def instances(self, window: Window, reach: timedelta) -> Iterator[tuple[datetime, Period]]:
        """Yield all that may be in the window, with their starts by the clock; a start may come twice.

        Args:
            window: what is asked for.
            reach: how far from its own start an instance takes time.
        """
        low, high = window.start - reach - MARGIN, window.end + reach + MARGIN
        if low <= self.start.local <= high:
            yield self.start.local, self.period(self.start.local)
        for rule in self.rules:
            for local in starts(rule, self.start.local, low, high, self._steps):
                self._steps.take(STEPS_OF_AN_INSTANCE if local >= low else 0)
                if not self._is_before_end(rule, local):
                    break
                if local >= low:
                    yield local, self.period(local)
        yield from self._extra(low, high)

    def _extra(self, low: datetime, high: datetime) -> Iterator[tuple[datetime, Period]]:
        """Yield the instances of RDATE; those that are periods have their own lengths."""
        for each in self.dates:
            for text in each.value.split(","):
                self._steps.take(STEPS_OF_AN_INSTANCE)
                begin, _, end = text.partition("/")
                when = moment(each.parameters | ({"VALUE": ""} if end else {}), begin)
                if not low <= when.local <= high:
                    continue
                local = when.local
                if not when.is_date and not self.start.is_date and when.zone != self.start.zone:
                    local = self._local(when)
                yield local, self._until(when, end) if end else self.period(local)

    def _until(self, when: Moment, end: str) -> Period:
        """Return the time of a period: from a start to an end, or for a duration."""
        start = self._zones.utc(when)
        if end.lstrip("+-").upper().startswith("P"):
            given = length(end)
            return Period(start, self._zones.utc(when, when.local + given.days * A_DAY) + given.exact)
        return Period(start, self._zones.utc(moment({"TZID": when.zone}, end)))

    def _local(self, when: Moment) -> datetime:
        """Return a time by the series' clock, from one by another; right but for the hour of a change."""
        utc = self._zones.utc(when)
        return utc + (utc - self._utc(utc))

    def _utc(self, local: datetime) -> datetime:
        return self._zones.utc(self.start, local)

    def _duration(self) -> tuple[Length, timedelta | None]:
        """Return the length as DURATION has it; or, with DTEND, the exact one as well."""
        end, given = self.component.first("DTEND"), self.component.first("DURATION")
        if end is not None:
            until = _moment(end)
            if self.start.is_date:
                return Length(max((until.local - self.start.local).days, 1)), None
            exact = self._zones.utc(until) - self._utc(self.start.local)
            return Length(), _limited(exact)
        if given is not None:
            read = length(given.value)
            _limited(read.days * A_DAY + read.exact)
            return read, None
        return Length(1 if self.start.is_date else 0), None

    def _is_before_end(self, rule: Rule, local: datetime) -> bool:
        """Whether an instance is not after UNTIL, of whatever kind that is."""
        if not rule.until:
            return True
        until = moment({}, rule.until)
        if until.is_date or self.start.is_date:
            return local.date() <= until.local.date()
        return (self._utc(local) if until.zone else local) <= until.local


def events(calendar: Component, zones: Zones, window: Window, steps: Steps, *, with_details: bool) -> Found:
    """Return what takes time in a window.

    Args:
        calendar: VCALENDAR.
        zones: its time zones.
        window: what is asked for.
        steps: what the work may take.
        with_details: whether subjects and places are told; those of private events never are.

    Raises:
        TooMuchWorkError: it takes more.
    """
    found = Found([])
    for components in _by_uid(calendar.of("VEVENT")):
        try:
            read = [*_instances(components, zones, window, steps)]
        except (ValueError, OverflowError):
            found.unreadable += 1
            continue
        for series, period, kind in read:
            busy = _busy_type(series.component)
            if busy and window.overlaps(period.start, period.end) and period.start < period.end:
                details = _details(series.component, kind) if with_details else None
                found.events.append(questions.made(period.start, period.end, busy, details))
    for component in calendar.of("VFREEBUSY"):
        found.events += _free_busy(component, zones, window, steps, found)
    return found


def _by_uid(components: list[Component]) -> Iterable[list[Component]]:
    """Return the components of each event: of a series also its changed instances."""
    events: dict[object, list[Component]] = {}
    for component in components:
        uid = component.first("UID")
        events.setdefault(uid.value if uid else id(component), []).append(component)
    return events.values()


def _instances(
    components: list[Component], zones: Zones, window: Window, steps: Steps
) -> Iterator[tuple[Series, Period, str]]:
    """Yield the instances of one event, with the component that each is of, and its instance type."""
    changed = [each for each in components if each.first("RECURRENCE-ID")]
    masters = [each for each in components if not each.first("RECURRENCE-ID")]
    masters = sorted(masters, key=lambda each: (_number(each.text("SEQUENCE")), each.text("DTSTAMP")))[-1:]
    changes = [Change(each, zones, steps) for each in changed]
    for change in changes:
        steps.take(STEPS_OF_AN_INSTANCE)
        yield change.series, change.series.period(change.series.start.local), "EXCEPTION"
    for component in masters:
        if _is_over(component, window):
            continue
        series = Series(component, zones, steps)
        kind = "RECURRING_INSTANCE" if series.recurs else "SINGLE_INSTANCE"
        gone = _Gone(component, changes, zones, series, steps)
        later = sorted((each for each in changes if each.is_for_later), key=lambda each: each.utc)
        reach = max([series.span, *(abs(each.shift) + each.series.span for each in later)])
        seen: set[datetime] = set()
        for local, period in series.instances(window, reach):
            if period.start in seen or gone.has(local, period.start):
                continue
            seen.add(period.start)
            change_of = next((each for each in reversed(later) if each.utc < period.start), None)
            if change_of is None:
                yield series, period, kind
            else:
                yield change_of.series, change_of.moved(local), kind


class Change:
    """A changed instance, or a change of it and all that follow (RFC 5545, 3.8.4.4)."""

    def __init__(self, component: Component, zones: Zones, steps: Steps) -> None:
        """Read it.

        Raises:
            ValueError: it has no start, or one of its times is none.
        """
        which = component.properties["RECURRENCE-ID"][0]
        self.which = moment(which.parameters, which.value)
        self.utc = zones.utc(self.which)
        self.is_for_later = which.parameters.get("RANGE", "").upper() == "THISANDFUTURE"
        self.series = Series(component, zones, steps)
        self.shift = self.series.start.local - self.which.local

    def moved(self, local: datetime) -> Period:
        """Return the time of a later instance: as much earlier or later as this one is."""
        return self.series.period(local + self.shift)


class _Gone:
    """Which instances of a series are not where its rule has them: those of EXDATE, and those that are changed."""

    def __init__(self, component: Component, changes: list[Change], zones: Zones, series: Series, steps: Steps) -> None:
        steps.take(sum(len(each.value) // 4 for each in component.properties.get("EXDATE", [])))
        given = [*moments(component.properties.get("EXDATE", [])), *(each.which for each in changes)]
        by_date = [each for each in given if each.is_date or series.start.is_date]
        self._days = {each.local.date() for each in by_date}  # a date is meant for all of its day, though times are due
        self._times = {zones.utc(each) for each in given if not (each.is_date or series.start.is_date)}

    def has(self, local: datetime, start: datetime) -> bool:
        """Whether the instance that begins then is one of them."""
        return start in self._times or local.date() in self._days


def _is_over(component: Component, window: Window) -> bool:
    """Whether an event that does not recur is nowhere near the window: most of a calendar is not."""
    if "RRULE" in component.properties or "RDATE" in component.properties:
        return False
    start = _moment(component.first("DTSTART")).local
    end = component.first("DTEND")
    if start > window.end + MARGIN:
        return True
    return end is not None and _moment(end).local < window.start - MARGIN and start < window.start - MARGIN


def _free_busy(component: Component, zones: Zones, window: Window, steps: Steps, found: Found) -> Iterator[Event]:
    for each in component.properties.get("FREEBUSY", ()):
        busy = {"FREE": "", "BUSY-TENTATIVE": "TENTATIVE"}.get(each.parameters.get("FBTYPE", "BUSY").upper(), "BUSY")
        for text in each.value.split(",") if busy else ():
            steps.take(STEPS_OF_AN_INSTANCE)
            try:
                period = _period(text, zones)
            except (ValueError, OverflowError):
                found.unreadable += 1
                continue
            if window.overlaps(period.start, period.end) and period.start < period.end:
                yield questions.made(period.start, period.end, busy)


def _period(text: str, zones: Zones) -> Period:
    begin, _, end = text.strip().partition("/")
    start = zones.utc(moment({}, begin))
    if end.lstrip("+-").upper().startswith("P"):
        given = length(end)
        return Period(start, start + _limited(given.days * A_DAY + given.exact))
    return Period(start, zones.utc(moment({}, end)))


def _busy_type(component: Component) -> str:
    """Return BUSY or TENTATIVE; empty for what takes no time."""
    status = component.text("STATUS")
    if status == "CANCELLED" or component.text("TRANSP") == "TRANSPARENT":
        return ""
    busy = BUSY_TYPES.get(component.text("X-MICROSOFT-CDO-BUSYSTATUS"), "BUSY")
    return "TENTATIVE" if busy and status == "TENTATIVE" else busy


def _details(component: Component, kind: str) -> dict[str, Any] | None:
    if component.text("CLASS") in ("PRIVATE", "CONFIDENTIAL"):
        return None
    return {
        "subject": plain(component.first("SUMMARY"))[: questions.LONGEST_TEXT],
        "location": plain(component.first("LOCATION"))[: questions.LONGEST_TEXT],
        "instanceType": kind,
        "isMeeting": "ATTENDEE" in component.properties,
        "isReminderSet": bool(component.of("VALARM")),
        "isPrivate": False,
    }


def _moment(given: Property | None) -> Moment:
    if given is None:
        raise ValueError("no time")
    return moment(given.parameters, given.value)


def _limited(span: timedelta) -> timedelta:
    if span > LONGEST:
        raise ValueError("an event is too long")
    return span


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
