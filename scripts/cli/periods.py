"""Points in time as people write them: a time, or how long ago."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cli.errors import UsageError
from postroom.model.zone_times import epoch_ms

if TYPE_CHECKING:
    from datetime import tzinfo

_AGO: Final = re.compile(r"(\d{1,6})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def moment(text: str, local: tzinfo) -> datetime:
    """Read an ISO 8601 time or day, in the zone ``local`` without an offset; return it in UTC.

    Raises:
        UsageError: it is neither, or outside of the years 1 to 9999.
    """
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=local)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"not an ISO 8601 time or day: {text}") from error


def since_ms(text: str) -> int:
    """Read an ISO 8601 time or day, in UTC without an offset, or how long ago: 30m, 2h, 7d; in milliseconds.

    Raises:
        UsageError: it is none of these.
    """
    if ago := _AGO.fullmatch(text.strip()):
        return max(time.time_ns() // 1_000_000 - int(ago[1]) * _SECONDS[ago[2]] * 1000, 0)
    try:
        return epoch_ms(moment(text.strip(), UTC))
    except UsageError as error:
        raise UsageError(f"not a time, nor 30m, 2h or 7d: {text}") from error
