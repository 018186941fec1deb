"""The events of query_availability: a question, or the test of a provider."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postroom.availability.fitting import fitted
from postroom.contracts.availability_query import is_test, read_question, read_test
from postroom.errors import InvalidQuestionError
from postroom.model.free_busy import MailboxFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.availability.provider_test import ProviderTesting
    from postroom.availability.query import AvailabilityQuery


@dataclass(frozen=True, slots=True)
class Reported:
    """The answer to an event, and what the function's log says of it: no address and no text of a provider."""

    document: dict[str, Any]
    log: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Availability:
    """Answers events. It raises no PostroomError: what a caller did wrong is an answer, too."""

    query: AvailabilityQuery
    testing: ProviderTesting

    def accept(self, event: Mapping[str, Any], request_id: str) -> Reported:
        """Answer one event; see ``contracts.availability_query``."""
        try:
            return self._test(event, request_id) if is_test(event) else self._ask(event, request_id)
        except InvalidQuestionError as error:
            return Reported({"invalid": str(error)}, {"invalid": str(error)})

    def _ask(self, event: Mapping[str, Any], request_id: str) -> Reported:
        question = read_question(event)
        answered = self.query.answer(question, request_id)
        failures = [result.code.value for result in answered.results if isinstance(result, MailboxFailure)]
        said: dict[str, Any] = {
            "organization_id": question.requester.organization_id,
            "mailboxes": len(answered.results),
            "failures": {code: failures.count(code) for code in dict.fromkeys(failures)},
        }
        if answered.troubles:
            said["troubles"] = list(answered.troubles)
        return Reported(fitted(answered.results), said)

    def _test(self, event: Mapping[str, Any], request_id: str) -> Reported:
        test = read_test(event)
        failure = self.testing.run(test, request_id)
        return Reported({"failure": failure}, {"organization_id": test.organization_id, "test_passed": not failure})
