"""Values of properties: times, lengths and offsets (RFC 5545, 3.3). Errors say what is wrong and quote nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from postroom.calendars.entry import Length
from postroom.errors import InvalidCalendarError
from postroom.model.limits import DAY_S

if TYPE_CHECKING:
    from postroom.calendars.lines import Property

FIRST_YEAR: Final = 1601
LAST_YEAR: Final = 9000
"""Years in which an event may be. Ours."""

MAX_LENGTH_S: Final = 100 * 366 * DAY_S
"""Longest event, in seconds. Ours."""

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the wall clock has no zone
_TIME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", re.ASCII)
_DURATION: Final = re.compile(
    r"([+-]?)P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,8})H)?(?:(\d{1,8})M)?(?:(\d{1,10})S)?)?", re.ASCII
)
_OFFSET: Final = re.compile(r"([+-]?)(\d\d):?(\d\d):?(\d\d)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class When:
    """A DATE or DATE-TIME as it is written.

    Attributes:
        wall_s: midnight for a date.
        zone_id: TZID; None for a date, a floating time and UTC.
    """

    wall_s: int
    is_date: bool = False
    is_utc: bool = False
    zone_id: str | None = None


def when(value: str, zone_id: str | None, *, first_year: int = FIRST_YEAR) -> When:
    """Read a DATE or DATE-TIME; its form decides, not VALUE. A TZID beside UTC counts for nothing (3.2.19).

    Raises:
        InvalidCalendarError: neither of both, or a year that is not read.
    """
    match = _TIME.fullmatch(value.strip())
    if not match:
        raise InvalidCalendarError("a time that is neither DATE nor DATE-TIME")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    if not first_year <= year <= LAST_YEAR:
        raise InvalidCalendarError(f"a time outside the years {first_year} to {LAST_YEAR}")
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001 - 60 is a leap second
    except ValueError:
        raise InvalidCalendarError("a time that no calendar has") from None
    gone = moment - _EPOCH
    wall_s, is_date, is_utc = gone.days * DAY_S + gone.seconds, match[4] is None, match[7] == "Z"
    return When(wall_s, is_date, is_utc, None if is_date or is_utc else zone_id)


def when_of(found: Property) -> When:
    """Read a property's only time, as ``when``."""
    return when(found.value, found.parameters.get("TZID"))


def whens_of(found: Property) -> list[tuple[When, str]]:
    """Read a property's list of times; with each, what follows it in a period (an end or a length), or nothing."""
    zone_id = found.parameters.get("TZID")
    pairs = (part.partition("/") for part in found.value.split(",") if part.strip())
    return [(when(start, zone_id), end.strip()) for start, _, end in pairs]


def duration(value: str) -> Length:
    """Read a DURATION: weeks and days are nominal, the rest is exact (3.3.6).

    Raises:
        InvalidCalendarError: no duration, a negative one, or longer than ``MAX_LENGTH_S``.
    """
    match = _DURATION.fullmatch(value.strip())
    if not match or value.strip().endswith(("P", "T")):
        raise InvalidCalendarError("a DURATION that cannot be read")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    length = Length((weeks * 7 + days) * DAY_S, hours * 3600 + minutes * 60 + seconds)
    if match[1] == "-" and length != Length():
        raise InvalidCalendarError("an event that ends before it begins")
    return checked(length)


def checked(length: Length) -> Length:
    """Return a length that is within ``MAX_LENGTH_S``.

    Raises:
        InvalidCalendarError: it is not.
    """
    if length.total_s > MAX_LENGTH_S:
        raise InvalidCalendarError("an event of more than a hundred years")
    return length


def offset(value: str) -> int:
    """Read a UTC-OFFSET, in seconds.

    Raises:
        InvalidCalendarError: no offset, or a day and more.
    """
    match = _OFFSET.fullmatch(value.strip())
    if not match:
        raise InvalidCalendarError("an offset of a time zone that cannot be read")
    seconds = int(match[2]) * 3600 + int(match[3]) * 60 + int(match[4] or 0)
    if seconds >= DAY_S or int(match[3]) > 59:
        raise InvalidCalendarError("an offset of a time zone that cannot be read")
    return -seconds if match[1] == "-" else seconds
