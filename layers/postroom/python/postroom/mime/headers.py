"""The header block of a message, as lenient as mail is.

Only headers are read on the way of a message: a full parse costs three times as much and `policy.default` eight times
(measured, see docs/decisions). Nothing here raises: a header that makes no sense reads as empty.
"""

from __future__ import annotations

import email.utils
import re
from email import policy
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final

from postroom.mime.encoded_words import decode, eight_bit
from postroom.model.addresses import MAX_ADDRESS, Address
from postroom.model.limits import MAX_SUBJECT_CHARACTERS
from postroom.model.text import one_line

_PARSER: Final = BytesHeaderParser(policy=policy.compat32)
_ENDS_OF_HEADERS: Final = (b"\n\r\n", b"\n\n", b"\r\r")
"""An empty line after a line's end, each CRLF or bare; three searches of bytes cost an eighth of one expression."""

_LENIENT: Final[dict[str, Any]] = {"strict": False} if hasattr(email.utils, "supports_strict_parsing") else {}
"""Newer Pythons answer nothing at all where one address of a field is odd; a rule would not see the others."""

MAX_FIELD: Final = 160_000
"""How much of a field is read, in characters: 500 addresses of the longest kind. Ours."""

MAX_BLOCK_BYTES: Final = 1 << 20
"""How much of a header block is read, in bytes: a hostile one of 40 MB costs half a minute (measured). Ours."""

_BETWEEN_SPECS: Final = re.compile(r"[\s<>(),;:\"\[\]\\]+")
"""What no plain addr-spec holds. Source: RFC 5322 3.2.3."""


def header_block(head: bytes) -> bytes | None:
    """Cut the header block, blank line included, off the beginning of a message; ``None`` if it ends later."""
    if head.startswith((b"\n", b"\r\n")):
        return b""
    first, end = len(head), None
    for mark in _ENDS_OF_HEADERS:
        found = head.find(mark, 0, first + len(mark) - 1)
        if 0 <= found < first:
            first, end = found, found + len(mark)
    return None if end is None else head[:end]


class Headers:
    """Header fields by name, in any case; of a block longer than ``MAX_BLOCK_BYTES``, its beginning."""

    def __init__(self, block: bytes) -> None:
        self._message = _PARSER.parsebytes(block[:MAX_BLOCK_BYTES])
        self._mailboxes: dict[str, tuple[Address, ...]] = {}

    def text(self, name: str, limit: int = MAX_SUBJECT_CHARACTERS) -> str:
        """Return the first such field decoded to one line of at most ``limit`` characters; empty if there is none."""
        return one_line(decode(self._raw(name)[:MAX_FIELD]))[:limit]

    def mailboxes(self, name: str) -> tuple[Address, ...]:
        """Return every address of all such fields, in order, without display names; a field is read once."""
        known = self._mailboxes.get(name)
        if known is None:
            found = (Address.parse(_visible(spec)) for spec in _specs(self._all(name)))
            known = tuple(address for address in found if address is not None)
            self._mailboxes[name] = known
        return known

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return every address of all such fields as text, lower-case, in order; those of a possible length only."""
        return tuple(text for text in map(str, self.mailboxes(name)) if len(text) <= MAX_ADDRESS)

    def address(self, name: str) -> str:
        """Return the first address of such a field; where none can be read, the field's text as it stands."""
        found = self.addresses(name)
        return found[0] if found else self.text(name, MAX_ADDRESS)

    def date(self) -> int | None:
        """Return the Date field in milliseconds since the epoch; ``None`` where it makes no sense."""
        try:
            return int(parsedate_to_datetime(self._raw("Date")).timestamp() * 1000)
        except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
            return None

    def names(self) -> list[str]:
        """Return the names of all fields as written, in order."""
        return list(self._message.keys())

    def _raw(self, name: str) -> str:
        return next(iter(self._all(name)), "")

    def _all(self, name: str) -> list[str]:
        """Return the values of all such fields, unfolded, raw 8-bit as text."""
        wanted = name.lower()
        return [eight_bit(_unfolded(value)) for field, value in self._message.raw_items() if field.lower() == wanted]


def _unfolded(value: str) -> str:
    return re.sub(r"[\r\n]+[ \t]*", " ", value)


def _visible(spec: str) -> str:
    """Return an addr-spec without what nobody sees: controls, zero-width marks, odd blanks."""
    return spec if spec.isprintable() else "".join(mark for mark in spec if mark.isprintable())


def _specs(values: list[str]) -> list[str]:
    """Return what looks like an addr-spec in address fields; of a field that is longer than any is, its beginning."""
    fields = [value[:MAX_FIELD] for value in values]
    try:
        return [spec for _, spec in getaddresses(fields, **_LENIENT)]
    except RecursionError:  # comments in comments: the library's parser enters each
        fields = list(map(_without_comments, fields))
    try:
        return [spec for _, spec in getaddresses(fields, **_LENIENT)]
    except RecursionError:  # groups in groups, which no mail has: every word that holds an @ counts
        return [word for field in fields for word in _BETWEEN_SPECS.split(field) if "@" in word]


def _without_comments(value: str) -> str:
    """Take comments out of an address field, however deep; what an unclosed one hides is gone."""
    kept: list[str] = []
    depth, quoted = 0, False
    for mark in re.findall(r"\\.|[^\\]", value, re.DOTALL):
        if mark == '"' and not depth:
            quoted = not quoted
        elif mark == "(" and not quoted:
            depth += 1
        if not depth:
            kept.append(mark)
        elif mark == ")" and not quoted:
            depth -= 1
    return "".join(kept)
