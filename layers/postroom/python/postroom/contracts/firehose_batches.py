"""Batches of lines within the limits of Firehose. An emulator may enforce none of them.

Source of the limits: Amazon Data Firehose API reference, PutRecordBatch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postroom.model.log_lines import LogLine

MAX_BATCH_RECORDS: Final = 500
"""Most records per call."""

MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
"""Largest call, in bytes of its records before base64."""

MAX_RECORD_BYTES: Final = 1_000 * 1024
"""Largest record, in bytes before base64, its line end included."""


def record_of(line: LogLine) -> bytes:
    """Return a line as a record: it ends with a newline, because Firehose puts records together without any."""
    return f"{line.text}\n".encode()


def batches(lines: Iterable[LogLine]) -> Iterator[list[LogLine]]:
    """Divide lines, none larger than a record, into calls, in their order. No call exceeds a limit."""
    batch: list[LogLine] = []
    size = 0
    for line in lines:
        bytes_of_line = len(record_of(line))
        if batch and (len(batch) >= MAX_BATCH_RECORDS or size + bytes_of_line > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += bytes_of_line
    if batch:
        yield batch
