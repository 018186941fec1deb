"""What leaves by SES, in memory and by its API v2 alike; and what each of SES's errors means for a recipient."""

from __future__ import annotations

import base64
import json
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from postroom.adapters.aws import clients
from postroom.adapters.aws.outgoing import NO_DOMAIN, NOT_ASCII, SesV2Sender
from postroom.adapters.memory.outgoing import MemorySesSender
from postroom.model.limits import MB
from postroom.model.relay_answers import RelayResult
from postroom.model.transmissions import MAX_DIAGNOSTIC_CHARACTERS, Answer, Outgoing
from tests.support.builders import ORG, TRACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.ports.outgoing import SesSender

CARL: Final = "carl@example.org"
CONTENT: Final = (
    b"From: ann@acme.test\r\nTo: x@example.org\r\nCc: y@example.org\r\nSubject: \xff\r\n\r\n\x00 raw \x80\r\n"
)
OUTGOING: Final = Outgoing(TRACE, ORG, "ann@acme.test", (CARL, "dora@example.org"), CONTENT)
PERMANENT, TEMPORARY = RelayResult.PERMANENT, RelayResult.TEMPORARY


def response(body: bytes, status: int = 200, code: str = "") -> Any:
    """Return an HTTP response as botocore gets it from the network."""
    headers: Any = {"x-amzn-errortype": code} if code else {}
    made: Any = AWSResponse("https://email.us-east-1.amazonaws.com/", status, headers, None)
    made._content = body
    return made


