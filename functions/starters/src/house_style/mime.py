"""Where the parts of a message are: spans of its bytes, nothing decoded, nothing copied.

The standard library's parser gives a tree that does not say where its leaves were, and writes a message anew with other
line breaks and other header folding. A signature of DKIM, or a reader who compares, would notice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Edit = tuple[int, int, bytes]
"""From where to where in a message, and what is to stand there instead."""

DEEPEST = 30
"""Levels of parts within parts; nobody writes more."""

MOST_PARTS = 2000
"""Parts of a message. WorkMail takes 500 attachments."""

MOST_HEADER_BYTES = 2**20
"""Bytes of the header of a part."""

LONGEST_CONTENT_FIELD = 8192
"""Characters of a field that says what a part is; the library's reading of its parameters costs their square."""

SAYS_WHAT_IT_IS = ("content-type", "content-transfer-encoding", "content-disposition")


ODD_PARAMETERS = (AttributeError, IndexError, LookupError, MessageError, TypeError, ValueError)
"""What email's own parsing of parameters raises where somebody meant it to."""


class UnreadableError(Exception):
    """The message is not built as MIME says; whoever meets it leaves the message alone."""


@dataclass(frozen=True)
class Field:
    """A header field: name in lower case, unfolded value, and where it stands, line end included."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Part:
    """A message, or a part of one. `start` to `end` is all of it, `body_start` to `end` its body."""

    start: int
    end: int
    body_start: int
    header_end: int
    fields: tuple[Field, ...] = ()
    parts: tuple[Part, ...] = ()
    is_message: bool = False
    headers: Message[str, str] = field(default_factory=Message)

    @property
    def content_type(self) -> str:
        """Return the media type in lower case, `text/plain` where there is none."""
        return self.headers.get_content_type()

    @property
    def transfer_encoding(self) -> str:
        """Return the Content-Transfer-Encoding in lower case; `7bit` where there is none."""
        return self.headers.get("Content-Transfer-Encoding", "7bit").partition(";")[0].strip().lower() or "7bit"

    @property
    def charset(self) -> str:
        """Return the charset parameter in lower case; `us-ascii` where there is none."""
        return self.headers.get_content_charset("us-ascii") or "us-ascii"

    @property
    def is_attachment(self) -> bool:
        """Whether it says that it is one."""
        return self.headers.get_content_disposition() == "attachment"

    @property
    def names(self) -> list[str]:
        """Return every file name that the part gives itself, decoded."""
        places = (("content-disposition", "filename"), ("content-type", "name"))
        return [
            _plain(value)
            for header, parameter in places
            for name, value in self.headers.get_params([], header)
            if name.lower() == parameter
        ]

    def first(self, name: str) -> Field | None:
        """Return the first field of a name (in lower case), or None."""
        return next((each for each in self.fields if each.name == name), None)

    def walk(self) -> Iterator[Part]:
        """Yield itself and all below, outside in."""
        yield self
        for part in self.parts:
            yield from part.walk()


def parse(raw: bytes) -> Part:
    """Return a message as a part.

    Raises:
        UnreadableError: a header line that is none, a multipart without boundary or end, too much of anything.
    """
    try:
        return _parse(raw, 0, len(raw), is_message=True, depth=0, left=[MOST_PARTS])
    except ODD_PARAMETERS as error:
        raise UnreadableError(f"a header that cannot be read ({type(error).__name__})") from error


def _parse(raw: bytes, start: int, end: int, *, is_message: bool, depth: int, left: list[int]) -> Part:
    left[0] -= 1
    if depth > DEEPEST or left[0] < 0:
        raise UnreadableError("too many parts")
    fields, header_end, body_start = _header(raw, start, end)
    if is_message and header_end == body_start and raw[end - 1 : end] != b"\n":
        raise UnreadableError("a header without end")
    headers: Message[str, str] = Message()
    for each in fields:
        if each.name in SAYS_WHAT_IT_IS and each.name not in headers:
            if len(each.value) > LONGEST_CONTENT_FIELD:
                raise UnreadableError(f"a {each.name} of more than {LONGEST_CONTENT_FIELD} characters")
            headers[each.name] = each.value
    part = Part(start, end, body_start, header_end, tuple(fields), (), is_message, headers)
    kind = part.content_type
    part.charset, part.names, part.is_attachment  # noqa: B018  read here, where what they raise is caught
    if kind.startswith("multipart/"):
        spans, inner = _sections(raw, part), False
    elif kind == "message/rfc822" and part.transfer_encoding in ("7bit", "8bit", "binary"):
        spans, inner = [(body_start, end)], True
    else:
        return part
    try:
        parts = tuple(_parse(raw, *span, is_message=inner, depth=depth + 1, left=left) for span in spans)
    except (UnreadableError, *ODD_PARAMETERS):
        if not inner or left[0] < 0:
            raise
        parts = ()  # what somebody attached may be as odd as it likes: it is a file
    return Part(start, end, body_start, header_end, part.fields, parts, is_message, headers)


def _header(raw: bytes, start: int, end: int) -> tuple[list[Field], int, int]:
    """Return the fields, where the header ends, and where the body begins."""
    starts: list[int] = []
    at = body_start = start
    while at < end:
        body_start = raw.find(b"\n", at, end) + 1 or end
        line = raw[at:body_start].rstrip(b"\r\n")
        if body_start - start > MOST_HEADER_BYTES:
            raise UnreadableError("a header of more than a megabyte")
        if not line:
            break
        if line[:1] not in b" \t":
            starts.append(at)
        elif not starts:
            raise UnreadableError("a header that begins with a continuation")
        at = body_start
    return [_field(raw, *span) for span in pairwise([*starts, at])], at, body_start


def _field(raw: bytes, start: int, end: int) -> Field:
    name, colon, value = raw[start:end].partition(b":")
    if not colon or not name.strip() or set(name.rstrip()) & set(b" \r\n"):
        raise UnreadableError("a header line that is no field")
    unfolded = b"".join(line.rstrip(b"\r") for line in value.split(b"\n"))
    return Field(name.strip().lower().decode("latin-1"), unfolded.decode("latin-1"), start, end)


def _sections(raw: bytes, part: Part) -> list[tuple[int, int]]:
    """Return the spans between the boundaries of a multipart."""
    boundary = part.headers.get_boundary()
    if not boundary:
        raise UnreadableError("a multipart without boundary")
    marker = b"--" + boundary.encode("latin-1")
    spans: list[tuple[int, int]] = []
    opened = None
    begin = part.body_start
    at = begin if raw.startswith(marker, begin, part.end) else _line(raw, marker, begin, part)
    while at:
        line_end = raw.find(b"\n", at, part.end) + 1 or part.end
        rest = raw[at + len(marker) : line_end].rstrip()
        if rest in (b"", b"--"):  # else a boundary that only begins alike
            if opened is not None:
                before = at - 2 if raw[at - 2 : at] == b"\r\n" else at - 1  # the line break belongs to the boundary
                spans.append((opened, max(before, opened)))
            if rest:
                return spans
            opened = line_end
        at = _line(raw, marker, line_end - 1, part)
    raise UnreadableError("a multipart without its end")


def _line(raw: bytes, marker: bytes, start: int, part: Part) -> int:
    """Return where the next line begins that begins with the marker; 0 where none does."""
    return raw.find(b"\n" + marker, start, part.end) + 1


def _plain(name: str | tuple[str | None, str | None, str]) -> str:
    """Decode a file name: RFC 2231's three parts, or encoded words where they do not belong."""
    if isinstance(name, tuple):
        charset, _, text = name
        return text.encode("latin-1", "replace").decode(charset or "us-ascii", "replace")
    return str(make_header(decode_header(name)))
