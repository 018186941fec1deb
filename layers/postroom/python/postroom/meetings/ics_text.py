"""The text of an iCalendar object as it came: its components and content lines, with their places in the bytes.

An invitation is never written anew from parsed values: what becomes of it is put together from its own bytes. So a
property, a parameter or a spelling that this code does not know stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from postroom.errors import InvalidCalendarError
from postroom.model.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MAX_COMPONENTS: Final = 10_000
"""Most components in a calendar, nested ones included. Ours."""

PRODUCT: Final = "-//Postroom//Postroom//EN"
"""PRODID of a calendar that is written here."""

_PHYSICAL: Final = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_FOLD: Final = re.compile(rb"(?:\r\n|\r|\n)[ \t]")
_NAME: Final = re.compile(rb"[A-Za-z0-9-]+")
_PARAMETER: Final = re.compile(rb';([A-Za-z0-9-]+)=((?:"[^"]*"|[^;:",]++)?+(?:,(?:"[^"]*"|[^;:",]++)?+)*+)')


@dataclass(frozen=True, slots=True)
class Line:
    """A content line, at ``start`` to ``end`` of the text with its line end.

    ``value`` and the parameters have no folds; parameters have no quotes, and of two with one name the last counts.
    Names are upper-case.
    """

    name: str
    parameters: Mapping[str, str]
    value: str
    start: int
    end: int

    @property
    def address(self) -> str:
        """The address of a CAL-ADDRESS value, lower-case; empty if it is no mailto URI."""
        return address_of(self.value)

    @property
    def written_address(self) -> str:
        """The same, with its local part as it was written."""
        return str(_written(self.value) or "")


@dataclass(frozen=True, slots=True)
class Component:
    """A component, at ``start`` to ``end`` of the text; its END line is at ``close``.

    ``lines`` are its own properties, ``inside`` the components in it.
    """

    kind: str
    lines: tuple[Line, ...]
    inside: tuple[Component, ...]
    start: int
    close: int
    end: int

    def every(self, name: str) -> Iterator[Line]:
        """Yield the lines with a name."""
        return (line for line in self.lines if line.name == name)

    def first(self, name: str) -> Line | None:
        """Return the first line with a name."""
        return next(self.every(name), None)

    def value(self, name: str) -> str:
        """Return the first value with a name; empty without one."""
        line = self.first(name)
        return "" if line is None else line.value.strip()


@dataclass(frozen=True, slots=True)
class IcsText:
    """The first VCALENDAR of a text."""

    text: bytes
    calendar: Component

    @classmethod
    def read(cls, text: bytes) -> IcsText:
        """Read a calendar.

        Raises:
            InvalidCalendarError: components do not hold together, or are too many, or none is a VCALENDAR.
        """
        found = next((each for each in components(text) if each.kind == "VCALENDAR"), None)
        if found is None:
            raise InvalidCalendarError("no calendar")
        return cls(text, found)

    @property
    def method(self) -> str:
        """The METHOD property, upper-case; empty without one."""
        return self.calendar.value("METHOD").upper()

    @property
    def events(self) -> list[Component]:
        """The VEVENT components, in order."""
        return [each for each in self.calendar.inside if each.kind == "VEVENT"]

    @property
    def zones(self) -> dict[str, Component]:
        """The VTIMEZONE components by their names."""
        return {each.value("TZID"): each for each in self.calendar.inside if each.kind == "VTIMEZONE"}

    def bytes_of(self, part: Component | Line) -> bytes:
        """Return a component or a line as it came, with a line end."""
        found = self.text[part.start : part.end]
        return found if found.endswith((b"\n", b"\r")) else found + b"\r\n"


def components(text: bytes) -> Iterator[Component]:
    """Yield the outermost components of a text.

    Raises:
        InvalidCalendarError: components do not hold together, or are too many.
    """
    stack: list[tuple[str, int, list[Line], list[Component]]] = []
    seen = 0
    for line in content_lines(text):
        if line.name == "BEGIN":
            seen += 1
            if seen > MAX_COMPONENTS:
                raise InvalidCalendarError(f"more than {MAX_COMPONENTS} components")
            stack.append((line.value.strip().upper(), line.start, [], []))
        elif line.name == "END":
            if not stack or stack[-1][0] != line.value.strip().upper():
                raise InvalidCalendarError("a component ends that has not begun")
            kind, start, lines, inside = stack.pop()
            made = Component(kind, tuple(lines), tuple(inside), start, line.start, line.end)
            if stack:
                stack[-1][3].append(made)
            else:
                yield made
        elif stack:
            stack[-1][2].append(line)
    if stack:
        raise InvalidCalendarError("a component that does not end")


def content_lines(text: bytes) -> Iterator[Line]:
    """Yield the content lines of a text, unfolded; what is none (an empty line, or one without a name) is left out."""
    start, pieces = 0, list[bytes]()
    for found in _PHYSICAL.finditer(text):
        if pieces and found[0][:1] in (b" ", b"\t"):
            pieces.append(found[0])
            continue
        if pieces and (line := _line(b"".join(pieces), start)):
            yield line
        start, pieces = found.start(), [found[0]]
    if pieces and (line := _line(b"".join(pieces), start)):
        yield line


def _line(piece: bytes, start: int) -> Line | None:
    plain = _unfolded(piece)
    name = _NAME.match(plain)
    if name is None:
        return None
    at, parameters = name.end(), dict[str, str]()
    while found := _PARAMETER.match(plain, at):
        parameters[found[1].decode().upper()] = found[2].decode("utf-8", "replace").replace('"', "")
        at = found.end()
    if plain[at : at + 1] != b":":
        return None
    value = plain[at + 1 :].decode("utf-8", "replace")
    return Line(name[0].decode().upper(), parameters, value, start, start + len(piece))


def address_of(uri: str) -> str:
    """Return the address of a mailto URI, lower-case with A-labels; empty for anything else."""
    address = _written(uri)
    return "" if address is None else str(address.folded())


def _written(uri: str) -> Address | None:
    scheme, _, rest = uri.strip().partition(":")
    return Address.written(rest) if scheme.lower() == "mailto" else None


def utc_time(ms: int) -> str:
    """Return milliseconds since the epoch as a DATE-TIME in UTC."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y%m%dT%H%M%SZ}"


