"""SubmitRawMessage through a stock boto3 client that was taught our operations."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError

from postroom.adapters.aws import clients

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIL = b"From: ann@example.com\r\nTo: carl@example.org\r\n\r\nHello \xff\r\n"


@pytest.fixture
def answers(aws: None) -> Iterator[list[Any]]:
    """What the function submit answers; its events are added."""
    hooks: Any = clients.submissions().meta.events
    found: list[Any] = [{"trace": "t-1", "message_id": "<1@example.com>"}]

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        found.append(json.loads(cast("bytes", request.body)))
        payload: Any = io.BytesIO(json.dumps(found[0]).encode())
        headers: Any = {"x-amzn-RequestId": "r"}
        return AWSResponse(request.url, 200, headers, payload)

    hooks.register("before-send.lambda.Invoke", answer)
    yield found
    hooks.unregister("before-send.lambda.Invoke", answer)


@pytest.fixture
def ann(workmail: Any, acme: str) -> str:
    made: str = workmail.create_user(OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
    return made


def test_bytes_arrive_as_they_are_and_the_client_makes_a_token(
    taught_workmail: Any, acme: str, ann: str, answers: list[Any]
) -> None:
    said = taught_workmail.submit_raw_message(OrganizationId=acme, UserId="ann", RawMessage=MAIL)
    assert (said["TraceId"], said["MessageId"]) == ("t-1", "<1@example.com>")
    _, event = answers
    assert (event["user_id"], base64.b64decode(event["content"])) == (ann, MAIL)
    assert len(event["token"]) > len("API:")


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("NOT_ENABLED", "EntityStateException"),
        ("NOT_ALLOWED", "UnsupportedOperationException"),
        ("QUOTA_EXCEEDED", "LimitExceededException"),
        ("MALFORMED", "InvalidParameterException"),
        ("ONLY_A_NEWER_VERSION_KNOWS_IT", "InvalidParameterException"),
    ],
)
def test_refusals_are_exceptions_of_the_model(
    taught_workmail: Any, acme: str, ann: str, answers: list[Any], reason: str, code: str
) -> None:
    answers[0] = {"refusal": {"reason": reason, "text": "because"}}
    with pytest.raises(getattr(taught_workmail.exceptions, code), match="Because"):
        taught_workmail.submit_raw_message(OrganizationId=acme, UserId=ann, RawMessage=MAIL)


@pytest.fixture
def standard_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")


@pytest.mark.parametrize(("reason", "calls"), [("QUOTA_EXCEEDED", 3), ("NOT_ENABLED", 1)])
def test_clients_in_standard_mode_repeat_a_limit_with_the_same_token(
    standard_retries: None, taught_workmail: Any, acme: str, ann: str, answers: list[Any], reason: str, calls: int
) -> None:
    """botocore's standard mode takes LimitExceededException for throttling, whatever the status is (docs/parity.md)."""
    answers[0] = {"refusal": {"reason": reason, "text": "because"}}
    with pytest.raises(ClientError):
        taught_workmail.submit_raw_message(OrganizationId=acme, UserId=ann, RawMessage=MAIL)
    _, *events = answers
    assert (len(events), len({event["token"] for event in events})) == (calls, 1)


def test_an_unknown_user_is_an_exception_of_the_model(taught_workmail: Any, acme: str, answers: list[Any]) -> None:
    with pytest.raises(taught_workmail.exceptions.EntityNotFoundException, match="nobody"):
        taught_workmail.submit_raw_message(OrganizationId=acme, UserId="nobody", RawMessage=MAIL)


def test_without_an_answer_the_client_may_try_again(
    taught_workmail: Any, acme: str, ann: str, answers: list[Any]
) -> None:
    answers[0] = {"unavailable": "no table"}
    with pytest.raises(taught_workmail.exceptions.ClientError) as caught:
        taught_workmail.submit_raw_message(OrganizationId=acme, UserId=ann, RawMessage=MAIL)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
