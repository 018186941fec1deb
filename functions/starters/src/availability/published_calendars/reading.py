"""An iCalendar object as a feed has it (RFC 5545): its components, with the properties that free/busy takes.

Every feed is read on its own: nothing of one, such as its time zones, is left for the next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .recurrence import Rule

BEGINS = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*BEGIN:VCALENDAR\s", re.IGNORECASE)
ENDS = re.compile(rb"\nEND:VCALENDAR\s*\Z", re.IGNORECASE)
FOLD = re.compile(rb"\r?\n[ \t]")
NAME = re.compile(r"[A-Za-z0-9-]+")
HEAD = re.compile(r'(?:[^":]|"[^"]*")*:')
PARAMETER = re.compile(r';([^=;"]+)=((?:[^;"]|"[^"]*")*)')
MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?", re.ASCII)
DURATION = re.compile(r"([+-])?P(?:(\d{1,5})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?")
ESCAPED = re.compile(r"\\([nN\\;,])")

KEPT = frozenset(
    {
        "ATTENDEE",
        "CLASS",
        "DTEND",
        "DTSTAMP",
        "DTSTART",
        "DURATION",
        "EXDATE",
        "FREEBUSY",
        "LOCATION",
        "RDATE",
        "RECURRENCE-ID",
        "RRULE",
        "SEQUENCE",
        "STATUS",
        "SUMMARY",
        "TRANSP",
        "TZID",
        "TZOFFSETFROM",
        "TZOFFSETTO",
        "UID",
        "X-MICROSOFT-CDO-BUSYSTATUS",
        "X-WR-TIMEZONE",
    }
)
"""The properties that are read; all others are passed over."""


class NoCalendarError(Exception):
    """What a server answered is no iCalendar object, or not a whole one."""


@dataclass(frozen=True)
class Property:
    """A property: names of parameters in upper case, without quotes around their values."""

    parameters: dict[str, str]
    value: str


@dataclass
class Component:
    """A component, with its properties by name in upper case, and the components in it."""

    name: str
    properties: dict[str, list[Property]] = field(default_factory=dict)
    components: list[Component] = field(default_factory=list)

    def first(self, name: str) -> Property | None:
        """Return the first property of a name, or None."""
        return next(iter(self.properties.get(name, ())), None)

    def text(self, name: str) -> str:
        """Return a property's text in upper case, without white space around it; empty if there is none."""
        found = self.first(name)
        return found.value.strip().upper() if found else ""

    def of(self, name: str) -> list[Component]:
        """Return the components in it that have a name."""
        return [each for each in self.components if each.name == name]


@dataclass(frozen=True)
class Moment:
    """A date, or a time by the clock of a zone.

    Attributes:
        local: of the clock; midnight of a date.
        zone: TZID; `UTC` for a time that ends with Z; empty for a date and for a floating time.
    """

    local: datetime
    zone: str = ""
    is_date: bool = False


@dataclass(frozen=True)
class Length:
    """A duration: days by the calendar, and exact time (RFC 5545, 3.3.6)."""

    days: int = 0
    exact: timedelta = timedelta()


def parse(data: bytes) -> Component:
    """Return the VCALENDAR of a feed; several in one file are one.

    Raises:
        NoCalendarError: it is none, or its end is missing.
    """
    if not BEGINS.match(data) or not ENDS.search(data[-1000:]):
        raise NoCalendarError
    calendar = Component("VCALENDAR")
    open_components = [calendar]
    for line in FOLD.sub(b"", data).decode("utf-8-sig", "replace").split("\n"):
        found = NAME.match(line)
        name = found[0].upper() if found else ""
        if name == "BEGIN":
            kind = line[6:].strip().upper()
            if kind != "VCALENDAR":
                open_components.append(Component(kind))
        elif name == "END":
            if len(open_components) > 1:
                done = open_components.pop()
                open_components[-1].components.append(done)
        elif name in KEPT:
            read = _property(line.rstrip("\r"), len(name))
            if read:
                open_components[-1].properties.setdefault(name, []).append(read)
    return calendar


def _property(line: str, name_length: int) -> Property | None:
    if line[name_length : name_length + 1] == ":":
        return Property({}, line[name_length + 1 :])
    head = HEAD.match(line)
    if not head:
        return None
    given = PARAMETER.findall(head[0][:-1])
    return Property({name.upper(): value.strip('"') for name, value in given}, line[head.end() :])


def moment(parameters: dict[str, str], text: str) -> Moment:
    """Read a date or a time.

    Raises:
        ValueError: it is neither.
    """
    found = MOMENT.fullmatch(text.strip())
    if not found:
        raise ValueError("no date")
    year, month, day = (int(each) for each in found.groups()[:3])
    if found[4] is None or parameters.get("VALUE", "").upper() == "DATE":
        return Moment(datetime(year, month, day), is_date=True)  # noqa: DTZ001  a date has no zone
    hour, minute, second = (int(each) for each in found.groups()[3:6])
    local = datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001  the zone is beside it; 60 is a leap second
    return Moment(local, "UTC" if found[7] else parameters.get("TZID", "").strip())


def moments(properties: list[Property]) -> list[Moment]:
    """Read all dates and times of several properties; of a period its start.

    Raises:
        ValueError: one of them is neither.
    """
    return [
        moment(each.parameters | {"VALUE": ""} if "/" in text else each.parameters, text.partition("/")[0])
        for each in properties
        for text in each.value.split(",")
    ]


def length(text: str) -> Length:
    """Read a duration.

    Raises:
        ValueError: it is none.
    """
    found = DURATION.fullmatch(text.strip().upper())
    if not found:
        raise ValueError("no duration")
    weeks, days, hours, minutes, seconds = (int(each or 0) for each in found.groups()[1:])
    sign = -1 if found[1] == "-" else 1
    return Length(sign * (7 * weeks + days), sign * timedelta(hours=hours, minutes=minutes, seconds=seconds))


def rules(component: Component) -> list[Rule]:
    """Return the recurrence rules of a component.

    Raises:
        ValueError: one of them is none.
    """
    return [Rule.read(each.value) for each in component.properties.get("RRULE", ())]


def plain(prop: Property | None) -> str:
    """Return a property's text without escapes; empty if there is none."""
    if prop is None:
        return ""
    return ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], prop.value).strip()
