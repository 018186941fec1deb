"""Header text as people read it: RFC 2047 words decoded, raw 8-bit in the message's charset.

Reads a field's bytes, so that a byte is decoded once, in one charset: the word's own inside a word, else the one that
`raw_charset` finds.
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
    rb"|([qQ])\?((?:[^?=]|=(?!\?[^=])|\?(?!=))*))\?="  # a question mark that should have been encoded is let pass
)

_CHARSET: Final = re.compile(rb"""[;\s]charset\s*=\s*(?:"([^"]{1,64})"|'?([^\s;"'()]{1,64}))""", re.IGNORECASE)
"""The parameter of Content-Type. Source: RFC 2045, 5.1; single quotes are a fault that is common."""

_LONGEST_CONTENT_TYPE: Final = 8192
"""How much of a Content-Type field is searched for its charset, in bytes. Ours."""

_ONLY_ASCII: Final = frozenset({"us-ascii", "ascii", "ansi_x3.4-1968"})
"""Labels that promise ASCII; raw 8-bit breaks the promise, so that they say nothing of it. Ours: the standard reads
them as windows-1252, but these messages hold UTF-8 far more often."""

_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/=]")


def decode_field(raw: bytes, charset: str | None = None) -> str:
    """Return a field's text: every encoded word decoded, raw 8-bit as well.

    White space between encoded words is dropped. Neighbours of one charset are joined before they are decoded, because
    senders cut characters in two. Bytes under a label that the Encoding Standard does not have are
    read as if there were none.

    Args:
        raw: the field's value, folded or not.
        charset: the label of the message's Content-Type, for raw 8-bit; None where there is none.
    """
    if b"=?" not in raw and b"\x1b" not in raw and raw.isascii():
        return raw.decode("ascii")  # nearly every field
    pieces = list(_pieces(raw))
    others = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    encoding = raw_charset(others, charset)
    return "".join(
        charsets.decode(piece, encoding) if isinstance(piece, bytes) else _text_of(piece) for piece in pieces
    )


def decode(value: str) -> str:
    """Return text with its encoded words decoded; lone surrogates are raw bytes, as Python's parser gives them."""
    return decode_field(value.encode("utf-8", "surrogateescape"))


def eight_bit(value: str) -> str:
    """Return a field as the parser gave it (8-bit as lone surrogates) with its raw bytes read as text."""
    raw = value.encode("utf-8", "surrogateescape")
    return charsets.decode(raw, raw_charset(raw, None))


def charset_of(content_type: bytes) -> str | None:
    """Return the label that a Content-Type field gives; None where it gives none."""
    found = _CHARSET.search(content_type[:_LONGEST_CONTENT_TYPE])
    return (found[1] or found[2]).decode("latin-1") if found else None


def raw_charset(raw: bytes, label: str | None) -> str:
    """Return the encoding in which raw bytes of a header are read.

    The one that is named where it decodes them, else UTF-8 where that does, else the first of the two of whose 8-bit
    characters at most half are none, else windows-1252, in which every byte is something.

    Args:
        label: of the message's Content-Type.
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
        lost = text.count(REPLACEMENT)
        if not lost:
            return each
        if 2 * lost <= sum(mark > "\x7f" for mark in text):
            likely.append(each)
    return likely[0] if likely else "windows-1252"


@dataclass(slots=True)
class _Words:
    """Neighbouring encoded words of one charset, each as its encoding, B or Q in lower case, and its text."""

    charset: str
    words: list[tuple[bytes, bytes]] = field(default_factory=list)


def _pieces(raw: bytes) -> Iterator[bytes | _Words]:
    """Cut a field into encoded words and what stands between them."""
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
    """Yield the bytes of each word; neighbours in base64 are one where one of them ends within a byte."""
    for encoding, run in groupby(words.words, key=itemgetter(0)):
        texts = [text for _, text in run]
        if encoding == b"q":
            yield from (binascii.a2b_qp(text, header=True) for text in texts)
            continue
        texts = [_NOT_BASE64.sub(b"", text) for text in texts]
        yield from map(_base64, [b"".join(texts)] if any(map(_is_cut, texts)) else texts)


def _is_cut(text: bytes) -> bool:
    """Say whether base64 ends within a byte; where only the padding is missing, its last bits are zero."""
    rest = text[len(text) - len(text) % 4 :]
    return bool(rest) and b"=" not in text and base64.b64encode(_base64(rest)).rstrip(b"=") != rest


def _base64(text: bytes) -> bytes:
    """Decode base64, with or without padding, also where it goes on behind its padding; six bits too many are left."""
    runs = (run[: len(run) - (len(run) % 4 == 1)] for run in text.split(b"="))
    return b"".join(base64.b64decode(run + b"=" * (-len(run) % 4)) for run in runs)
