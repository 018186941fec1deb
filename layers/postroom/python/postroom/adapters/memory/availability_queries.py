"""Questions about free/busy information in memory: a callable answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.contracts.availability_query import ProviderTest
    from postroom.model.free_busy import MailboxResult, Question


@dataclass(slots=True)
class MemoryAvailabilityQueries:
    """Implements ``AvailabilityQueries`` and ``ProviderTests``.

    Attributes:
        answer: answers a question; ``None``: the function does not answer.
        failure: the result of every test.
        asked: every question, in order.
        tested: every test, in order.
    """

    answer: Callable[[Question], Sequence[MailboxResult]] | None = None
    failure: str = ""
    asked: list[Question] = field(default_factory=list)
    tested: list[ProviderTest] = field(default_factory=list)

    def ask(self, question: Question) -> Sequence[MailboxResult]:
        self.asked.append(question)
        if self.answer is None:
            raise StoreUnavailableError("query_availability did not answer: UNAVAILABLE")
        return self.answer(question)

    def test(self, test: ProviderTest) -> str:
        self.tested.append(test)
        return self.failure
