"""The event of query_availability and its answer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from postroom.contracts import availability_query as wire
from postroom.errors import InvalidQuestionError, StoreUnavailableError
from postroom.model.availability import EwsProvider, LambdaProvider
from postroom.model.free_busy import (
    MAX_MAILBOXES,
    MAX_WINDOW_MS,
    BusyEvent,
    BusyType,
    EventDetails,
    FailureCode,
    InstanceType,
    MailboxAvailability,
    MailboxFailure,
    Question,
    Requester,
    Weekday,
    WorkingHours,
    WorkingPeriod,
    Zone,
    ZoneChange,
)

ORG = "m-" + "0" * 32
QUESTION = Question(
    Requester("ann@example.com", "ann", "m-" + "0" * 32, "u-1", "192.0.2.1"), ("bob@example.com",), 1_000, 2_000
)
ZONE = Zone("CET", -60, ZoneChange(0, "03:00:00", 10, 5, Weekday.SUN), ZoneChange(-60, "02:00:00", 3, 5, Weekday.SUN))
RESULTS = (
    MailboxAvailability(
        "bob@example.com",
        (
            BusyEvent(1, 2, BusyType.OOF),
            BusyEvent(3, 4, BusyType.BUSY, EventDetails("Tea", "Here", InstanceType.EXCEPTION, True, True, False)),
        ),
        WorkingHours(ZONE, (WorkingPeriod((Weekday.MON, Weekday.FRI), 480, 1020),)),
    ),
    MailboxFailure("eve@example.org", FailureCode.SERVER_BUSY, "later"),
    MailboxAvailability("empty@example.com", ()),
)


@pytest.mark.parametrize(
    "question", [QUESTION, replace(QUESTION, requester=replace(QUESTION.requester, origin=None))], ids=["all", "least"]
)
def test_a_question_is_read_as_it_was_written(question: Question) -> None:
    assert wire.read_question(json.loads(wire.write_question(question))) == question


def test_an_answer_is_read_as_it_was_written() -> None:
    documents = [wire.result_document(result) for result in RESULTS]
    assert wire.read_answer(json.dumps(wire.answer_document(documents)).encode()) == RESULTS


def test_a_question_that_was_refused_is_an_error_of_its_own() -> None:
    with pytest.raises(InvalidQuestionError, match="too many"):
        wire.read_answer(b'{"invalid": "too many"}')


TESTS = [
    wire.ProviderTest(ORG, "", LambdaProvider("arn:aws:lambda:us-east-1:123456789012:function:cap")),
    wire.ProviderTest(ORG, "", EwsProvider("https://mail.example.org/EWS/Exchange.asmx", "ann", ""), "s3cr3t"),
    wire.ProviderTest(ORG, "example.org", EwsProvider("https://mail.example.org/", "ann", "v1")),
]


@pytest.mark.parametrize("test", TESTS, ids=["function", "server", "configured server"])
def test_a_test_is_read_as_it_was_written(test: wire.ProviderTest) -> None:
    event = json.loads(wire.write_test(test))
    assert wire.is_test(event)
    assert wire.read_test(event) == test
    assert "s3cr3t" not in repr(test)


def test_a_test_of_another_form_is_refused_without_a_word_of_it() -> None:
    with pytest.raises(InvalidQuestionError) as caught:
        wire.read_test({"test": {"password": "s3cr3t", "provider": 1}})
    assert "s3cr3t" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_the_result_of_a_test_is_read() -> None:
    assert wire.read_failure(b'{"failure": "no"}') == "no"
    with pytest.raises(StoreUnavailableError):
        wire.read_failure(b"{}")


def test_members_of_another_version_are_ignored() -> None:
    document = json.loads(wire.write_question(QUESTION))
    document["new"] = document["requester"]["new"] = 1
    assert wire.read_question(document) == QUESTION


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"mailboxes": []}, "1 to 100 mailboxes"),
        ({"mailboxes": ["a@example.com"] * (MAX_MAILBOXES + 1)}, "1 to 100 mailboxes"),
        ({"mailboxes": ["a" * 321]}, "320 characters"),
        ({"end_ms": 1_000}, "ends after it begins"),
        ({"end_ms": 1_001 + MAX_WINDOW_MS}, "ends after it begins"),
        ({"requester": {}}, r"requester\.email, requester\.organization_id, requester\.user_id"),
        ({"start_ms": "soon"}, "start_ms"),
    ],
)
def test_a_question_outside_its_limits_is_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidQuestionError, match=said):
        wire.read_question(json.loads(wire.write_question(QUESTION)) | changed)


@pytest.mark.parametrize("payload", [b"", b"null", b'{"results": [{"mailbox": "a"}]}', b"\xff"])
def test_an_answer_of_another_form_is_an_error_of_the_store(payload: bytes) -> None:
    with pytest.raises(StoreUnavailableError, match="another form"):
        wire.read_answer(payload)
