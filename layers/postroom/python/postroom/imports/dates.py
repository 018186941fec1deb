"""When a message was received: from an mbox file's From_ line, or from the message."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from postroom.mime.header_fields import HeaderFields

_HEAD_BYTES: Final = 64 * 1024
_MAX_DATE_BYTES: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1
    )
}
_ZONE: Final = rb"(?:[+-]\d{4}|[A-Za-z]{1,5}(?:[ \t]+DST)?)"
_FROM_DATE: Final = re.compile(
    rb"[ \t](?:mon|tue|wed|thu|fri|sat|sun),?[ \t]+([a-z]{3})[ \t]+(\d{1,2}),?[ \t]+(\d{1,2}):(\d{2})(?::(\d{2}))?"
    rb"(?:[ \t]+(" + _ZONE + rb"))?[ \t]+(\d{4}|\d{2})(?:[ \t]+(" + _ZONE + rb"))?(?![0-9])",
    re.IGNORECASE,
)
"""``Sat Jan  3 01:05:34 1996``, without seconds, with a zone before or after the year."""

_ZONES: Final = {b"est": -5, b"edt": -4, b"cst": -6, b"cdt": -5, b"mst": -7, b"mdt": -6, b"pst": -8, b"pdt": -7}
"""Hours from UTC. Source: RFC 5322, 4.3. Other names mean UTC, as there and in RFC 4155."""


def from_line_date(line: bytes) -> int | None:
    """Return the date of a From_ line in milliseconds since the epoch; UTC where no offset is known.

    Source: asctime; RFC 4155; Gmail's Takeout writes ``Mon Mar 01 12:34:56 +0000 2021``. Two digits of a year are 1970
    to 2069, as neomutt's mbox(5) says.
    """
    found = list(_FROM_DATE.finditer(line[-_MAX_DATE_BYTES:].rstrip()))
    if not found:
        return None
    month, day, hour, minute, second, before, year, after = found[-1].groups()
    number = int(year)
    if len(year) == 2:
        number += 1900 if number >= 70 else 2000
    try:
        at = datetime(
            number, _MONTHS[month.lower()], int(day), int(hour), int(minute), min(int(second or 0), 59), tzinfo=UTC
        )
        return _milliseconds(at - _offset(before or after or b""))
    except (KeyError, ValueError, OverflowError):
        return None


def message_date(content: bytes) -> int | None:
    """Return when a message says that it was received, else when it was written; in milliseconds since the epoch."""
    fields = HeaderFields(content[:_HEAD_BYTES])
    received = fields.first("received")
    for value in (received.rpartition(b";")[2] if received else None, fields.first("date")):
        if value is not None and (date := _field_date(value)) is not None:
            return date
    return None


def _field_date(value: bytes) -> int | None:
    text = " ".join(value[-_MAX_DATE_BYTES:].decode("ascii", "replace").split())
    try:
        at = parsedate_to_datetime(text)
        return _milliseconds(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _offset(zone: bytes) -> timedelta:
    if zone[:1] in (b"+", b"-") and zone:
        size = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
        return size if zone[:1] == b"+" else -size
    return timedelta(hours=_ZONES.get(zone.lower(), 0))


def _milliseconds(at: datetime) -> int:
    return (at.astimezone(UTC) - _EPOCH) // _MILLISECOND
