"""MergedFreeBusy: one digit per interval of a window, the strongest type of the events in it.

Source: Microsoft's EWS reference, MergedFreeBusy: 0 free, 1 tentative, 2 busy, 3 out of office, 4 no data. The order of
strength is that of the digits: ours, as Outlook shows it. The last interval may end after the window.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from postroom.model.free_busy import BusyEvent, BusyType

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIGITS: Final = {BusyType.FREE: b"0", BusyType.TENTATIVE: b"1", BusyType.BUSY: b"2", BusyType.OOF: b"3"}
_READ: Final = {"1": BusyType.TENTATIVE, "2": BusyType.BUSY, "3": BusyType.OOF, "4": BusyType.BUSY}
"""A time of which the server knows nothing counts as busy, as in ``free_busy``."""


def merged_free_busy(events: Iterable[BusyEvent], start_ms: int, end_ms: int, interval_minutes: int) -> str:
    """Return the digits of a window; an event that takes no time marks nothing."""
    interval_ms = interval_minutes * 60_000
    count = -(-(end_ms - start_ms) // interval_ms)
    digits = bytearray(b"0" * count)
    for event in sorted(events, key=lambda event: _DIGITS[event.busy_type]):
        first = max(0, (event.start_ms - start_ms) // interval_ms)
        after = min(count, -(-(event.end_ms - start_ms) // interval_ms))
        if event.start_ms < event.end_ms and first < after:
            digits[first:after] = _DIGITS[event.busy_type] * (after - first)
    return digits.decode("ascii")


def periods(digits: str, start_ms: int, end_ms: int, interval_minutes: int) -> list[BusyEvent]:
    """Return an event without details for each run of digits other than 0.

    Raises:
        ValueError: there are other characters, or the digits do not cover the window.
    """
    interval_ms = interval_minutes * 60_000
    if not re.fullmatch("[0-4]+", digits) or abs(len(digits) * interval_ms - (end_ms - start_ms)) >= interval_ms:
        raise ValueError("MergedFreeBusy does not have a digit per interval of the window")
    return [
        BusyEvent(start_ms + run.start() * interval_ms, start_ms + run.end() * interval_ms, _READ[run[0][0]])
        for run in re.finditer("1+|2+|3+|4+", digits)
    ]
