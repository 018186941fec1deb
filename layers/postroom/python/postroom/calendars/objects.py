"""Reads iCalendar text (RFC 5545) into objects: one for each UID, with its bytes, its entry and what iTIP needs of it.

An object's bytes are the sender's: of a text with one object all of them, else its components and the time zones that
they name, each as it was written. Nothing is serialized again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.calendars import events, lines, series, values
from postroom.calendars.definitions import Work, Zones
from postroom.errors import InvalidCalendarError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from postroom.calendars.entry import Entry
    from postroom.calendars.events import Event
    from postroom.calendars.lines import Component, Property

MAX_UID_CHARACTERS: Final = 1_024
"""Longest UID, in characters. Ours."""

MAX_ATTENDEES: Final = 2_000
"""Most attendees of one event that are read. Ours."""

MAX_OBJECTS_BYTES: Final = 4 * lines.MAX_FILE_BYTES
"""Most bytes of a text's objects together, each with its time zones. Ours."""

_MAX_SEQUENCE: Final = 2**31 - 1
_ZONE_ID: Final = re.compile(rb"TZID=\"?([^\";:\r\n]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Person:
    """An organizer or attendee.

    Attributes:
        address: lower case, without ``mailto:``; empty if the property names no mailbox.
        status: PARTSTAT, upper case; ``NEEDS-ACTION`` if it is not given.
        kind: CUTYPE, upper case: ``INDIVIDUAL``, ``ROOM``, ``RESOURCE`` …
        role: ROLE, upper case; ``REQ-PARTICIPANT`` if it is not given.
        line: the property as it is written, without folds.
    """

    address: str
    name: str
    status: str
    kind: str
    role: str
    expects_reply: bool
    line: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """One VEVENT of an object.

    Attributes:
        recurrence_id_ms: the instance that this is about, UTC, or of the wall clock if it floats; None: all of them.
        recurrence_id: that property as it is written, without folds; replies repeat it.
        start: DTSTART as it is written, without folds.
        and_following: also about all instances that follow.
        ics: the component's bytes.
    """

    recurrence_id_ms: int | None
    recurrence_id: bytes
    start: bytes
    and_following: bool
    sequence: int
    dtstamp_ms: int
    is_cancelled: bool
    organizer: Person | None
    attendees: tuple[Person, ...]
    summary: str
    comment: str
    ics: bytes


@dataclass(frozen=True, slots=True)
class CalendarObject:
    """One object: all VEVENTs of a UID.

    Attributes:
        ics: a VCALENDAR with this object alone.
        parts: the master first if there is one, then the changed instances in the order of the text. Of two that are
            about the same instance the later revision is kept (SEQUENCE, then DTSTAMP).
    """

    uid: str
    ics: bytes
    entry: Entry
    parts: tuple[Part, ...]

    @property
    def master(self) -> Part | None:
        """The part that is about the whole event."""
        return self.parts[0] if self.parts[0].recurrence_id_ms is None else None


@dataclass(frozen=True, slots=True)
class Refused:
    """An object of a text that cannot be read, while others can; ``why`` quotes nothing of it."""

    uid: str
    why: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a text holds.

    Attributes:
        method: METHOD, upper case; None for a text that is no iTIP message.
    """

    method: str | None
    objects: tuple[CalendarObject, ...]
    refused: tuple[Refused, ...] = ()

    def only(self) -> CalendarObject:
        """Return the text's only object, as an iTIP message has it.

        Raises:
            InvalidCalendarError: it has none or several, or it cannot be read.
        """
        if self.refused:
            raise InvalidCalendarError(self.refused[0].why)
        if len(self.objects) != 1:
            raise InvalidCalendarError("calendar data with more than one event" if self.objects else "no event")
        return self.objects[0]


def read_calendar(data: bytes) -> Calendar:
    """Read iCalendar text; an object that cannot be read does not keep the others from being read.

    Args:
        data: in UTF-8; a line that is not is read in windows-1252.

    Raises:
        InvalidCalendarError: no calendar data, components that do not nest, or a limit of ``lines``.
    """
    calendars = lines.components(data)
    method = next((word for each in calendars if (word := each.text("METHOD").upper())), None)
    work = Work()
    sources = [_Source(data, each, work) for each in calendars]
    groups = [(source, group) for source in sources for group in _groups(data, source.calendar)]
    found: list[CalendarObject] = []
    refused: list[Refused] = []
    size = 0
    for source, (uid, members) in groups:
        ics = data if len(groups) == 1 else source.own_bytes(members)
        try:
            found.append(_object(data, uid, members, source.zones, ics))
        except InvalidCalendarError as error:
            refused.append(Refused(uid, str(error)))
        size += len(ics)
        if size > MAX_OBJECTS_BYTES:
            raise InvalidCalendarError(f"calendar data whose objects have more than {MAX_OBJECTS_BYTES} bytes together")
    return Calendar(method, tuple(found), tuple(refused))


class _Source:
    """One VCALENDAR of a text, with what its objects share: its zones, and its bytes without components."""

    def __init__(self, data: bytes, calendar: Component, work: Work) -> None:
        self.calendar, self._data = calendar, data
        self.zones = Zones(calendar, work)
        pieces, at = [], calendar.start
        for child in calendar.children:
            pieces.append(data[at : child.start])
            at = child.end
        self._head = b"".join([*pieces, data[at : calendar.last]])
        self._end = data[calendar.last : calendar.end]

    def own_bytes(self, members: Sequence[Component]) -> bytes:
        """Return a VCALENDAR with some of the events, and the time zones that they name."""
        data = self._data
        spans = [data[member.start : member.end] for member in members]
        names = {zone_id.strip().decode("utf-8", "replace") for span in spans for zone_id in _ZONE_ID.findall(span)}
        named = [zone for name in sorted(names) if (zone := self.zones.own.get(name))]
        return b"".join([self._head, *(data[zone.start : zone.end] for zone in named), *spans, self._end])


def _groups(data: bytes, calendar: Component) -> Iterable[tuple[str, list[Component]]]:
    """Return the VEVENTs of each UID. One without UID gets one made of its bytes: the same when it comes again."""
    groups: dict[str, list[Component]] = {}
    for event in calendar.of("VEVENT"):
        uid = event.text("UID")[:MAX_UID_CHARACTERS]
        uid = uid or f"sha256-{hashlib.sha256(data[event.start : event.end]).hexdigest()}"
        groups.setdefault(uid, []).append(event)
    return groups.items()


def _object(data: bytes, uid: str, members: Sequence[Component], zones: Zones, ics: bytes) -> CalendarObject:
    if len(members) > series.MAX_CHANGES + 1:
        raise InvalidCalendarError(f"an event with more than {series.MAX_CHANGES} changed instances")
    latest: dict[tuple[int, bool] | None, tuple[Event, Part]] = {}
    for member in members:
        event = events.read(member, zones)
        part = _part(data, event, zones)
        key = None if part.recurrence_id_ms is None else (part.recurrence_id_ms, event.and_following)
        kept = latest.get(key)
        if kept is None or _revision(part) >= _revision(kept[1]):
            latest[key] = event, part
    master = latest.pop(None, None)
    both = [*([master] if master else []), *latest.values()]
    entry = series.entry(master[0] if master else None, [event for event, _ in latest.values()], zones)
    return CalendarObject(uid, ics, entry, tuple(part for _, part in both))


def _revision(part: Part) -> tuple[int, int]:
    return part.sequence, part.dtstamp_ms


def _part(data: bytes, event: Event, zones: Zones) -> Part:
    component = event.component
    when = event.recurrence_id
    if len(component.lines.get("ATTENDEE", ())) > MAX_ATTENDEES:
        raise InvalidCalendarError(f"an event with more than {MAX_ATTENDEES} attendees")
    return Part(
        recurrence_id_ms=None if when is None else zones.instant(when) * 1000,
        recurrence_id=b"".join(component.lines.get("RECURRENCE-ID", ())[:1]),
        start=b"".join(component.lines["DTSTART"][:1]),
        and_following=event.and_following,
        sequence=_sequence(component.text("SEQUENCE")),
        dtstamp_ms=_stamp(component),
        is_cancelled=event.shown is None,
        organizer=next(_people(component, "ORGANIZER"), None),
        attendees=tuple(_people(component, "ATTENDEE")),
        summary=events.plain(component.text("SUMMARY")),
        comment=events.plain(component.text("COMMENT")),
        ics=data[component.start : component.end],
    )


def _sequence(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 11
    return min(int(text), _MAX_SEQUENCE) if is_number else 0


def _stamp(component: Component) -> int:
    """Return DTSTAMP in milliseconds; 0 if there is none: older than all others."""
    found = component.one("DTSTAMP")
    try:
        return values.when_of(found).wall_s * 1000 if found else 0
    except InvalidCalendarError:
        return 0


def _people(component: Component, name: str) -> Iterator[Person]:
    """Yield the people of a property; one that cannot be read is passed over."""
    for line in component.lines.get(name, ()):
        try:
            yield _person(lines.read(name, line), line)
        except InvalidCalendarError:
            continue


def _person(found: Property, line: bytes) -> Person:
    given = found.parameters
    return Person(
        address=_address(found.value.strip()),
        name=events.plain(given.get("CN", "")),
        status=given.get("PARTSTAT", "NEEDS-ACTION").upper(),
        kind=given.get("CUTYPE", "INDIVIDUAL").upper(),
        role=given.get("ROLE", "REQ-PARTICIPANT").upper(),
        expects_reply=given.get("RSVP", "").upper() == "TRUE",
        line=line,
    )


def _address(value: str) -> str:
    scheme, colon, address = value.partition(":")
    if colon and scheme.lower() == "mailto":
        return address.strip().lower()
    return value.lower() if "@" in value else ""
