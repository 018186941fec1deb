"""The tag before a subject."""

from __future__ import annotations

from email.errors import MessageError
from email.header import Header, decode_header, make_header
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .mime import Edit, Part

LONGEST_READ = 8192
"""Characters of a subject that are read; decoding encoded words costs their square."""


def tagged(raw: bytes, message: Part, tag: str) -> Edit | None:
    """Return the edit that puts a tag before the subject; None where the subject has it already."""
    newline = b"\r\n" if b"\r\n" in raw[: message.body_start] else b"\n"
    word = _encoded(tag)
    subject = message.first("subject")
    if subject is None:
        return message.header_end, message.header_end, b"Subject: " + word + newline
    if tag.lower() in _text(subject.value[:LONGEST_READ]).lower():
        return None
    at = raw.index(b":", subject.start) + 1
    if not subject.value.strip():
        return at, at, b" " + word
    first_line = raw.find(b"\n", at) - subject.start
    # A line of its own where both do not fit into one: lines of mail should end at 78 characters (RFC 5322, 2.1.1).
    ending = newline if first_line + len(word) > 76 else b""
    gap = b"" if raw[at : at + 1] in (b" ", b"\t") else b" "
    return at, at, b" " + word + ending + gap


def _encoded(tag: str) -> bytes:
    if tag.isascii():
        return tag.encode()
    # White space between two encoded words is not shown (RFC 2047, 6.2), so that it must be in the first.
    return Header(f"{tag} ", "utf-8", maxlinelen=400).encode().encode()


def _text(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, MessageError, ValueError):
        return value
