"""Station 3: what is new in the ledger goes into logs, onto the bus, and into numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from postroom.errors import TemporaryError, UnreadableFactError
from postroom.ledger.counting import count
from postroom.ledger.projection import Outcome, Projection, Remaining, write_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.contracts.between_stations import FactPointer, Part
    from postroom.ports.event_log import LedgerRecord
    from postroom.ports.metrics import Metrics
    from postroom.ports.queues import EventRetries

UNREADABLE: Final = UnreadableFactError("in the ledger's stream").cause

Name = tuple[str, str] | None
"""Trace and key of a record's row; None where they cannot be read."""


@dataclass(frozen=True, slots=True)
class RecordEvents:
    """Projects one batch of the stream. ``delay`` is how many seconds a refused fact waits for its first retry."""

    projections: Mapping[Part, Projection]
    metrics: Metrics
    retries: EventRetries
    delay: int

    def accept(self, records: Sequence[LedgerRecord], remaining: Remaining) -> Outcome:
        """Project records; one that is refused somewhere goes on by itself, so that it delays no other.

        Only what could not be handed to the retry queue, and what has not even a name, is given back to the stream,
        which then hands out all that follows again: those are counted then, and only then.
        """
        facts = [record.fact for record in records if record.fact is not None]
        refused = write_parts(self.projections, dict.fromkeys(self.projections, facts), remaining)
        refused |= {record.pointer: UNREADABLE for record in records if record.pointer is not None}
        lost = {None, *self._hand_on(list(refused))}
        before = list(takewhile(lambda record: _name(record) not in lost, records))
        count((record.fact for record in before if record.fact is not None), self.metrics)
        failed = tuple(record.position for record in records if _name(record) in lost)
        return Outcome(len(facts), refused, failed)

    def _hand_on(self, pointers: Sequence[FactPointer]) -> Sequence[Name]:
        """Send pointers to be retried; return the names of those that may not have arrived."""
        if not pointers:
            return ()
        try:
            self.retries.send(pointers, delay=self.delay)
        except TemporaryError:
            return [(pointer.trace, pointer.key) for pointer in pointers]
        return ()


def _name(record: LedgerRecord) -> Name:
    named = record.fact or record.pointer
    return (named.trace, named.key) if named else None
