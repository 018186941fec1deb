"""Questions about free/busy information, for functions that do not look into calendars themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.availability_query import ProviderTest
    from postroom.model.free_busy import MailboxResult, Question


class AvailabilityQueries(Protocol):
    """Asks query_availability. Suite: tests/contract/test_availability_queries.py."""

    def ask(self, question: Question) -> Sequence[MailboxResult]:
        """Return one result per mailbox of the question, in its order, within 27 seconds.

        Raises:
            InvalidQuestionError: the question is outside its limits.
            StoreUnavailableError: the function did not answer, or failed; a retry may succeed.
        """


class ProviderTests(Protocol):
    """Tests providers through query_availability. Suite: tests/contract/test_availability_queries.py."""

    def test(self, test: ProviderTest) -> str:
        """Return why a provider failed its test, in words for an administrator; empty if it passed.

        Raises:
            StoreUnavailableError: the function did not answer, or failed; a retry may succeed.
        """
