"""The strip of `postroom availability`: for each day and mailbox one character per half hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from postroom.model.free_busy import BusyType, MailboxFailure
from postroom.model.zone_times import epoch_ms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from rich.text import Text

    from postroom.model.free_busy import BusyEvent, MailboxResult

HALF_HOUR_MS: Final = 30 * 60_000

CELLS: Final[Mapping[BusyType | None, tuple[str, str]]] = {
    BusyType.FREE: ("·", "dim"),
    BusyType.TENTATIVE: ("▒", "yellow"),
    BusyType.BUSY: ("█", "red"),
    BusyType.OOF: ("▓", "magenta"),
    None: ("?", "dim"),
}
"""A character and a colour for each type; ``None``: not known."""

LEGEND: Final = "· free  ▒ tentative  █ busy  ▓ out of office  ? not known"

_RANK: Final = (BusyType.FREE, BusyType.TENTATIVE, BusyType.BUSY, BusyType.OOF)
"""What counts in a half hour with several events: the last. Source: Microsoft's EWS reference, MergedFreeBusy."""


def days(start_ms: int, end_ms: int, zone: ZoneInfo) -> Iterator[tuple[str, list[int]]]:
    """Yield the days of a window in a zone, each with the starts of its half hours: 46 to 50 where clocks change."""
    midnight = datetime.fromtimestamp(start_ms / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    while epoch_ms(midnight) < end_ms:
        following = (midnight.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
        yield midnight.strftime("%a %Y-%m-%d"), list(range(epoch_ms(midnight), epoch_ms(following), HALF_HOUR_MS))
        midnight = following


def hours(half_hours: Sequence[int], zone: ZoneInfo) -> str:
    """Return the line of hours above a strip: every third hour, over its first half."""
    line = ""
    for place, at_ms in enumerate(half_hours):
        local = datetime.fromtimestamp(at_ms / 1000, zone)
        if len(line) <= place and local.hour % 3 == 0 and local.minute == 0:
            line = line.ljust(place) + str(local.hour)
    return line


def strip(result: MailboxResult, half_hours: Sequence[int], start_ms: int, end_ms: int) -> Text:
    """Return the strip of one mailbox and one day; half hours outside the window are blank."""
    from rich.text import Text

    made = Text()
    for at_ms in half_hours:
        if at_ms + HALF_HOUR_MS <= start_ms or at_ms >= end_ms:
            made.append(" ")
        else:
            made.append(*CELLS[None if isinstance(result, MailboxFailure) else _type(result.events, at_ms)])
    return made


def _type(events: Sequence[BusyEvent], at_ms: int) -> BusyType:
    types = [
        event.busy_type
        for event in events
        if event.start_ms < at_ms + HALF_HOUR_MS and max(event.end_ms, event.start_ms + 1) > at_ms
    ]
    return max(types, key=_RANK.index, default=BusyType.FREE)
