"""Batches of lines within the limits of CloudWatch Logs.

Source of the limits: CloudWatch Logs API reference, PutLogEvents. An emulator may enforce none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.model.limits import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postroom.model.log_lines import LogLine

MAX_BATCH_LINES: Final = 10_000
"""Most lines per call."""

MAX_BATCH_BYTES: Final = 1_048_576
"""Largest call, in bytes: each line's UTF-8 and its overhead."""

LINE_OVERHEAD_BYTES: Final = 26
"""Bytes that the service adds to the size of each line."""

MAX_BATCH_SPAN_MS: Final = DAY_MS
"""Time between the first and the last line of a call, in milliseconds; a call stays below it."""

MAX_LINE_BYTES: Final = 262_144 - LINE_OVERHEAD_BYTES
"""Longest line, in bytes of UTF-8. Ours: the service's limit until 2025; subscribers and emulators still have it."""

TOO_OLD_MS: Final = 14 * DAY_MS
"""Oldest line that is taken, in milliseconds before now."""

TOO_NEW_MS: Final = 2 * HOUR_MS
"""Newest line that is taken, in milliseconds after now."""

EDGE_MS: Final = 60_000
"""Time around the oldest and the newest time that is taken, in milliseconds, in which the service decides by its own
clock. Ours."""

SHORTEST_RETENTION_MS: Final = DAY_MS
"""Shortest retention of a log group, in milliseconds. Source: CloudWatch Logs API reference, PutRetentionPolicy."""


def may_expire(line: LogLine, now_ms: int) -> bool:
    """Say whether a line may be older than the retention of a log group."""
    return line.at_ms < now_ms - SHORTEST_RETENTION_MS + EDGE_MS


@dataclass(slots=True)
class Aged:
    """Lines by what the service says of their time, each in the order of time.

    Attributes:
        certain: lines that are taken.
        alone: lines of which only the service knows; each is written with a call of its own. The index of a rejected
            line is exclusive on AWS and inclusive in emulators, and some name the last line that is too new instead of
            the first. An answer for one line is the same in all readings.
        too_old: lines that are never taken.
        too_new: lines that are taken later.
    """

    certain: list[LogLine] = field(default_factory=list)
    alone: list[LogLine] = field(default_factory=list)
    too_old: list[LogLine] = field(default_factory=list)
    too_new: list[LogLine] = field(default_factory=list)


def aged(lines: Iterable[LogLine], now_ms: int, retention_ms: int | None = None) -> Aged:
    """Tell lines apart by their time; ``retention_ms`` is that of the log group, None if it never expires."""
    oldest = now_ms - min(TOO_OLD_MS, TOO_OLD_MS if retention_ms is None else retention_ms)
    newest = now_ms + TOO_NEW_MS
    told = Aged()
    for line in sorted(lines, key=lambda line: line.at_ms):
        if line.at_ms < oldest - EDGE_MS:
            told.too_old.append(line)
        elif line.at_ms > newest + EDGE_MS:
            told.too_new.append(line)
        elif line.at_ms < oldest + EDGE_MS or line.at_ms > newest - EDGE_MS:
            told.alone.append(line)
        else:
            told.certain.append(line)
    return told


def batches(lines: Iterable[LogLine], max_lines: int = MAX_BATCH_LINES) -> Iterator[list[LogLine]]:
    """Divide lines into calls, ordered by time. No call exceeds a limit; no line is left out."""
    batch: list[LogLine] = []
    size = 0
    for line in sorted(lines, key=lambda line: line.at_ms):
        bytes_of_line = len(line.text.encode()) + LINE_OVERHEAD_BYTES
        if batch and (
            len(batch) >= max_lines
            or size + bytes_of_line > MAX_BATCH_BYTES
            or line.at_ms - batch[0].at_ms >= MAX_BATCH_SPAN_MS
        ):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += bytes_of_line
    if batch:
        yield batch
