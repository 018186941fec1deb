"""Reads the parts of a message, with a stack of its own, so that deep nesting cannot exhaust Python's stack.

A part is a span of the message's bytes. Nothing is copied, and only the few header fields that describe a part are
decoded. Attached messages (message/rfc822) are not entered: their parts are not parts of this message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import policy
from email.errors import MessageError, MultipartInvariantViolationDefect
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import collapse_rfc2231_value
from typing import TYPE_CHECKING, Final

from postroom.errors import MalformedMimeError
from postroom.mime import charsets
from postroom.mime.encoded_words import eight_bit
from postroom.model.limits import MB

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH: Final = 100
"""Deepest nesting of multiparts that is read. Ours; real mail has five."""

MAX_PARTS: Final = 1000
"""Most parts that are read. Ours; twice the quota of attachments."""

MAX_PART_HEADER_BYTES: Final = MB
"""Longest header fields of all parts together, in bytes. Ours."""

MAX_CONTENT_FIELD_CHARACTERS: Final = 8192
"""Longest Content-Type or Content-Disposition field, in characters. Ours: the cost of reading parameters is the
square of their length."""

MAX_PARAMETERS: Final = 500
"""Most semicolons in such a field. Ours, for the same reason; the longest field with parameters in sections (RFC 2231)
has 120."""

MAX_FALSE_DELIMITERS: Final = 10_000
"""Most lines that begin like a part's delimiter but are not one. Ours."""

MAX_BOUNDARY_CHARACTERS: Final = 70
"""Longest boundary, in characters. Source: RFC 2046, 5.1.1."""

_PARSER: Final = BytesHeaderParser(policy=policy.compat32)
_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_BARE_CR: Final = re.compile(rb"\r(?!\n)")
_REST_OF_DELIMITER: Final = re.compile(rb"(--)?[ \t]*(?:\r?\n|\r?\Z)")
_NAMED: Final = re.compile(r'name\s*=\s*(?:\([^()]*\)\s*)*(?:"((?:[^"\\]|\\.)*)"|([^\s"()<>@,;:\[\]]+))', re.IGNORECASE)
"""A plain name up to its end in RFC 2045. Python's library reads up to the next semicolon, so it includes a comment."""

_EXTENDED: Final = re.compile(r'(\*\d*\*?\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s"()<>@,;:\[\]]*))[^;]*')
"""The same for parameters in sections (RFC 2231), which must be joined before they can be read."""

_IDENTITY: Final = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class Part:
    """One part.

    Attributes:
        filenames: all names of the part, from every field and parameter, because mail clients choose differently.
        depth: 0 for the message itself.
    """

    content_type: str
    filenames: tuple[str, ...]
    is_attachment: bool
    depth: int


@dataclass(frozen=True, slots=True)
class PartBody:
    """A part with its header fields, and where its body is: ``content[start:end]``, still transfer-encoded."""

    part: Part
    fields: Message
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    depth: int


def parts(content: bytes) -> Iterator[Part]:
    """Yield every part in the order of the message, a multipart before its parts.

    Raises:
        MalformedMimeError: as for ``bodies``.
    """
    return (each.part for each in bodies(content))


def bodies(content: bytes) -> Iterator[PartBody]:
    """Yield every part with its body in the order of the message, a multipart before its parts.

    Raises:
        MalformedMimeError: a multipart without boundary, parts or end; header fields that mail clients end at different
            places; or more than a limit of this module.
    """
    waiting = [_Span(0, len(content), 0)]
    seen = header_bytes = 0
    while waiting:
        span = waiting.pop()
        seen += 1
        head, body = _cut(content, span)
        header_bytes += body - span.start
        if seen > MAX_PARTS:
            raise MalformedMimeError(f"more than {MAX_PARTS} parts")
        if header_bytes > MAX_PART_HEADER_BYTES:
            raise MalformedMimeError(f"the header fields of the parts are longer than {MAX_PART_HEADER_BYTES} bytes")
        fields = _PARSER.parsebytes(head)
        if _has_bad_line(fields) or _BARE_CR.search(head):
            raise MalformedMimeError("a header line of a part that is not a field, or that ends with CR only")
        part = _part(fields, span.depth)
        yield PartBody(part, fields, body, span.end)
        if part.content_type.startswith("multipart/"):
            waiting.extend(reversed(_inside(content, _Span(body, span.end, span.depth), fields)))


def _cut(content: bytes, span: _Span) -> tuple[bytes, int]:
    """Return a part's header fields, and where its body begins."""
    start, end = span.start, span.end
    if content.startswith((b"\n", b"\r\n"), start, end):
        return b"", start
    blank = _BLANK_LINE.search(content, start, min(end, start + MAX_PART_HEADER_BYTES + 4))
    stop = blank.end() if blank else end
    return content[start : min(stop, start + MAX_PART_HEADER_BYTES)], stop


def _has_bad_line(fields: Message) -> bool:
    """Say whether a header line is not a field.

    Python 3.11.2's parser of header fields alone reports as a defect that a multipart has no parts, although it was
    given none; 3.11.7's does not.
    """
    return any(not isinstance(defect, MultipartInvariantViolationDefect) for defect in fields.defects)


