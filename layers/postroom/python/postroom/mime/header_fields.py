"""Finds the fields of a header block in its bytes, in linear time, as mail clients find them.

- A line that is not a field is skipped. It does not end the block, as it does in Python's own parser.
- White space, control characters and non-ASCII bytes around a field's name do not hide the field, nor does a byte order
  mark, nor a fold before the first line or before the colon.
- CRLF, LF, and any number of CR before LF end a line.
- A block with a CR elsewhere is read twice, because some mail clients end a line there and others do not. The fields of
  both readings count.

No field is copied: only the start of each value is kept, and only for the fields that a station reads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from postroom.mime.ses_fields import own_bytes
from postroom.model.limits import MAX_READ_FIELDS

READ: Final = (
    "auto-submitted",
    "bcc",
    "cc",
    "content-disposition",
    "content-transfer-encoding",
    "content-type",
    "date",
    "from",
    "in-reply-to",
    "message-id",
    "received",
    "references",
    "sender",
    "subject",
    "to",
)
"""The fields that stations read, lower-case."""

_LINE_END: Final = re.compile(rb"\n(?![ \t])")
_BARE_CR: Final = re.compile(rb"\r[^\r\n]")
_AROUND: Final = rb"[^!-~\n]*+(?:\n[ \t][^!-~\n]*+)*+"
"""Bytes that may be around a name: invisible ones, folds included."""

_FIRST_NAME: Final = re.compile(_AROUND + rb"([!-9;-~]++)" + _AROUND + rb":")
_NAME: Final = re.compile(rb"\n(?![ \t])" + _FIRST_NAME.pattern)
_REGULAR: Final = re.compile(rb"[!-9;-~]++:")
_IRREGULAR: Final = re.compile(rb"\n(?![ \t]|[!-9;-~]++:)")


def _in_any_case(name: str) -> str:
    # sets of two letters; a flag would cost twice as much
    return "".join(f"[{letter}{letter.upper()}]" if letter.isalpha() else letter for letter in name)


_READ_NAMES: Final = b"(" + "|".join(map(_in_any_case, READ)).encode() + b")" + _AROUND + b":"
_FIRST_READ: Final = re.compile(_AROUND + _READ_NAMES)
_INITIALS: Final = "".join(sorted({letter for name in READ for letter in (name[0], name[0].upper())})).encode()
_MAY_BE: Final = rb"(?=[\x00-\x08\n-\x1f\x7f-\xff" + _INITIALS + rb"])"
"""A check of the first byte of a line, which rejects nearly all lines of a long block."""

_NEXT_READ: Final = rb"|" + _READ_NAMES + rb"|[\x00-\x08\x0b-\x1f\x7f-\xff]" + _AROUND + _READ_NAMES + rb")"


@dataclass(frozen=True, slots=True)
class _Ending:
    """Patterns for the line that ends a block: as first line, and after others; and for the next field or the end."""

    first: re.Pattern[bytes]
    end: re.Pattern[bytes]
    next: re.Pattern[bytes]


_CRS: Final = _Ending(
    re.compile(rb"\r*+\n"), re.compile(rb"\n\r*+\n"), re.compile(rb"\n" + _MAY_BE + rb"(?:\r*+\n" + _NEXT_READ)
)
"""A line of CR only is empty: as in postal-mime, and in mail whose line ends were converted to CRLF twice."""


@cache
def _one_cr() -> _Ending:
    """Return the ending for which CR CR LF is not an empty line: as in mailparser. Few messages need it."""
    return _Ending(
        re.compile(rb"\r?+\n"), re.compile(rb"\n\r?+\n"), re.compile(rb"\n" + _MAY_BE + rb"(?:\r?+\n" + _NEXT_READ)
    )


class HeaderFields:
    """The fields in the first bytes of a message, in one reading.

    Attributes:
        end: length of the block in bytes, blank line included; None if the given bytes do not contain its end.
        is_cut: there are more than ``MAX_READ_FIELDS`` fields, so that some were not read.
    """

    def __init__(self, head: bytes, ending: _Ending = _CRS) -> None:
        self._head = head
        self._ending = ending
        self._values: dict[str, list[int]] = {}
        self.end: int | None = None
        self.is_cut = False
        self._find()

    def _find(self) -> None:
        if self._ending.first.match(self._head):
            self.end = 0
            return
        room = MAX_READ_FIELDS
        first = _FIRST_READ.match(self._head)
        if first:
            self._keep(first[1], first.end())
        for found in self._ending.next.finditer(self._head, first.end() if first else 0):
            name = found[1] or found[2]
            if name is None:
                self.end = found.end()
                return
            if room:
                self._keep(name, found.end())
                room -= 1
            else:
                self.is_cut = True
                end = self._ending.end.search(self._head, found.end())
                self.end = end.end() if end else None
                return

    def _keep(self, name: bytes, start: int) -> None:
        self._values.setdefault(name.decode("ascii").lower(), []).append(start)

    def count(self, name: str) -> int:
        """Return the number of fields with a name; lower-case, one of ``READ``."""
        return len(self._values.get(name, ()))

    def values(self, name: str) -> list[bytes]:
        """Return the bytes of all fields with a name (lower-case, one of ``READ``), folds included, in order."""
        return [self._value(start) for start in self._values.get(name, ())]

    def first(self, name: str) -> bytes | None:
        """Return the bytes of the first field with a name; lower-case, one of ``READ``."""
        starts = self._values.get(name)
        return self._value(starts[0]) if starts else None

    def names(self) -> list[str]:
        """Return the names of all fields, lower-case, in order, including fields that are not in ``READ``."""
        if self.end == 0:
            return []
        first = _FIRST_NAME.match(self._head)
        found = [first] if first else []
        found += _NAME.finditer(self._head, 0, self._last_line_end())
        return [each[1].decode("ascii").lower() for each in found]

    def is_regular(self) -> bool:
        """Say whether every line is a field (RFC 5322) or a continuation: then all mail clients end the block alike."""
        if self.end == 0:
            return True
        if not _REGULAR.match(self._head):
            return False
        return _IRREGULAR.search(self._head, 0, self._last_line_end()) is None

    def has_bare_cr(self) -> bool:
        """Say whether there is a CR that is not part of a line end; some mail clients end a line there."""
        return _BARE_CR.search(self._head, 0, len(self._head) if self.end is None else self.end) is not None

    def _last_line_end(self) -> int:
        """Return where the line end of the last field begins; a search up to there finds no empty line."""
        end = len(self._head) if self.end is None else self.end
        while end and self._head[end - 1] in b"\r\n":
            end -= 1
        return end

    def _value(self, start: int) -> bytes:
        end = _LINE_END.search(self._head, start)
        return self._head[start : end.start() if end else len(self._head)].rstrip(b"\r")


def readings(head: bytes) -> list[HeaderFields]:
    """Return the fields of a block in every reading: one, unless mail clients differ on a CR or a fold at the start."""
    found = [HeaderFields(head)]
    end = found[0].end
    if end is not None and head[max(end - 3, 0) : end] == b"\r\r\n":
        found.append(HeaderFields(head, _one_cr()))
    if found[-1].has_bare_cr():
        # CR CR LF is one line end; a CR elsewhere is one as well
        block = head[: found[-1].end]
        lines = block.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        found.append(HeaderFields(lines))
    own = own_bytes(head)
    if head[own : own + 1] in (b" ", b"\t") and own:
        # the sender's message begins with a fold, which continues none of SES's own fields
        found.append(HeaderFields(head[own:]))
    return found
