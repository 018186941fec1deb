"""Writes fields and parts in 7-bit with CRLF and lines of at most 998 bytes, whatever text they contain.

Source: RFC 5322, RFC 2045 to 2047, RFC 6533 (addresses that are not ASCII in delivery reports).
"""

from __future__ import annotations

import base64
import quopri
import re
import textwrap
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from postroom.model.limits import MAX_LINE_BYTES
from postroom.model.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_FIELD_ADDRESS_CHARACTERS: Final = 900
"""Longest address in a field, with its escapes, in characters; longer ones are cut. Ours: addresses have at most
320."""

FOLD_CHARACTERS: Final = 900
"""Length at which a field of a delivery report is folded, in characters. Ours."""

_WORD_BYTES: Final = 39
"""Most bytes of UTF-8 in one encoded word of base64: it then has 64 characters, and with ``Subject:`` before it fewer
than 76, the most of a line with such a word. Source: RFC 2047 2."""

_QCHAR: Final = re.compile(r"[!-*,-<>-\[\]-~]")
"""A character that is not escaped in an address of type utf-8. Source: RFC 6533 3."""

_TEXT: Final = re.compile(rb"[\t -~]*")
_LINE_END: Final = re.compile(rb"\r\n?|\n")
_FIELD_SAFE: Final = re.compile(r"[ -~]*")
_CRLF: Final = b"\r\n"


def date(at: int) -> str:
    """Return a time for a field such as Date, in UTC (RFC 5322, 3.3). ``at`` in milliseconds since the epoch."""
    return format_datetime(datetime.fromtimestamp(at / 1000, UTC))


def final_recipient(address: str) -> str:
    """Return the value of Final-Recipient: ``rfc822`` for ASCII, else ``utf-8`` with escapes (RFC 6533 3)."""
    if _FIELD_SAFE.fullmatch(address):
        return f"rfc822; {address[:MAX_FIELD_ADDRESS_CHARACTERS]}"
    escaped = "".join(each if _QCHAR.fullmatch(each) else f"\\x{{{ord(each):X}}}" for each in address)
    return f"utf-8; {escaped[:MAX_FIELD_ADDRESS_CHARACTERS]}"


def encoded(text: str) -> str:
    """Return text for an unstructured field: unchanged if it is short ASCII, else as folded encoded words."""
    line = one_line(text)
    if _FIELD_SAFE.fullmatch(line) and "=?" not in line and len(line) <= 60:
        return line
    words = [f"=?utf-8?B?{base64.b64encode(piece).decode('ascii')}?=" for piece in _pieces(line)]
    return "\r\n ".join(words)


def _pieces(text: str) -> Iterator[bytes]:
    """Divide text into pieces of at most ``_WORD_BYTES`` bytes of UTF-8, never within a character."""
    piece = b""
    for character in text:
        more = character.encode("utf-8", "replace")
        if len(piece) + len(more) > _WORD_BYTES:
            yield piece
            piece = b""
        piece += more
    yield piece


def report_field(name: str, value: str) -> str:
    """Return a field of a delivery report: ASCII with ``?`` for other characters, folded if long (RFC 3464 2.1)."""
    line = one_line(value).encode("ascii", "replace").decode("ascii")
    return f"{name}: " + "\r\n ".join(textwrap.wrap(line, FOLD_CHARACTERS, break_on_hyphens=False))


def part(content: bytes) -> tuple[str, bytes]:
    """Return the encoding of a part and its encoded content: ``7bit`` if possible, else ``quoted-printable``."""
    lines = _LINE_END.sub(_CRLF, content)
    plain = all(len(line) <= MAX_LINE_BYTES - len(_CRLF) and _TEXT.fullmatch(line) for line in lines.split(_CRLF))
    return ("7bit", lines) if plain else ("quoted-printable", _quoted(content))


def parts(
    boundary: str, contents: Sequence[tuple[str, str, bytes]], preamble: str = "This is a report of the mail system."
) -> bytes:
    """Return the body of a multipart message, with the empty line before it.

    Args:
        contents: type, encoding and encoded content of each part; text ends with CRLF.
    """
    lines = [b"", preamble.encode()]
    for kind, encoding, content in contents:
        lines += [
            f"--{boundary}".encode(),
            f"Content-Type: {kind}".encode(),
            f"Content-Transfer-Encoding: {encoding}".encode(),
            b"",
            content,
        ]
    return _CRLF.join([*lines, f"--{boundary}--".encode(), b""])


def _quoted(content: bytes) -> bytes:
    """Return content as quoted-printable with CRLF; CR, LF and CRLF each end a line."""
    lines = re.sub(rb"\r\n?", b"\n", content)
    return quopri.encodestring(lines).replace(b"\n", _CRLF)
