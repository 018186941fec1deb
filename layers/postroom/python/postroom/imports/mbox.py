r"""Reads mbox files by a declared variant; the content of a message is the bytes that the variant means.

    variant    a message ends                       lines of the message that begin with "From "
    mboxo      before a line that begins "From "    ">From "; ">From " itself is not told apart, and is read so, too
    mboxrd     as mboxo                             one ">" more than the message has
    mboxcl2    after Content-Length bytes           as they are

Source: qmail's mbox(5) for mboxo and mboxrd, with the blank line that ends a message; J. de Boyne Pollard's "mbox is a
family" for mboxcl2. Ours: a line that begins with "From " and has neither a date nor a header field behind it is text.
Python's ``mailbox`` undoes no quoting and ends a message at such a line, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, pairwise
from typing import TYPE_CHECKING, BinaryIO, Final

from postroom.errors import InvalidArchiveError
from postroom.imports.dates import from_line_date, message_date
from postroom.imports.incoming import Incoming, IncomingFolder, Skipped
from postroom.imports.mbox_flags import flags_of
from postroom.imports.tree import TOO_LARGE
from postroom.model.limits import MAX_STORED_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postroom.imports.incoming import Found, Place

_LINE_BYTES: Final = 64 * 1024
_MAX_HEADER_BYTES: Final = 1 << 20
_QUOTED: Final = re.compile(rb">+From ")
_FIELD: Final = re.compile(rb"[!-9;-~]+:[ \t\r\n]|>From ")
_LF: Final = 10
_BLANK: Final = (b"\n", b"\r\n")
_LENGTH: Final = re.compile(rb"content-length:[ \t]*(\d{1,15})[ \t]*\r?\n", re.IGNORECASE)


class Variant(StrEnum):
    """How an mbox file marks where a message ends."""

    MBOXO = "mboxo"
    MBOXRD = "mboxrd"
    MBOXCL2 = "mboxcl2"


@dataclass(slots=True)
class _Message:
    """A message while it is read; ``content`` is None if it is too large."""

    from_line: bytes
    content: bytearray | None

    def add(self, data: bytes) -> None:
        if self.content is not None:
            self.content += data
            if len(self.content) > MAX_STORED_BYTES + 2:  # the last line break is not the message's
                self.content = None

    def end(self) -> None:
        """Remove the blank line that the format adds."""
        if self.content is None:
            return
        for line_end in (b"\r\n", b"\n"):
            rest = len(self.content) - len(line_end)
            if self.content.endswith(line_end) and (not rest or self.content[rest - 1] == _LF):
                del self.content[rest:]
                return

    def take(self) -> bytes | None:
        """Return the content; it is not held here any longer, since the next message is read soon."""
        content, self.content = self.content, None
        return None if content is None or len(content) > MAX_STORED_BYTES else bytes(content)


def read_mbox(file: BinaryIO, place: Place, name: str, variant: Variant | None = None) -> Iterator[Found]:
    """Yield the messages of an mbox file, all for one folder.

    Args:
        file: can be sought.
        name: the file's name, for people.
        variant: if it is not known, a file whose messages depend on it is refused.

    Raises:
        InvalidArchiveError: this is no mbox file, or not of this variant, or the variant must be declared. Nothing was
            yielded.
    """
    variant = check_mbox(file, name, variant)
    yield IncomingFolder(place)
    messages = _counted(file) if variant is Variant.MBOXCL2 else _separated(file, variant)
    for number, message in enumerate(messages, 1):
        source = f"{name}, message {number}"
        content = message.take()
        if content is None:
            yield Skipped(source, TOO_LARGE)
        else:
            yield _incoming(source, place, message.from_line, content)


def check_mbox(file: BinaryIO, name: str, variant: Variant | None = None) -> Variant:
    """Return the variant in which a file is read.

    Raises:
        InvalidArchiveError: as for ``read_mbox``.
    """
    _require_mbox(file, name)
    variant = variant or _only_variant(file, name)
    if variant is Variant.MBOXCL2 and (fault := _fault_of_lengths(file)):
        raise InvalidArchiveError(f"{name!r} is not of the variant mboxcl2: {fault}")
    return variant


def _incoming(source: str, place: Place, from_line: bytes, content: bytes) -> Incoming:
    date = from_line_date(from_line)
    known = flags_of(content)
    return Incoming(
        source=source,
        place=place,
        content=content,
        received=message_date(content) if date is None else date,
        read=known.read,
        flags=known.flags,
        keywords=known.keywords,
    )


def _require_mbox(file: BinaryIO, name: str) -> None:
    for line, _ in _lines(file):
        if line not in _BLANK:
            if not line.startswith(b"From "):
                raise InvalidArchiveError(f"{name!r} is no mbox file: it does not begin with a From_ line")
            return


def _lines(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Yield all lines from the start, long ones in pieces, and whether each begins a line."""
    file.seek(0)
    begins = True
    while line := file.readline(_LINE_BYTES):
        yield line, begins
        begins = line.endswith(b"\n")


