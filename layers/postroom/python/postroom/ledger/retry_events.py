"""Station 3 again: facts that were refused somewhere, with growing gaps between the attempts.

Who gives up is the queue: after its ``maxReceiveCount`` a pointer goes to the dead-letter queue, where park records it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.between_stations import FactPointer, Part, read_pointer
from postroom.errors import PostroomError, StoreUnavailableError, UnreadableFactError
from postroom.ledger.projection import Outcome, Projection, Remaining, write_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.facts import Fact
    from postroom.ports.retried import Postponement, Retried
    from postroom.ports.transit import Ledger

FIRST_GAP: Final = 60
"""Seconds between a fact's refusal and its first retry. Ours."""

GAPS: Final = (300, 1_800, 7_200, 14_400)
"""Seconds after the first, second … failed retry; the last for all that follow. With the queue's five attempts an owner
has about six and a half hours to mend a log before its facts are parked. Ours."""


@dataclass(frozen=True, slots=True)
class RetryEvents:
    """Projects pointed-at facts, only where the pointer says. ``gaps`` is ``GAPS``, divided by the stack's speed."""

    ledger: Ledger
    projections: Mapping[Part, Projection]
    postponement: Postponement
    gaps: Sequence[int] = GAPS

    def accept(self, messages: Sequence[Retried], remaining: Remaining) -> Outcome:
        """Project what the messages point at; those that fail are postponed and named in the outcome."""
        failed: dict[str, str] = {}
        pointers: dict[str, FactPointer] = {}
        facts: dict[FactPointer, Fact] = {}
        for message in messages:
            try:
                pointer = read_pointer(message.body)
                pointers[message.id] = pointer
                facts[pointer] = self._fact(pointer)
            except PostroomError as error:
                failed[message.id] = error.cause
        wanted = {
            part: list({fact.id: fact for pointer, fact in facts.items() if part in pointer.parts}.values())
            for part in self.projections
        }
        refused = write_parts(self.projections, wanted, remaining)
        causes = {(pointer.trace, pointer.key): cause for pointer, cause in refused.items()}
        for message_id, pointer in pointers.items():
            if pointer in facts and (pointer.trace, pointer.key) in causes:
                failed[message_id] = causes[pointer.trace, pointer.key]
        self._postpone([message for message in messages if message.id in failed])
        return Outcome(
            len(facts),
            {pointers[message_id]: cause for message_id, cause in failed.items() if message_id in pointers},
            tuple(message.id for message in messages if message.id in failed),
        )

    def _fact(self, pointer: FactPointer) -> Fact:
        fact = self.ledger.fact(pointer.trace, pointer.key)
        if fact is None:
            raise UnreadableFactError("the ledger has no such fact")
        return fact

    def _postpone(self, messages: Sequence[Retried]) -> None:
        """Let failed messages come again later; one that cannot be postponed comes after the queue's own time-out."""
        for message in messages:
            gap = self.gaps[min(message.receives, len(self.gaps)) - 1]
            try:
                self.postponement.postpone(message.receipt, gap)
            except StoreUnavailableError:
                return  # the queue does not answer: its own time-out holds for the rest, too
