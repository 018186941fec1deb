"""Writes new facts of the ledger to event logs, the event bus and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from postroom.errors import TemporaryError, UnreadableFactError
from postroom.ledger.counting import count
from postroom.ledger.projection import Outcome, Projection, Remaining, write_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.contracts.pointers import FactPointer, Part
    from postroom.ports.event_log import LedgerRecord
    from postroom.ports.metrics import Metrics
    from postroom.ports.queues import Queues

UNREADABLE: Final = UnreadableFactError("in the ledger's stream").cause

Name = tuple[str, str] | None
"""Trace and key of a record's row; None if they cannot be read."""


@dataclass(frozen=True, slots=True)
class RecordEvents:
    """Projects one batch of the stream. ``delay_s`` is the time in seconds from a refusal to the first retry."""

    projections: Mapping[Part, Projection]
    metrics: Metrics
    queues: Queues
    delay_s: int

    def accept(self, records: Sequence[LedgerRecord], remaining_ms: Remaining) -> Outcome:
        """Project records; a fact that a target refuses is sent to the retry queue, so that it delays no other.

        A record fails only if its pointer could not be sent to the retry queue, or if its trace and key cannot be
        read. The stream then returns it and all records after it again. Those are counted then, not now.
        """
        facts = [record.fact for record in records if record.fact is not None]
        refused = write_parts(self.projections, dict.fromkeys(self.projections, facts), remaining_ms)
        refused |= {record.pointer: UNREADABLE for record in records if record.pointer is not None}
        failing = {None, *self._send(list(refused))}
        before = list(takewhile(lambda record: _name(record) not in failing, records))
        count((record.fact for record in before if record.fact is not None), self.metrics)
        failed = tuple(record.position for record in records if _name(record) in failing)
        return Outcome(len(facts), refused, failed)

    def _send(self, pointers: Sequence[FactPointer]) -> Sequence[Name]:
        """Send pointers to the retry queue; return the names of those that may not have arrived."""
        if not pointers:
            return ()
        try:
            self.queues.send(pointers, delay_s=self.delay_s)
        except TemporaryError:
            return [(pointer.trace, pointer.key) for pointer in pointers]
        return ()


def _name(record: LedgerRecord) -> Name:
    named = record.fact or record.pointer
    return (named.trace, named.key) if named else None