def _marked(lines: Iterable[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool, bool]]:
    """Yield lines, whether each begins a line, and whether each begins a message."""
    is_first = True
    for (line, begins), (following, _) in pairwise(chain(lines, ((b"", True),))):
        starts = begins and line.startswith(b"From ")
        if starts and not is_first:
            starts = from_line_date(line) is not None or _FIELD.match(following) is not None
        is_first = is_first and not starts
        yield line, begins, starts


def _separated(file: BinaryIO, variant: Variant) -> Iterator[_Message]:
    message: _Message | None = None
    for line, begins, starts in _marked(_lines(file)):
        if starts:
            if message:
                message.end()
                yield message
            message = _Message(line, bytearray())
        elif message:
            if begins and line.startswith(b">") and _QUOTED.match(line):
                message.add(line if variant is Variant.MBOXO and line.startswith(b">>") else line[1:])
            else:
                message.add(line)
    if message:
        message.end()
        yield message


@dataclass(frozen=True, slots=True)
class _Counted:
    """Where a message of an mboxcl2 file is: from the byte behind its From_ line, ``size`` bytes."""

    from_line: bytes
    start: int
    size: int


def _counted(file: BinaryIO) -> Iterator[_Message]:
    for each in _places(file):
        message = _Message(each.from_line, None)
        if each.size <= MAX_STORED_BYTES:
            file.seek(each.start)
            message.content = bytearray(file.read(each.size))
        yield message


def _fault_of_lengths(file: BinaryIO) -> str | None:
    """Return what is wrong with the lengths that an mboxcl2 file states, if anything is."""
    try:
        for _ in _places(file):
            pass
    except InvalidArchiveError as error:
        return str(error)
    return None


def _places(file: BinaryIO) -> Iterator[_Counted]:
    """Yield where the messages of an mboxcl2 file are. The file may be read elsewhere meanwhile."""
    end = file.seek(0, 2)
    place = number = 0
    while True:
        file.seek(place)
        line = file.readline(_LINE_BYTES)
        while line in _BLANK:
            line = file.readline(_LINE_BYTES)
        if not line:
            return
        number += 1
        if not line.startswith(b"From ") or not line.endswith(b"\n"):
            raise InvalidArchiveError(f"no From_ line where message {number} must begin")
        start = file.tell()
        length = _stated_length(file, number)
        place = file.tell() + length
        if place > end:
            raise InvalidArchiveError(f"message {number} is longer than the file")
        yield _Counted(line, start, place - start)


def _stated_length(file: BinaryIO, number: int) -> int:
    """Read a message's header, blank line included, and return the length of its body in bytes."""
    lengths: set[int] = set()
    left = _MAX_HEADER_BYTES
    while (line := file.readline(_LINE_BYTES)) not in _BLANK:
        left -= len(line)
        if not line or left < 0:
            raise InvalidArchiveError(f"the header of message {number} has no end")
        if found := _LENGTH.fullmatch(line):
            lengths.add(int(found[1]))
    if len(lengths) != 1:
        raise InvalidArchiveError(f"message {number} has {'two lengths' if lengths else 'no Content-Length'}")
    return lengths.pop()


def _only_variant(file: BinaryIO, name: str) -> Variant:
    """Return a variant in which a file means the same as in every other that it can be of.

    Raises:
        InvalidArchiveError: there is none: a line may be quoted, or may not.
    """
    is_quoted = any(begins and _QUOTED.match(line) for line, begins in _lines(file) if line.startswith(b">"))
    if is_quoted:
        raise InvalidArchiveError(f"the variant of {name!r} must be stated: it has lines that begin with '>From '")
    return Variant.MBOXRD if _fault_of_lengths(file) else Variant.MBOXCL2
