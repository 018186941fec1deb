"""Batches of lines within the limits of CloudWatch Logs.

Source of the limits: CloudWatch Logs API reference, PutLogEvents. An emulator may enforce none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.model.limits import DAY_MS

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

TOO_NEW_MS: Final = 2 * 3_600_000
"""Newest line that is taken, in milliseconds after now."""


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
