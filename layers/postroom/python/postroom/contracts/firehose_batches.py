"""Batches of lines within the limits of Firehose. An emulator may enforce none of them.

Source of the limits: Amazon Data Firehose API reference, PutRecordBatch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.contracts import batching

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
    return batching.batches(
        lines, lambda line: len(record_of(line)), max_bytes=MAX_BATCH_BYTES, max_items=MAX_BATCH_RECORDS
    )
