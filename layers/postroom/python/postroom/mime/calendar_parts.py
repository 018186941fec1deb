"""Finds the part of a message that carries an iTIP object: ``text/calendar`` with a method (RFC 6047, 2.4).

A calendar that is only attached has no method: it changes no calendar.
"""

from __future__ import annotations

import binascii
import quopri
import re
from dataclasses import dataclass
from email.errors import MessageError
from email.utils import collapse_rfc2231_value
from typing import TYPE_CHECKING, Final

from postroom.errors import MalformedMimeError
from postroom.mime import charsets
from postroom.mime.structure import PartBody, bodies
from postroom.model.limits import MB

if TYPE_CHECKING:
    from email.message import Message

MAX_CALENDAR_BYTES: Final = MB
"""Largest calendar part that is read, in bytes after its transfer encoding. Ours."""

_MAX_ENCODED_BYTES: Final = 4 * MAX_CALENDAR_BYTES
"""Quoted-printable may take three bytes for one, and line ends."""

_SUBTYPE: Final = re.compile(rb"/[cC][aA][lL][eE][nN][dD][aA][rR]")
"""Begins with a rare byte: a search that ignores case takes seven times as long (25 MB/s base64, Python 3.11)."""

_MAX_METHOD_CHARACTERS: Final = 40
"""Longest method that is told in a fact. Ours."""


@dataclass(frozen=True, slots=True)
class CalendarPart:
    """``method``: upper-case, as the part's Content-Type says; ``content``: the calendar in UTF-8."""

    method: str
    content: bytes


def has_calendar_part(content: bytes) -> bool:
    """Return whether a message has a calendar part with a method; also if its parts cannot be read, but may have one.

    Nearly all mail is answered by one search through its bytes.
    """
    if _SUBTYPE.search(content) is None:
        return False
    try:
        return _found(content) is not None
    except MalformedMimeError:
        return True


def calendar_part(content: bytes) -> CalendarPart | None:
    """Return the first calendar part with a method.

    Raises:
        MalformedMimeError: the parts of the message cannot be read, or the calendar part cannot be decoded, or has more
            than ``MAX_CALENDAR_BYTES``.
    """
    found = _found(content)
    if found is None:
        return None
    body, method = found
    if body.end - body.start > _MAX_ENCODED_BYTES:
        raise MalformedMimeError(f"a calendar part of more than {MAX_CALENDAR_BYTES} bytes")
    decoded = _decoded(content[body.start : body.end], _field(body.fields, "content-transfer-encoding"))
    if len(decoded) > MAX_CALENDAR_BYTES:
        raise MalformedMimeError(f"a calendar part of more than {MAX_CALENDAR_BYTES} bytes")
    return CalendarPart(method, _in_utf8(decoded, _parameter(body.fields, "charset")))


def _found(content: bytes) -> tuple[PartBody, str] | None:
    for body in bodies(content):
        if body.part.content_type == "text/calendar":
            method = _parameter(body.fields, "method").upper()[:_MAX_METHOD_CHARACTERS]
            if method:
                return body, method
    return None


def _decoded(encoded: bytes, encoding: str) -> bytes:
    match encoding:
        case "base64":
            try:
                return binascii.a2b_base64(encoded)
            except binascii.Error as error:
                raise MalformedMimeError("a calendar part that is no base64") from error
        case "quoted-printable":
            return quopri.decodestring(encoded)
        case "" | "7bit" | "8bit" | "binary":
            return encoded
        case _:
            raise MalformedMimeError("a calendar part in an unknown transfer encoding")


def _in_utf8(content: bytes, charset: str) -> bytes:
    """Return the calendar in UTF-8, which is iCalendar's default (RFC 5545, 3.1.4); UTF-8 stays as it is."""
    encoding = charsets.encoding_of(charset) if charset else "utf-8"
    if encoding in ("utf-8", None) or _is_utf8(content):
        return content
    return charsets.decode(content, encoding).encode("utf-8", "replace")


def _is_utf8(content: bytes) -> bool:
    """Return whether the bytes are UTF-8: some mailers label such text us-ascii or iso-8859-1."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _field(fields: Message, name: str) -> str:
    return str(fields.get(name, "")).strip().lower()


def _parameter(fields: Message, name: str) -> str:
    """Return a parameter of Content-Type; empty without one.

    Raises:
        MalformedMimeError: the library cannot read the field.
    """
    try:
        return collapse_rfc2231_value(fields.get_param(name, "") or "").strip()
    except (LookupError, MessageError, TypeError, ValueError) as error:
        raise MalformedMimeError("a Content-Type that is not valid") from error
