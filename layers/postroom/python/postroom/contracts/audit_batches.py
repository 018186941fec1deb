"""Batches of audit lines within the limits of each kind of destination. No emulator enforces any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.contracts import audit_objects, firehose_batches, log_batches
from postroom.model.audit_deliveries import DestinationKind
from postroom.model.log_lines import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from postroom.model.log_lines import LogLine

BATCHES: Final[Mapping[DestinationKind, Callable[[Iterable[LogLine]], Iterator[list[LogLine]]]]] = {
    DestinationKind.CLOUDWATCH_LOGS: log_batches.batches,
    DestinationKind.S3: audit_objects.batches,
    DestinationKind.FIREHOSE: firehose_batches.batches,
}

LONGEST: Final[Mapping[DestinationKind, int]] = {
    DestinationKind.CLOUDWATCH_LOGS: log_batches.MAX_LINE_BYTES,
    DestinationKind.FIREHOSE: firehose_batches.MAX_RECORD_BYTES - 1,
}
"""Longest line, in bytes of UTF-8 without its line end. An object has no such limit."""


def batches(kind: DestinationKind, lines: Iterable[LogLine]) -> Iterator[list[LogLine]]:
    """Divide lines, none too long, into calls; no line is left out."""
    return BATCHES[kind](lines)


def too_long(kind: DestinationKind, lines: Sequence[LogLine]) -> dict[str, Refusal]:
    """Return the lines that no call of a destination can have, by id."""
    limit = LONGEST.get(kind)
    if limit is None:
        return {}
    refusal = Refusal(f"the record is longer than {limit} bytes, which its destination does not take", final=True)
    return {line.id: refusal for line in lines if len(line.text.encode()) > limit}
