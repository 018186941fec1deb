"""The handlers, given their sample events, with stock boto3 clients whose requests are answered here."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import moto
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from functions.starters.src.count_senders import app as count_senders
from functions.starters.src.house_style import app as house_style
from functions.starters.src.house_style.settings import Settings
from local.functions.logs import embedded_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT: Final = Path(__file__).parents[3]
EVENTS: Final = [
    ROOT / "functions" / "starters" / "events" / f"{name}.json" for name in ("inbound", "outbound_on_behalf")
]
SAM: Final = ROOT / ".venv-sam" / "bin" / "sam"
RAW: Final = b"From: chris@example.net\r\nSubject: Minutes\r\n\r\nHi\r\n"
GO_ON: Final = {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": True}]}

each_event = pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)


class Raw:
    """What botocore reads an answer's body from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._body

    def read(self, *_: object) -> bytes:
        body, self._body = self._body, b""
        return body


class MessageFlow:
    """Answers as the Message Flow API does, and keeps what was put."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.put: list[dict[str, Any]] = []
        self.refusal = ""
        self.client: Any = boto3.client("workmailmessageflow")
        events: Any = self.client.meta.events
        events.register_first("before-send.workmailmessageflow", self.answer)  # before moto, which does not know it

    def answer(self, request: Any, **_: object) -> AWSResponse:
        if request.method == "GET":
            return self._said(request, 200, self.content)
        self.put.append(json.loads(request.body)["content"]["s3Reference"])
        if self.refusal:
            return self._said(request, 400, b'{"message": "no"}', {"x-amzn-ErrorType": self.refusal})
        return self._said(request, 200, b"{}")

    @staticmethod
    def _said(request: Any, status: int, body: bytes, headers: dict[str, str] | None = None) -> AWSResponse:
        raw: Any = Raw(body)
        given: Any = headers or {}
        return AWSResponse(request.url, status, given, raw)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    for name, value in (
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(
        house_style, "settings", Settings.read({"SUBJECT_TAG": "[E]", "UPDATED_EMAIL_BUCKET": "updated"})
    )
    with moto.mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="updated")
        made: dict[str, Any] = {"s3": s3}
        monkeypatch.setattr(house_style, "client", made.__getitem__)
        yield made


@pytest.fixture
def flow(clients: dict[str, Any]) -> Callable[[bytes], MessageFlow]:
    def make(content: bytes) -> MessageFlow:
        made = MessageFlow(content)
        clients["workmailmessageflow"] = made.client
        return made

    return make


def event(path: Path = EVENTS[0]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return read


def generated() -> dict[str, Any]:
    """Return the event that sam makes for functions of WorkMail's rules."""
    if not SAM.exists():
        pytest.skip("scripts/test has not made .venv-sam yet")
    command = [str(SAM), "local", "generate-event", "workmail", "email"]
    environment = {"SAM_CLI_TELEMETRY": "0", "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    said = subprocess.run(command, capture_output=True, check=True, env=environment).stdout
    made: dict[str, Any] = json.loads(said)
    return made


class TestHouseStyle:
    @each_event
    def test_a_message_is_put_anew_under_a_key_that_is_allowed(
        self, clients: dict[str, Any], flow: Callable[[bytes], MessageFlow], path: Path
    ) -> None:
        calls = flow(RAW)
        assert house_style.handler(event(path), None) == GO_ON
        (reference,) = calls.put
        assert reference["bucket"] == "updated"
        assert re.fullmatch(r"[a-zA-Z0-9\-/]{1,1024}", reference["key"])
        stored = clients["s3"].get_object(Bucket="updated", Key=reference["key"])["Body"].read()
        assert stored == RAW.replace(b"Minutes", b"[E] Minutes")

    def test_a_message_that_is_right_already_is_not_put(self, flow: Callable[[bytes], MessageFlow]) -> None:
        calls = flow(RAW.replace(b"Minutes", b"[E] Minutes"))
        assert house_style.handler(event(), None) == GO_ON
        assert calls.put == []

    def test_a_message_that_is_no_mime_goes_on_as_it_is_and_the_log_has_no_content(
        self, flow: Callable[[bytes], MessageFlow], caplog: pytest.LogCaptureFixture
    ) -> None:
        calls = flow(b"secret words without a colon\r\n\r\n")
        assert house_style.handler(event(), None) == GO_ON
        assert calls.put == []
        (record,) = caplog.records
        assert "stays as it is: a header line that is no field" in record.getMessage()
        assert "secret" not in caplog.text

    @pytest.mark.parametrize("refusal", ["MessageFrozen", "MessageRejected"])
    def test_a_message_that_no_attempt_will_replace_goes_on(
        self, flow: Callable[[bytes], MessageFlow], caplog: pytest.LogCaptureFixture, refusal: str
    ) -> None:
        calls = flow(RAW)
        calls.refusal = refusal
        assert house_style.handler(event(), None) == GO_ON
        assert len(calls.put) == 1
        assert refusal in caplog.records[-1].getMessage()

    @pytest.mark.parametrize("refusal", ["InvalidContentLocation", "ResourceNotFoundException"])
    def test_every_other_refusal_is_the_rules_to_decide(
        self, flow: Callable[[bytes], MessageFlow], refusal: str
    ) -> None:
        calls = flow(RAW)
        calls.refusal = refusal
        with pytest.raises(ClientError, match=refusal):
            house_style.handler(event(), None)

    def test_two_attempts_put_under_two_keys(self, flow: Callable[[bytes], MessageFlow]) -> None:
        calls = flow(RAW)
        house_style.handler(event(), None)
        house_style.handler(event(), None)
        assert calls.put[0]["key"] != calls.put[1]["key"]

    def test_sams_own_event_replays(self, flow: Callable[[bytes], MessageFlow]) -> None:
        calls = flow(RAW)
        assert house_style.handler(generated(), None) == GO_ON
        assert calls.put[0]["key"].startswith("00000000-0000-0000-0000-000000000000/")


class TestCountSenders:
    def count(self, capsys: pytest.CaptureFixture[str], given: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        count_senders.handler(given, None)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 1
        return embedded_metrics(lines[0])

    @pytest.mark.parametrize(
        ("path", "domain", "direction", "recipients"),
        [("inbound", "example.net", "INBOUND", 2), ("outbound_on_behalf", "example.com", "OUTBOUND", 1)],
    )
    def test_a_message_is_one_line_that_cloudwatch_reads(
        self, capsys: pytest.CaptureFixture[str], path: str, domain: str, direction: str, recipients: int
    ) -> None:
        metrics = self.count(capsys, event(ROOT / "functions" / "starters" / "events" / f"{path}.json"))
        assert [namespace for namespace, _ in metrics] == ["MailBySender"] * 2
        dimensions = [{"Name": "SenderDomain", "Value": domain}, {"Name": "Direction", "Value": direction}]
        assert [(datum["MetricName"], datum["Dimensions"], datum["Values"]) for _, datum in metrics] == [
            ("Messages", dimensions, [1.0]),
            ("Recipients", dimensions, [float(recipients)]),
        ]

    def test_domains_that_are_not_named_are_counted_together_and_still_in_the_line(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(count_senders, "COUNTED", frozenset({"partner.example"}))
        line = count_senders.line(event(), 1)
        assert (line["SenderDomain"], line["Domain"]) == ("other", "example.net")
        named = copy.deepcopy(event())
        named["envelope"]["mailFrom"]["address"] = "X@Partner.Example"
        assert count_senders.line(named, 1)["SenderDomain"] == "partner.example"

    @pytest.mark.parametrize(
        ("address", "domain"),
        [
            ("", "none"),
            ("nobody", "none"),
            ("a@", "none"),
            ("a@B.Example.", "b.example"),
            ("a@b@c.d", "c.d"),
            ("a@" + "x" * 300, "x" * 253),
        ],
    )
    def test_any_address_has_a_domain_of_a_kind(self, address: str, domain: str) -> None:
        assert count_senders.domain_of(address) == domain

    def test_sams_own_event_replays(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert len(self.count(capsys, generated())) == 2


def test_they_are_written_as_customers_write_theirs() -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "functions" / "starters" / "src").rglob("*.py")]
    imported = {name for text in sources for name in re.findall(r"^\s*(?:from|import) (\w+)", text, re.MULTILINE)}
    assert imported & {"postroom", "local", "aws_lambda_powertools"} == set()
    assert "boto3" in imported
