"""Questions to query_availability, and tests of providers through it, in memory and through Lambda's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws import clients
from postroom.adapters.aws.availability_queries import LambdaAvailabilityQueries
from postroom.adapters.memory.availability_queries import MemoryAvailabilityQueries
from postroom.contracts.availability_query import ProviderTest
from postroom.errors import InvalidQuestionError, StoreUnavailableError
from postroom.model.availability import EwsProvider
from postroom.model.free_busy import FailureCode, MailboxFailure, Question, Requester
from tests.support.local_lambda import LocalLambda, local_function

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from postroom.model.free_busy import MailboxResult

ORG = "m-" + "0" * 32
CODE = """
def handler(event, context):
    if "test" in event:
        if event["test"]["password"] == "raise": raise ValueError(event["test"]["password"])
        return {"failure": "no" if event["test"]["password"] == "wrong" else ""}
    mailboxes = event["mailboxes"]
    if mailboxes == ["invalid"]: return {"invalid": "too many"}
    if mailboxes == ["raise"]: raise ValueError(event)
    if mailboxes == ["other"]: return {"answers": []}
    return {"results": [{"mailbox": each, "code": "ErrorServerBusy", "message": "\\u00e4"} for each in mailboxes]}
"""


def question(*mailboxes: str) -> Question:
    return Question(Requester("ann@acme.test", "ann", ORG, "u"), mailboxes, 0, 1)


def answer(asked: Question) -> Sequence[MailboxResult]:
    """Do what ``CODE`` does."""
    match asked.mailboxes:
        case ("invalid",):
            raise InvalidQuestionError("too many")
        case ("raise",) | ("other",):
            raise StoreUnavailableError("query_availability did not answer")
        case _:
            return tuple(MailboxFailure(each, FailureCode.SERVER_BUSY, "ä") for each in asked.mailboxes)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalLambda]:
    with local_function("query", CODE, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(params=["memory", "aws"])
def queries(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryAvailabilityQueries(answer)
    request.getfixturevalue("service")
    return LambdaAvailabilityQueries(clients.availability_queries(), "query")


def test_a_question_is_answered(queries: Any) -> None:
    asked = question("a@x.test", "b@x.test")
    assert tuple(queries.ask(asked)) == answer(asked)


def test_a_question_outside_its_limits_is_refused(queries: Any) -> None:
    with pytest.raises(InvalidQuestionError, match="too many"):
        queries.ask(question("invalid"))


@pytest.mark.parametrize("mailbox", ["raise", "other"])
def test_without_an_answer_a_retry_may_succeed(queries: Any, mailbox: str) -> None:
    with pytest.raises(StoreUnavailableError, match="query_availability") as caught:
        queries.ask(question(mailbox))
    assert "ann@acme.test" not in str(caught.value)


class TestProviders:
    @staticmethod
    def of(password: str) -> ProviderTest:
        return ProviderTest(ORG, "", EwsProvider("https://mail.example.net/EWS/Exchange.asmx", "u", ""), password)

    def test_a_test_has_a_result(self, queries: Any) -> None:
        if isinstance(queries, MemoryAvailabilityQueries):
            queries.failure = "no"
        assert queries.test(self.of("wrong")) == "no"

    def test_an_error_does_not_tell_the_password(self, service: LocalLambda) -> None:
        with pytest.raises(StoreUnavailableError) as caught:
            LambdaAvailabilityQueries(clients.availability_queries(), "query").test(self.of("raise"))
        assert "raise" not in str(caught.value)

    def test_a_function_that_is_gone_is_an_error_of_the_store(self, service: LocalLambda) -> None:
        with pytest.raises(StoreUnavailableError, match="NOT_FOUND"):
            LambdaAvailabilityQueries(clients.availability_queries(), "gone").ask(question("a@x.test"))
