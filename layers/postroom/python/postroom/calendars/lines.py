"""Content lines and components of iCalendar text (RFC 5545, 3.1 and 3.6), each with its place in the bytes.

The icalendar library reads the content lines. Its components are not used: they keep the first VTIMEZONE of a name for
the life of the process (7.3.2), and one property that they cannot read takes the whole file with it. Only properties
that something here reads are looked at; the rest is passed over as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from icalendar.parser import Contentline, unescape_backslash

from postroom.errors import InvalidCalendarError
from postroom.model.limits import MB

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILE_BYTES: Final = 10 * MB
"""Largest iCalendar text, in bytes. Ours."""

MAX_LINES: Final = 500_000
"""Most lines of one text, folded ones too. Ours: half of what ten megabytes of the shortest useful lines have."""

MAX_EVENTS: Final = 20_000
"""Most events of one text. Ours; counted before anything is read."""

MAX_COMPONENTS: Final = 100_000
"""Most components of one text, alarms and parts of time zones among them. Ours."""

MAX_DEPTH: Final = 8
"""Deepest nesting of components. Ours: RFC 5545 has three."""

MAX_LINE_BYTES: Final = 64 * 1024
"""Longest content line that is read, unfolded, in bytes. Ours; descriptions and attachments are not read."""

READ: Final = frozenset(
    """ATTENDEE CLASS COMMENT DTEND DTSTAMP DTSTART DURATION EXDATE LOCATION METHOD ORGANIZER RDATE RECURRENCE-ID RRULE
    SEQUENCE STATUS SUMMARY TRANSP TZID TZOFFSETFROM TZOFFSETTO UID X-MICROSOFT-CDO-BUSYSTATUS
    X-MICROSOFT-CDO-INTENDEDSTATUS X-WR-TIMEZONE""".split()  # noqa: SIM905 - one name per line is a page
)
"""Properties that something here reads."""

_LINE: Final = re.compile(rb"[^\n]*\n|[^\n]+\Z")
_NAME: Final = re.compile(rb"\s*([A-Za-z0-9-]+)\s*[;:]")
_EVENT: Final = re.compile(rb"^BEGIN[ \t]*:[ \t]*VEVENT", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Property:
    """One property; parameters by upper-case name, the value as it is written."""

    name: str
    parameters: dict[str, str]
    value: str

    @property
    def text(self) -> str:
        """The value of a TEXT property."""
        return str(unescape_backslash(self.value))


@dataclass(slots=True)
class Component:
    """One component and its place: ``start`` of BEGIN, ``last`` of the END line, ``end`` after it."""

    name: str
    start: int
    last: int = 0
    end: int = 0
    lines: dict[str, list[bytes]] = field(default_factory=dict)
    children: list[Component] = field(default_factory=list)

    def all(self, name: str) -> list[Property]:
        """Return the properties of a name.

        Raises:
            InvalidCalendarError: one is not a content line.
        """
        return [read(name, line) for line in self.lines.get(name, ())]

    def one(self, name: str) -> Property | None:
        """Return the first property of a name, as ``all``."""
        found = self.lines.get(name)
        return read(name, found[0]) if found else None

    def text(self, name: str) -> str:
        """Return the first property's text, without space around it; empty if there is none or it cannot be read."""
        try:
            found = self.one(name)
        except InvalidCalendarError:
            return ""
        return found.text.strip() if found else ""

    def of(self, name: str) -> list[Component]:
        """Return the children of a name."""
        return [child for child in self.children if child.name == name]


def components(data: bytes) -> list[Component]:
    """Return the VCALENDARs of a text.

    Raises:
        InvalidCalendarError: a limit of this module, components that do not nest, or no VCALENDAR.
    """
    if len(data) > MAX_FILE_BYTES:
        raise InvalidCalendarError(f"calendar data of more than {MAX_FILE_BYTES} bytes")
    if data.count(b"\n") > MAX_LINES:
        raise InvalidCalendarError(f"calendar data with more than {MAX_LINES} lines")
    if sum(1 for _ in _EVENT.finditer(data)) > MAX_EVENTS:
        raise InvalidCalendarError(f"calendar data with more than {MAX_EVENTS} events")
    found: list[Component] = []
    open_ones: list[Component] = []
    count = 0
    for name, line, start, end in _lines(data):
        if name == "BEGIN":
            count += 1
            child = Component(_word(line), start)
            (open_ones[-1].children if open_ones else found).append(child)
            open_ones.append(child)
            if count > MAX_COMPONENTS or len(open_ones) > MAX_DEPTH:
                raise InvalidCalendarError("calendar data with more components, or deeper ones, than are read")
        elif name == "END":
            if not open_ones or open_ones[-1].name != _word(line):
                raise InvalidCalendarError("calendar data whose components do not nest")
            closed = open_ones.pop()
            closed.last, closed.end = start, end
        elif open_ones:
            open_ones[-1].lines.setdefault(name, []).append(line)
    calendars = [each for each in found if each.name == "VCALENDAR"]
    if open_ones or not calendars:
        raise InvalidCalendarError("calendar data without an end" if open_ones else "no calendar data")
    return calendars


def _lines(data: bytes) -> Iterator[tuple[str, bytes, int, int]]:
    """Yield name, unfolded line, start and end of each line that is read.

    Folds are taken out before anything is decoded: they may split a character (RFC 5545, 3.1).
    """
    name, start, end = "", 0, 0
    pieces: list[bytes] = []
    for match in _LINE.finditer(data):
        line = match[0]
        if line[:1] in b" \t" and line.strip():
            end = match.end()
            if name:
                pieces.append(line[1:].rstrip(b"\r\n"))
            continue
        if name:
            yield name, _joined(pieces), start, end
        named = _NAME.match(line.removeprefix(b"\xef\xbb\xbf"))
        name = named[1].decode("ascii").upper() if named else ""
        if name not in READ and name not in ("BEGIN", "END"):
            name = ""
        pieces, start, end = [line.rstrip(b"\r\n")], match.start(), match.end()
    if name:
        yield name, _joined(pieces), start, end


def _joined(pieces: list[bytes]) -> bytes:
    return b"".join(pieces).removeprefix(b"\xef\xbb\xbf")


def _word(line: bytes) -> str:
    """Return the component's name in a BEGIN or END line."""
    return line.partition(b":")[2].strip().decode("ascii", "replace").upper()[:64]


def read(name: str, line: bytes) -> Property:
    """Read one unfolded line.

    Raises:
        InvalidCalendarError: it is not a content line.
    """
    if len(line) > MAX_LINE_BYTES:
        raise InvalidCalendarError(f"a property {name} of more than {MAX_LINE_BYTES} bytes")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("windows-1252", "replace")
    try:
        _, parameters, value = Contentline(text).raw_parts()  # type: ignore[no-untyped-call]
    except (ValueError, AssertionError) as error:
        raise InvalidCalendarError(f"a property {name} that is not a content line") from error
    plain = {key.upper(): each if isinstance(each, str) else ",".join(each) for key, each in parameters.items()}
    return Property(name, plain, value)
