"""Bounce messages, in memory and by SES alike; and what each of SES's refusals means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import ANY, Stubber
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from postroom.adapters.aws import clients
from postroom.adapters.aws.bounces import SesBounceSender
from postroom.adapters.memory.bounces import MemoryBounceSender
from postroom.errors import RefusedByServiceError, StoreUnavailableError, UnwritableAddressError
from postroom.model.bounces import Bounce, Failure
from tests.support.builders import NOON

if TYPE_CHECKING:
    from mypy_boto3_ses import SESClient

    from postroom.ports.bounces import BounceSender
    from tests.support.stack import Stack

BOUNCE = Bounce(
    name="t-0",
    ses_message_id="ses-1",
    domain="acme.test",
    to="bob@example.org",
    failures=(Failure.of("a@acme.test", "no such mailbox here", "5.1.1"), Failure.of("b@acme.test", "full", "5.2.2")),
    arrived=NOON,
    explanation="grüße\n",
)
CONTENT = b"From: postmaster@acme.test\r\nTo: bob@example.org\r\n\r\nx\r\n"


@pytest.fixture(params=["memory", "ses"])
def sender(request: pytest.FixtureRequest) -> BounceSender:
    if request.param == "memory":
        return MemoryBounceSender()
    request.getfixturevalue("stack")
    ses = clients.ses_sending()
    ses.verify_domain_identity(Domain="acme.test")
    return SesBounceSender(ses)


def test_each_bounce_message_has_an_id_of_its_own(sender: BounceSender) -> None:
    made = [sender.answer(BOUNCE), sender.answer(BOUNCE), sender.send(BOUNCE, CONTENT), sender.send(BOUNCE, CONTENT)]
    assert all(made)
    assert len(set(made)) == 4


def test_ses_hears_everything_that_it_needs_to_write_one(stack: Stack) -> None:
    client: SESClient = boto3.client("ses")
    arrived = datetime(2026, 11, 24, 12, tzinfo=UTC)
    expected = {
        "OriginalMessageId": "ses-1",
        "BounceSender": "postmaster@acme.test",
        "Explanation": "grüße\n",
        "MessageDsn": {"ReportingMta": "dns; acme.test", "ArrivalDate": arrived},
        "BouncedRecipientInfoList": [
            {
                "Recipient": address,
                "RecipientDsnFields": {
                    "Action": "failed",
                    "Status": status,
                    "DiagnosticCode": f"smtp; 550 {status} {why}",
                },
            }
            for address, status, why in (
                ("a@acme.test", "5.1.1", "no such mailbox here"),
                ("b@acme.test", "5.2.2", "full"),
            )
        ],
    }
    with Stubber(client) as stub:
        stub.add_response("send_bounce", {"MessageId": "m"}, expected)
        assert SesBounceSender(client).answer(BOUNCE) == "m"


def test_a_raw_one_goes_to_the_sender_alone_from_an_address_that_nobody_has(stack: Stack) -> None:
    ses = clients.ses_sending()
    ses.verify_domain_identity(Domain="acme.test")
    SesBounceSender(ses).send(BOUNCE, CONTENT)
    (sent,) = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages
    assert (sent.source, sent.destinations) == ("mailer-daemon@acme.test", ["bob@example.org"])


def test_the_emulator_notes_what_ses_is_asked_to_answer(stack: Stack) -> None:
    ses = clients.ses_sending()
    ses.verify_domain_identity(Domain="acme.test")
    SesBounceSender(ses).answer(BOUNCE)
    (sent,) = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages
    asked: dict[str, Any] = json.loads(sent.raw_data)
    assert asked["original"] == "ses-1"
    assert [each["fields"]["Status"] for each in asked["recipients"]] == ["5.1.1", "5.2.2"]


@pytest.mark.parametrize(
    ("code", "status"), [("MessageRejected", 400), ("Throttling", 400), ("InternalFailure", 501), ("AccessDenied", 403)]
)
def test_what_ses_does_not_answer_can_be_sent_raw(stack: Stack, code: str, status: int) -> None:
    client: SESClient = boto3.client("ses")
    with Stubber(client) as stub:
        stub.add_client_error("send_bounce", code, http_status_code=status)
        assert SesBounceSender(client).answer(BOUNCE) is None


@pytest.mark.parametrize("operation", ["send_bounce", "send_raw_email"])
def test_an_error_of_ses_itself_leaves_it_open_whether_it_was_sent(stack: Stack, operation: str) -> None:
    client: SESClient = boto3.client("ses")
    with Stubber(client) as stub:
        stub.add_client_error(operation, "InternalFailure", http_status_code=500)
        with pytest.raises(StoreUnavailableError):
            _ = SesBounceSender(client).answer(BOUNCE) if operation == "send_bounce" else _raw(client)


def test_silence_of_ses_is_temporary(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    client: SESClient = boto3.client("ses")

    def never(**_: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://email.us-east-1.amazonaws.com")

    client.meta.events.register("before-call", never)
    with pytest.raises(StoreUnavailableError):
        SesBounceSender(client).answer(BOUNCE)
    with pytest.raises(StoreUnavailableError):
        _raw(client)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("InvalidParameterValue", UnwritableAddressError),
        ("MessageRejected", RefusedByServiceError),
        ("AccountSendingPausedException", RefusedByServiceError),
        ("Throttling", StoreUnavailableError),
    ],
)
def test_a_refusal_to_send_says_whether_it_can_be_helped(stack: Stack, code: str, error: type[Exception]) -> None:
    client: SESClient = boto3.client("ses")
    with Stubber(client) as stub:
        stub.add_client_error(
            "send_raw_email", code, http_status_code=400, expected_params=dict.fromkeys(PARAMETERS, ANY)
        )
        with pytest.raises(error) as raised:
            _raw(client)
    assert "bob@" not in str(raised.value)


PARAMETERS = ("Source", "Destinations", "RawMessage")


def _raw(client: SESClient) -> str:
    return SesBounceSender(client).send(BOUNCE, CONTENT)