def _part(fields: Message, depth: int) -> Part:
    if len(fields.get_all("content-type", ())) > 1:
        raise MalformedMimeError("a part with more than one Content-Type")
    try:
        found = (
            *_names(fields, "content-disposition", "filename"),
            *_names(fields, "content-type", "name"),
        )
        disposition = fields.get_content_disposition() or ""
        content_type = fields.get_content_type()
    except (LookupError, MessageError, TypeError, ValueError) as error:  # raised by the library for invalid parameters
        raise MalformedMimeError("a Content-Type or Content-Disposition that is not valid") from error
    filenames = tuple(dict.fromkeys(filter(None, found)))
    return Part(content_type, filenames, disposition == "attachment" or bool(filenames), depth)


def _names(fields: Message, name: str, parameter: str) -> Iterator[str]:
    """Yield every file name in all fields of a name; the library's own methods read only the first field."""
    for field, value in fields.raw_items():
        if field.lower() != name:
            continue
        if len(value) > MAX_CONTENT_FIELD_CHARACTERS:
            raise MalformedMimeError(f"a {name} field is longer than {MAX_CONTENT_FIELD_CHARACTERS} characters")
        if value.count(";") > MAX_PARAMETERS:
            raise MalformedMimeError(f"a {name} field has more than {MAX_PARAMETERS} parameters")
        text = eight_bit(value)
        yield from (quoted or token for quoted, token in _NAMED.findall(text))
        for written in dict.fromkeys((text, _EXTENDED.sub(r"\1", text))):
            one = Message()
            one[name] = written
            found = one.get_params([], name)
            yield from (text for each, given in found if each.lower() == parameter for text in _readings(given))


def _readings(given: str | tuple[str | None, str | None, str]) -> Iterator[str]:
    """Yield a parameter decoded by Python's codecs and, if it has a charset (RFC 2231), by the Encoding Standard."""
    yield str(collapse_rfc2231_value(given))
    if isinstance(given, tuple) and (encoding := charsets.encoding_of(given[0] or "")):
        yield charsets.decode(given[2].encode("latin-1", "replace"), encoding)


def _inside(content: bytes, span: _Span, fields: Message) -> list[_Span]:
    """Return the parts of a multipart, in order."""
    if span.depth >= MAX_DEPTH:
        raise MalformedMimeError(f"parts are nested more than {MAX_DEPTH} deep")
    if str(fields.get("content-transfer-encoding", "")).strip().lower() not in _IDENTITY:
        raise MalformedMimeError("a multipart that is encoded as a whole")
    boundary = _boundary(fields)
    found: list[_Span] = []
    begin: int | None = None
    for at, after, is_last in _delimiters(content, span, b"--" + boundary):
        if begin is not None:
            found.append(_Span(begin, max(begin, at), span.depth + 1))
        if len(found) > MAX_PARTS:
            raise MalformedMimeError(f"more than {MAX_PARTS} parts")
        if is_last:
            if not found:
                raise MalformedMimeError("a multipart without parts")
            return found
        begin = after
    raise MalformedMimeError("a multipart that does not end" if found or begin else "a multipart without parts")


def _boundary(fields: Message) -> bytes:
    try:
        boundary = (fields.get_boundary("") or "").encode("ascii", "surrogateescape")
    except (LookupError, MessageError, TypeError, ValueError) as error:
        raise MalformedMimeError("a multipart whose boundary is not valid") from error
    if not boundary:
        raise MalformedMimeError("a multipart without a boundary")
    if len(boundary) > MAX_BOUNDARY_CHARACTERS:
        raise MalformedMimeError(f"a boundary of more than {MAX_BOUNDARY_CHARACTERS} characters")
    return boundary


def _delimiters(content: bytes, span: _Span, delimiter: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield each delimiter line: the end of the part before it, the start of the next, and whether it is the last.

    The line end before a delimiter belongs to the delimiter. Source: RFC 2046, 5.1.1.
    """
    start, end = span.start, span.end
    at = start if content.startswith(delimiter, start, end) else _next(content, delimiter, start, end)
    false = 0
    while at >= 0:
        rest = _REST_OF_DELIMITER.match(content, at + len(delimiter), end)
        if rest:
            yield _before_line_end(content, at, start), rest.end(), bool(rest[1])
        else:
            false += 1
            if false > MAX_FALSE_DELIMITERS:
                raise MalformedMimeError(
                    f"more than {MAX_FALSE_DELIMITERS} lines begin like a delimiter and are not one"
                )
        # the line end after this delimiter may belong to the next
        at = _next(content, delimiter, rest.end() - 1 if rest else at + 1, end)


def _next(content: bytes, delimiter: bytes, start: int, end: int) -> int:
    found = content.find(b"\n" + delimiter, start, end)
    return found + 1 if found >= 0 else -1


def _before_line_end(content: bytes, at: int, start: int) -> int:
    if at - 2 >= start and content[at - 2 : at] == b"\r\n":
        return at - 2
    return max(start, at - 1)
