"""Questions about free/busy information, and tests of providers, put to query_availability by Lambda's API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws.rule_functions import LambdaRuleFunctions
from postroom.contracts.availability_query import (
    read_answer,
    read_failure,
    write_question,
    write_test,
)
from postroom.errors import StoreUnavailableError
from postroom.model.limits import MAX_ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_lambda import LambdaClient

    from postroom.contracts.availability_query import ProviderTest
    from postroom.model.free_busy import MailboxResult, Question


@dataclass(frozen=True, slots=True)
class LambdaAvailabilityQueries:
    """Implements ``AvailabilityQueries`` and ``ProviderTests``.

    The client must not retry, and must have a read timeout of 27 seconds. ``function`` is the name or ARN.
    """

    client: LambdaClient
    function: str

    def ask(self, question: Question) -> Sequence[MailboxResult]:
        return read_answer(self._invoke(write_question(question)))

    def test(self, test: ProviderTest) -> str:
        return read_failure(self._invoke(write_test(test)))

    def _invoke(self, event: bytes) -> bytes:
        done = LambdaRuleFunctions(self.client, MAX_ANSWER_BYTES * 2).call(self.function, event)
        if done.payload is None:
            # the text may repeat the event, which may hold a password
            raise StoreUnavailableError(f"query_availability did not answer: {done.failure}")
        return done.payload