class Ses:
    """SES as botocore reaches it: keeps requests, and answers or raises what it is told."""

    def __init__(self, status: int = 200, code: str = "", error: Exception | None = None, text: str = "") -> None:
        self.requests: list[dict[str, Any]] = []
        self.text = text or f"no:\r\n {'x' * 999}"
        self.status, self.code, self.error = status, code, error
        self.client: Any = clients.ses_v2_sending()
        self.client.meta.events.register_first("before-send.sesv2.SendEmail", self.answer)

    def answer(self, request: Any, **_: object) -> Any:
        self.requests.append(json.loads(request.body))
        if self.error is not None:
            raise self.error
        said = {"MessageId": "id-1"} if self.status == 200 else {"message": self.text}
        return response(json.dumps(said).encode(), self.status, self.code)

    @property
    def sender(self) -> SesV2Sender:
        return SesV2Sender(self.client, "outgoing")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Ses]]:
    """Return a way to make SES; no emulator is between the client and its answers."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    clients.forget()
    yield Ses
    clients.forget()


@pytest.fixture(params=["memory", "ses"])
def sender(request: pytest.FixtureRequest) -> SesSender:
    if request.param == "memory":
        return MemorySesSender()
    ses: Ses = request.getfixturevalue("made")()
    return ses.sender


def test_all_recipients_are_answered_with_the_id_of_one_message(sender: SesSender) -> None:
    answers = sender.send(OUTGOING)
    assert set(answers) == set(OUTGOING.recipients)
    assert {answer.result for answer in answers.values()} == {RelayResult.ACCEPTED}
    ((message_id, *others),) = [list({answer.message_id for answer in answers.values()})]
    assert message_id
    assert not others


def test_ses_gets_the_bytes_the_envelope_and_the_tags_and_nothing_of_the_headers(made: Callable[..., Ses]) -> None:
    ses = made()
    ses.sender.send(OUTGOING)
    assert ses.requests == [
        {
            "FromEmailAddress": "ann@acme.test",
            "Destination": {"ToAddresses": [CARL, "dora@example.org"]},
            "Content": {"Raw": {"Data": base64.b64encode(CONTENT).decode()}},
            "ConfigurationSetName": "outgoing",
            "EmailTags": [
                {"Name": "postroom-trace", "Value": TRACE},
                {"Name": "postroom-organization", "Value": ORG},
            ],
        }
    ]


def test_each_message_is_in_its_own_request(made: Callable[..., Ses]) -> None:
    ses = made()
    ses.sender.send(OUTGOING)
    ses.sender.send(replace(OUTGOING, content=b"other"))
    assert [base64.b64decode(each["Content"]["Raw"]["Data"]) for each in ses.requests] == [CONTENT, b"other"]


def test_the_null_sender_is_left_to_ses(made: Callable[..., Ses]) -> None:
    """Without it SES takes the address in From; a message of ours that is not to bounce has no other."""
    ses = made()
    ses.sender.send(replace(OUTGOING, envelope_from=""))
    assert "FromEmailAddress" not in ses.requests[0]


def test_addresses_that_ses_takes_in_no_message_are_refused_by_themselves(made: Callable[..., Ses]) -> None:
    ses = made()
    recipients = ("jürgen@example.org", CARL, "x@", "y@münchen\x80.de")
    answers = ses.sender.send(replace(OUTGOING, recipients=recipients))
    assert answers == {
        "jürgen@example.org": NOT_ASCII,
        CARL: Answer.accepted("id-1"),
        "x@": NO_DOMAIN,
        "y@münchen\x80.de": NO_DOMAIN,
    }
    assert ses.requests[0]["Destination"] == {"ToAddresses": [CARL]}
    assert ses.sender.send(replace(OUTGOING, recipients=recipients[:1])) == {"jürgen@example.org": NOT_ASCII}
    assert len(ses.requests) == 1


@pytest.mark.parametrize(
    ("code", "status", "result", "means", "may_have_arrived"),
    [
        ("BadRequestException", 400, PERMANENT, "5.5.4", False),
        ("MessageRejected", 400, PERMANENT, "5.7.1", False),
        ("RequestEntityTooLargeException", 413, PERMANENT, "5.3.4", False),
        ("TooManyRequestsException", 429, TEMPORARY, "4.3.2", False),
        ("LimitExceededException", 400, TEMPORARY, "4.3.2", False),
        ("ThrottlingException", 400, TEMPORARY, "4.3.2", False),
        ("SendingPausedException", 400, TEMPORARY, "4.3.5", False),
        ("AccountSuspendedException", 400, TEMPORARY, "4.3.5", False),
        ("MailFromDomainNotVerifiedException", 400, TEMPORARY, "4.3.5", False),
        ("NotFoundException", 404, TEMPORARY, "4.3.5", False),
        ("AccessDeniedException", 403, TEMPORARY, "4.3.5", False),
        ("InternalFailure", 500, TEMPORARY, "4.4.2", True),
        ("ServiceUnavailable", 503, TEMPORARY, "4.4.2", True),
    ],
)
def test_an_error_of_ses_is_an_answer(
    made: Callable[..., Ses], code: str, status: int, result: RelayResult, means: str, may_have_arrived: bool
) -> None:
    ses = made(status, code)
    answer = ses.sender.send(replace(OUTGOING, recipients=(CARL,)))[CARL]
    assert (answer.result, answer.status, answer.may_have_arrived) == (result, means, may_have_arrived)
    assert answer.diagnostic.startswith(f"Amazon SES: {code}: no:")
    assert len(answer.diagnostic) <= MAX_DIAGNOSTIC_CHARACTERS
    assert "\n" not in answer.diagnostic
    assert not answer.is_shared
    assert len(ses.requests) == 1, "each attempt may send"


def test_what_ses_says_is_passed_on_without_names_of_the_account(made: Callable[..., Ses]) -> None:
    """The sender gets it in a report."""
    role, identity = (
        "arn:aws:sts::123456789012:assumed-role/mail-TransmitRole/x",
        "arn:aws-cn:ses:x:1:identity/acme.test",
    )
    text = f"User: {role} is not authorized to perform ses:SendEmail on resource {identity}."
    answer = made(403, "AccessDeniedException", text=text).sender.send(replace(OUTGOING, recipients=(CARL,)))[CARL]
    said = "User: (an ARN) is not authorized to perform ses:SendEmail on resource (an ARN)"
    assert answer.diagnostic == f"Amazon SES: AccessDeniedException: {said}"


@pytest.mark.parametrize(
    ("code", "is_shared"),
    [
        ("MessageRejected", True),
        ("BadRequestException", True),
        ("RequestEntityTooLargeException", False),
        ("TooManyRequestsException", False),
    ],
)
def test_a_refusal_of_several_may_be_because_of_one(made: Callable[..., Ses], code: str, is_shared: bool) -> None:
    answers = made(400, code).sender.send(OUTGOING)
    assert [answer.is_shared for answer in answers.values()] == [is_shared] * 2


@pytest.mark.parametrize(
    ("error", "means", "may_have_arrived"),
    [
        (EndpointConnectionError(endpoint_url="https://x"), "4.4.1", False),
        (ConnectTimeoutError(endpoint_url="https://x"), "4.4.1", False),
        (ReadTimeoutError(endpoint_url="https://x"), "4.4.2", True),
    ],
)
def test_silence_of_ses_is_temporary_and_says_whether_it_may_have_the_message(
    made: Callable[..., Ses], error: Exception, means: str, may_have_arrived: bool
) -> None:
    ses = made(error=error)
    answer = ses.sender.send(replace(OUTGOING, recipients=(CARL,)))[CARL]
    assert (answer.result, answer.status, answer.may_have_arrived) == (TEMPORARY, means, may_have_arrived)
    assert len(ses.requests) == 1


def test_a_message_takes_three_times_its_size_while_it_is_sent(made: Callable[..., Ses]) -> None:
    """In base64 and in the request, 4/3 each. botocore alone would have it in base64 four times at once."""
    ses, content = made(), bytes(8 * MB)
    ses.client.meta.events.unregister("before-send.sesv2.SendEmail", ses.answer)  # it reads each request
    ses.client.meta.events.register_first("before-send.sesv2.SendEmail", unread)
    ses.sender.send(replace(OUTGOING, content=b"warm"))
    tracemalloc.start()
    try:
        answers = ses.sender.send(replace(OUTGOING, content=content))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answers[CARL] == Answer.accepted("id-1")
    assert not ses.requests
    assert peak < 3 * len(content)


def unread(**_: object) -> Any:
    return response(b'{"MessageId":"id-1"}')
