"""Retries of facts that a target refused, with a growing delay between attempts.

The queue ends the retries: after its ``maxReceiveCount`` a pointer moves to the dead-letter queue, and park records it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.pointers import FactPointer, Part
from postroom.errors import PostroomError, StoreUnavailableError, UnreadableFactError
from postroom.ledger.projection import Outcome, Projection, Remaining, write_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.facts import Fact
    from postroom.ports.ledger import Ledger
    from postroom.ports.retried import Postponement, Retried

FIRST_RETRY_SECONDS: Final = 60
"""Time between the refusal of a fact and its first retry, in seconds. Ours."""

RETRY_SCHEDULE_SECONDS: Final = (300, 1_800, 7_200, 14_400)
"""Time after the first, second … failed retry, in seconds; the last value holds for all further ones. With the queue's
five attempts a customer has about six and a half hours to repair a log before its facts are parked. Ours."""


@dataclass(frozen=True, slots=True)
class RetryEvents:
    """Projects facts to the targets that their pointers name.

    ``schedule_s`` is ``RETRY_SCHEDULE_SECONDS``, divided by the speed of the stack.
    """

    ledger: Ledger
    projections: Mapping[Part, Projection]
    postponement: Postponement
    schedule_s: Sequence[int] = RETRY_SCHEDULE_SECONDS

    def accept(self, messages: Sequence[Retried], remaining_ms: Remaining) -> Outcome:
        """Project the facts that the messages point at; a message that fails is postponed and named in the outcome."""
        failed: dict[str, str] = {}
        pointers: dict[str, FactPointer] = {}
        facts: dict[FactPointer, Fact] = {}
        for message in messages:
            try:
                pointer = FactPointer.read(message.body)
                pointers[message.id] = pointer
                facts[pointer] = self._fact(pointer)
            except PostroomError as error:
                failed[message.id] = error.cause
        wanted = {
            part: list({fact.id: fact for pointer, fact in facts.items() if part in pointer.parts}.values())
            for part in self.projections
        }
        refused = write_parts(self.projections, wanted, remaining_ms)
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
        """Postpone failed messages; if that fails, the queue's own visibility timeout applies."""
        for message in messages:
            delay_s = self.schedule_s[min(message.receives, len(self.schedule_s)) - 1]
            try:
                self.postponement.postpone(message.receipt, delay_s)
            except StoreUnavailableError:
                return  # the queue does not answer: its visibility timeout applies to the rest as well
