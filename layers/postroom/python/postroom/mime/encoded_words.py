"""Decodes header text: RFC 2047 encoded words, and raw 8-bit in the message's charset.

The functions read a field's bytes, so that each byte is decoded once: inside an encoded word in the word's charset,
elsewhere in the charset that ``raw_charset`` returns.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from postroom.mime import charsets
from postroom.mime.charsets import REPLACEMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD: Final = re.compile(
    rb"=\?([^?\s]{1,64})\?"
    rb"(?:([bB])\?([^?]*)"
    rb"|([qQ])\?((?:[^?=]|=(?!\?[^=])|\?(?!=))*))\?="  # a question mark that is not encoded is accepted
)

_CHARSET: Final = re.compile(rb"""[;\s]charset\s*=\s*(?:"([^"]{1,64})"|'?([^\s;"'()]{1,64}))""", re.IGNORECASE)
"""The parameter of Content-Type. Source: RFC 2045, 5.1; single quotes are a common error."""

_MAX_CONTENT_TYPE_BYTES: Final = 8192
"""Most bytes of a Content-Type field that are searched for its charset. Ours."""

_ONLY_ASCII: Final = frozenset({"us-ascii", "ascii", "ansi_x3.4-1968"})
"""Labels of ASCII. A message with raw 8-bit contradicts them, so they are ignored for it. Ours: the standard reads them
as windows-1252, but such messages have UTF-8 far more often."""

_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/=]")


def decode_field(raw: bytes, charset: str | None = None) -> str:
    """Return a field's text, with encoded words and raw 8-bit decoded.

    White space between encoded words is dropped. Neighbouring words of one charset are joined before they are decoded,
    because some senders divide characters. A label that is not in the Encoding Standard is ignored.

    Args:
        raw: the field's value, folded or not.
        charset: the label of the message's Content-Type, for raw 8-bit; None if it has none.
    """
    if b"=?" not in raw and b"\x1b" not in raw and raw.isascii():
        return raw.decode("ascii")  # nearly all fields
    pieces = list(_pieces(raw))
    others = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    encoding = raw_charset(others, charset)
    return "".join(
        charsets.decode(piece, encoding) if isinstance(piece, bytes) else _text_of(piece) for piece in pieces
    )


def decode(value: str) -> str:
    """Return text with its encoded words decoded; lone surrogates are raw bytes, as Python's parser returns them."""
    return decode_field(value.encode("utf-8", "surrogateescape"))


def eight_bit(value: str) -> str:
    """Return a field of Python's parser (8-bit as lone surrogates) with its raw bytes decoded."""
    raw = value.encode("utf-8", "surrogateescape")
    return charsets.decode(raw, raw_charset(raw, None))


def charset_of(content_type: bytes) -> str | None:
    """Return the charset label of a Content-Type field; None if it has none."""
    found = _CHARSET.search(content_type[:_MAX_CONTENT_TYPE_BYTES])
    return (found[1] or found[2]).decode("latin-1") if found else None


def raw_charset(raw: bytes, label: str | None) -> str:
    """Return the encoding in which raw bytes of a header are decoded.

    The candidates are the labelled encoding and UTF-8. The first that decodes all bytes is returned; else the first in
    which at most half of the 8-bit characters cannot be decoded; else windows-1252, which decodes every byte.

    Args:
        label: label of the message's Content-Type.
    """
    encoding = charsets.encoding_of(label) if label and label.lower() not in _ONLY_ASCII else None
    if encoding == "iso-2022-jp" and b"\x1b" in raw:
        return encoding
    if raw.isascii():
        return "utf-8"
    named = [encoding] if encoding and charsets.holds_ascii(encoding) else []
    likely: list[str] = []
    for each in dict.fromkeys((*named, "utf-8")):
        text = charsets.decode(raw, each)
        undecoded = text.count(REPLACEMENT)
        if not undecoded:
            return each
        if 2 * undecoded <= sum(mark > "\x7f" for mark in text):
            likely.append(each)
    return likely[0] if likely else "windows-1252"


@dataclass(slots=True)
class _Words:
    """Neighbouring encoded words of one charset, each as its encoding (b or q) and its encoded text."""

    charset: str
    words: list[tuple[bytes, bytes]] = field(default_factory=list)


def _pieces(raw: bytes) -> Iterator[bytes | _Words]:
    """Divide a field into encoded words and the bytes between them."""
    held: _Words | None = None
    end = 0
    for found in _WORD.finditer(raw):
        between = raw[end : found.start()]
        label = found[1].partition(b"*")[0].decode("latin-1").lower()  # RFC 2231, 5: a language may follow
        charset = charsets.encoding_of(label) or label
        if held is None or between.strip() or held.charset != charset:
            if held:
                yield held
            if held is None or between.strip():
                yield between
            held = _Words(charset)
        held.words.append((b"b", found[3]) if found[2] else (b"q", found[5]))
        end = found.end()
    if held:
        yield held
    yield raw[end:]


def _text_of(words: _Words) -> str:
    contents = list(_contents(words))
    encoding = charsets.encoding_of(words.charset) or raw_charset(b"".join(contents), None)
    return charsets.decode(charsets.join(contents, encoding), encoding)


def _contents(words: _Words) -> Iterator[bytes]:
    """Yield the bytes of each word; neighbouring base64 words are joined if one of them ends within a byte."""
    for encoding, run in groupby(words.words, key=itemgetter(0)):
        texts = [text for _, text in run]
        if encoding == b"q":
            yield from (binascii.a2b_qp(text, header=True) for text in texts)
            continue
        texts = [_NOT_BASE64.sub(b"", text) for text in texts]
        yield from map(_base64, [b"".join(texts)] if any(map(_is_cut, texts)) else texts)


def _is_cut(text: bytes) -> bool:
    """Say whether base64 ends within a byte; if only the padding is missing, its last bits are zero."""
    rest = text[len(text) - len(text) % 4 :]
    return bool(rest) and b"=" not in text and base64.b64encode(_base64(rest)).rstrip(b"=") != rest


def _base64(text: bytes) -> bytes:
    """Decode base64 with or without padding, and base64 that continues after its padding; 6 extra bits are dropped."""
    runs = (run[: len(run) - (len(run) % 4 == 1)] for run in text.split(b"="))
    return b"".join(base64.b64decode(run + b"=" * (-len(run) % 4)) for run in runs)
