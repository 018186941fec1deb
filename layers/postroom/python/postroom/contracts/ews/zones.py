"""SerializableTimeZone and WorkingHours of types.xsd, written and read.

Source: Microsoft, MS-OXWAVLS 7.2, for the order of elements: SerializableTimeZone is Bias, StandardTime, DaylightTime;
SerializableTimeZoneTime is Bias, Time, DayOrder, Month, DayOfWeek, Year (optional); WorkingHours is TimeZone,
WorkingPeriodArray; WorkingPeriod is DayOfWeek, StartTimeInMinutes, EndTimeInMinutes.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final

from postroom.contracts.ews.fields import integer, needed, needed_text, text
from postroom.contracts.ews.names import t
from postroom.contracts.ews.soap import add
from postroom.model.free_busy import Weekday, WorkingHours, WorkingPeriod, Zone, ZoneChange
from postroom.model.zone_times import LAST_WEEK, week_and_weekday

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

DAYS: Final = {
    Weekday.SUN: "Sunday",
    Weekday.MON: "Monday",
    Weekday.TUE: "Tuesday",
    Weekday.WED: "Wednesday",
    Weekday.THU: "Thursday",
    Weekday.FRI: "Friday",
    Weekday.SAT: "Saturday",
}
"""Names of DayOfWeekType."""

_WEEKDAYS: Final = tuple(DAYS)[1:6]
_READ: Final = {
    **{name: (day,) for day, name in DAYS.items()},
    "Day": tuple(DAYS),
    "Weekday": _WEEKDAYS,
    "WeekendDay": (Weekday.SUN, Weekday.SAT),
}

_NO_CHANGES: Final = (
    ZoneChange(bias_minutes=0, time="02:00:00", month=3, week=1, weekday=Weekday.SUN),
    ZoneChange(bias_minutes=0, time="02:00:00", month=10, week=1, weekday=Weekday.SUN),
)
"""Changes of a zone without changes: the schema demands both. Source: the values of Microsoft's EWS Managed API."""

_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?=\.\d+$|$)", re.ASCII)

MAX_BIAS_MINUTES: Final = 24 * 60
MAX_PERIODS: Final = 50
"""Most working periods. Ours: Exchange writes one per different day."""


def add_zone(parent: Element, zone: Zone) -> None:
    """Append a TimeZone."""
    element = add(parent, t("TimeZone"))
    add(element, t("Bias"), str(zone.bias_minutes))
    standard, daylight = _NO_CHANGES
    if zone.standard is not None and zone.daylight is not None:
        standard, daylight = zone.standard, zone.daylight
    for name, change in (("StandardTime", standard), ("DaylightTime", daylight)):
        written = add(element, t(name))
        add(written, t("Bias"), str(change.bias_minutes))
        add(written, t("Time"), change.time)
        add(written, t("DayOrder"), str(change.week))
        add(written, t("Month"), str(change.month))
        add(written, t("DayOfWeek"), DAYS[change.weekday])


def read_zone(parent: Element) -> Zone:
    """Read the TimeZone of an element.

    Clients and servers write zones without changes in several ways: without StandardTime and DaylightTime, with the
    month 0, or with two changes by 0 minutes. Each becomes a zone without changes.

    Raises:
        ValueError: it is missing or has another form.
    """
    element = needed(parent, t("TimeZone"))
    bias_minutes = integer(element, t("Bias"), -MAX_BIAS_MINUTES, MAX_BIAS_MINUTES)
    standard, daylight = _read_change(element, "StandardTime"), _read_change(element, "DaylightTime")
    if standard is None or daylight is None or standard.bias_minutes == daylight.bias_minutes:
        fixed = standard or daylight
        return Zone("", bias_minutes + (fixed.bias_minutes if fixed else 0))
    return Zone("", bias_minutes, standard, daylight)


def _read_change(zone: Element, name: str) -> ZoneChange | None:
    element = zone.find(t(name))
    if element is None:
        return None
    month = integer(element, t("Month"), 0, 12)
    if month == 0:
        return None
    time = _TIME.match(needed_text(element, t("Time")))
    if time is None:
        raise ValueError("Time is not hh:mm:ss")
    order, day = integer(element, t("DayOrder"), -1, 31), needed_text(element, t("DayOfWeek"))
    year = int(text(element, t("Year")) or 0)
    if year:  # the change of one year: DayOrder is the day of the month
        week, weekday = week_and_weekday(date(year, month, order))
    elif day not in DAYS.values() or order == 0 or order > LAST_WEEK:
        raise ValueError(f"{name} has no week or no weekday")
    else:
        week, weekday = LAST_WEEK if order == -1 else order, _READ[day][0]
    bias_minutes = integer(element, t("Bias"), -MAX_BIAS_MINUTES, MAX_BIAS_MINUTES)
    return ZoneChange(bias_minutes, time.group(), month, week, weekday)


def add_working_hours(parent: Element, hours: WorkingHours) -> None:
    """Append WorkingHours."""
    element = add(parent, t("WorkingHours"))
    add_zone(element, hours.zone)
    periods = add(element, t("WorkingPeriodArray"))
    for period in hours.periods:
        written = add(periods, t("WorkingPeriod"))
        add(written, t("DayOfWeek"), " ".join(DAYS[day] for day in period.days))
        add(written, t("StartTimeInMinutes"), str(period.start_minutes))
        add(written, t("EndTimeInMinutes"), str(period.end_minutes))


def read_working_hours(parent: Element) -> WorkingHours | None:
    """Read the WorkingHours of an element, if it has some.

    Raises:
        ValueError: they have another form.
    """
    element = parent.find(t("WorkingHours"))
    if element is None:
        return None
    written = needed(element, t("WorkingPeriodArray")).findall(t("WorkingPeriod"))
    if len(written) > MAX_PERIODS:
        raise ValueError(f"WorkingPeriodArray has more than {MAX_PERIODS} periods")
    return WorkingHours(read_zone(element), tuple(map(_read_period, written)))


def _read_period(element: Element) -> WorkingPeriod:
    names = needed_text(element, t("DayOfWeek")).split()
    if not names or not _READ.keys() >= set(names):
        raise ValueError("DayOfWeek is no list of days")
    given = {day for name in names for day in _READ[name]}
    start_minutes, end_minutes = (
        integer(element, t(name), 0, 24 * 60) for name in ("StartTimeInMinutes", "EndTimeInMinutes")
    )
    if end_minutes < start_minutes:
        raise ValueError("a working period ends before it begins")
    return WorkingPeriod(tuple(day for day in DAYS if day in given), start_minutes, end_minutes)
