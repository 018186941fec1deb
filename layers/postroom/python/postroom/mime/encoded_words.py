"""Header text as people read it: RFC 2047 words decoded, raw 8-bit taken as UTF-8 or else Latin-1.

The standard library's ``decode_header`` mixes bytes and text once a header holds both raw 8-bit and encoded words.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import quopri
import re
from typing import Final

_NO_CHARSETS: Final = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""Codecs of Python's that are no charsets of mail; one costs the square of what it reads."""

_WORD: Final = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?]*)\?=")


def eight_bit(value: str) -> str:
    """Return a field as the parser gave it (8-bit as lone surrogates) with its raw bytes read as text."""
    raw = value.encode("utf-8", "surrogateescape")
    return _text(raw, None)


def decode(value: str) -> str:
    """Decode every encoded word of a field; one that makes no sense stays as it is written.

    White space between encoded words is dropped, and neighbours of one charset are joined before they are decoded,
    because senders cut characters in two.
    """
    parts: list[str] = []
    held, charset, end = b"", "", 0
    for found in _WORD.finditer(value):
        between, word = value[end : found.start()], _bytes(found[2], found[3])
        if word is None:
            continue
        if held and (between.strip() or found[1].lower() != charset):
            parts.append(_text(held, charset))
            held = b""
        if between.strip() or not end:
            parts.append(between)
        held, charset, end = held + word, found[1].lower(), found.end()
    if held:
        parts.append(_text(held, charset))
    return "".join([*parts, value[end:]])


def _bytes(encoding: str, text: str) -> bytes | None:
    raw = text.encode("utf-8", "surrogateescape")
    if encoding in "qQ":
        return quopri.decodestring(raw, header=True)
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4))
    except binascii.Error:
        return None


def _text(raw: bytes, charset: str | None) -> str:
    """Decode in the charset that is named (its RFC 2231 language left off), else UTF-8, else Latin-1."""
    for name in ((charset or "utf-8").partition("*")[0], "utf-8"):
        try:
            if codecs.lookup(name).name not in _NO_CHARSETS:
                return raw.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return raw.decode("latin-1")