def edited(text: bytes, edits: Iterable[tuple[int, int, bytes]]) -> bytes:
    """Return a text with spans replaced: each from, to (excluded) and the new bytes. They do not overlap."""
    pieces, at = list[bytes](), 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        pieces += [text[at:start], new]
        at = end
    return b"".join([*pieces, text[at:]])


def with_values(text: bytes, component: Component, values: Mapping[str, str]) -> bytes:
    """Return a text in which the first property of each name in a component is replaced, or added before its end."""
    edits = []
    for name, value in values.items():
        old = component.first(name)
        start, end = (old.start, old.end) if old else (component.close, component.close)
        edits.append((start, end, f"{name}:{value}\r\n".encode()))
    return edited(text, edits)


def with_parameters(line: bytes, parameters: Mapping[str, str]) -> bytes:
    """Return a content line with parameters set or replaced; the others stay as they are written. It is folded anew."""
    plain = _unfolded(line)
    name = _NAME.match(plain)
    at = end = name.end() if name else 0
    kept = [plain[:at]]
    while found := _PARAMETER.match(plain, at):
        if found[1].decode().upper() not in parameters:
            kept.append(found[0])
        at = end = found.end()
    new = (f';{key}="{text}"' if re.search("[,;:]", text) else f";{key}={text}" for key, text in parameters.items())
    return _folded(b"".join([*kept, "".join(new).encode(), plain[end:]]))


def merged(base: IcsText, *, without: Sequence[Component], more: Iterable[tuple[IcsText, bytes]]) -> bytes:
    """Return a calendar without some of its components, and with components of other calendars.

    A time zone that such a component names comes with it. If the calendar has another zone of that name, the new one
    and its uses get another name.

    Args:
        without: components of ``base``.
        more: each component with the calendar that it comes from.
    """
    zones = {name: base.bytes_of(zone) for name, zone in base.zones.items()}
    added = list[bytes]()
    for source, block in more:
        added += _with_its_zones(source, block, zones)
    edits = [(each.start, each.end, b"") for each in without]
    close = base.calendar.close
    return edited(base.text, [*edits, (close, close, b"".join(added))])


def _with_its_zones(source: IcsText, block: bytes, zones: dict[str, bytes]) -> list[bytes]:
    """Return a component after those zones that it names and ``zones`` lacks; they are added to ``zones``."""
    added, theirs = list[bytes](), source.zones
    names = dict.fromkeys(line.parameters["TZID"] for line in content_lines(block) if "TZID" in line.parameters)
    for name in names:
        if name in theirs:
            zone = source.bytes_of(theirs[name])
            new = _free_name(name, zone, zones)
            if new != name:
                zone, block = _renamed(zone, name, new), _renamed(block, name, new)
            if new not in zones:
                zones[new] = zone
                added.append(zone)
    return [*added, block]


def _free_name(name: str, zone: bytes, zones: Mapping[str, bytes]) -> str:
    """Return the name under which a zone may be added: its own, unless another zone has it."""
    number, free = 1, name
    while free in zones and zones[free] not in (zone, _renamed(zone, name, free)):
        number += 1
        free = f"{name} {number}"
    return free


def _renamed(text: bytes, old: str, new: str) -> bytes:
    """Return components in which a time zone has another name."""
    edits = []
    for line in content_lines(text):
        if line.name == "TZID" and line.value.strip() == old:
            edits.append((line.start, line.end, f"TZID:{new}\r\n".encode()))
        elif line.parameters.get("TZID") == old:
            edits.append((line.start, line.end, with_parameters(text[line.start : line.end], {"TZID": new})))
    return edited(text, edits)


def _unfolded(line: bytes) -> bytes:
    return _FOLD.sub(b"", line).rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf")


def _folded(line: bytes) -> bytes:
    """Return a content line folded at 75 bytes, never within a character (RFC 5545, 3.1)."""
    pieces, start = list[bytes](), 0
    while start < len(line):
        end = min(len(line), start + (75 if not pieces else 74))
        while start < end < len(line) and line[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(line[start:end])
        start = end
    return b"\r\n ".join(pieces) + b"\r\n"
