"""What SES sends, and what it writes when it is asked to bounce: from a stock boto3 client to files in the outbox."""

from __future__ import annotations

import email
import json
import re
import time
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage, Message
from typing import TYPE_CHECKING, Any, cast

import boto3
import moto
import pytest

from local.emulator import patches
from local.mail import outbox
from local.mail.dsn import DEFAULT_EXPLANATION
from local.mail.ses_receiving import Original, header_fields
from local.web import WebServer
from postroom.contracts.ses_events import read_event
from tests.support.reports import status_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_ses import SESClient

    from local.mail.ses_receiving import SesReceiving

ORIGINAL = Original(
    "bob@elsewhere.example",
    header_fields(b"From: Bob <bob@elsewhere.example>\nSubject: plums and = signs\nBcc: x@y.example\n\n"),
)


class Receiving:
    """SES's receiving side, of one message and one domain of ours."""

    def __init__(self) -> None:
        self.original_: Original | None = ORIGINAL
        self.received: list[tuple[str, list[str], bytes]] = []
        self.published: list[tuple[str, str]] = []

    def original(self, _message_id: str) -> Original | None:
        return self.original_

    def is_local(self, address: str) -> bool:
        return address.endswith("@acme.test")

    def receive(self, sender: str, recipients: list[str], content: bytes, _verdicts: object) -> list[str]:
        self.received.append((sender, recipients, content))
        return ["m"]


@pytest.fixture
def receiving() -> Receiving:
    return Receiving()


@pytest.fixture
def ses(receiving: Receiving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SESClient]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    patches.apply()
    box = outbox.Outbox(tmp_path, cast("SesReceiving", receiving), lambda *said: receiving.published.append(said))
    server = WebServer("127.0.0.1", 0, box.answer, "the outbox")
    server.start()
    monkeypatch.setenv("POSTROOM_SES_HOOK", f"http://127.0.0.1:{server.port}{outbox.PATH}")
    with moto.mock_aws():
        client = boto3.client("ses")
        client.verify_domain_identity(Domain="acme.test")
        yield client
    server.close()


def bounce(ses: SESClient, *recipients: Any, **more: Any) -> str:
    listed: Any = [{"Recipient": one} if isinstance(one, str) else one for one in recipients]
    asked: dict[str, Any] = {"OriginalMessageId": "m1", "BounceSender": "postmaster@acme.test", **more}
    return ses.send_bounce(BouncedRecipientInfoList=listed, **asked)["MessageId"]


def left(folder: Path) -> tuple[dict[str, Any], bytes]:
    """Return envelope and content of the one message that left."""
    (path,) = folder.glob("*.json")
    return json.loads(path.read_text("utf-8")), path.with_suffix(".eml").read_bytes()


def read(content: bytes) -> tuple[list[dict[str, str]], EmailMessage, EmailMessage]:
    """Return the field groups, the text and the returned header of a report, checked for its form."""
    assert content.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", content)
    assert max(map(len, content.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(content, policy=policy.default)
    text, _, headers = message.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(headers, EmailMessage)
    return status_of(message), text, headers


def test_a_bounce_has_the_fields_that_its_caller_gives(ses: SESClient, tmp_path: Path) -> None:
    given = {
        "FinalRecipient": "rfc822; real@acme.test",
        "Action": "delayed",
        "RemoteMta": "dns; mx.acme.test",
        "Status": "4.4.1",
        "DiagnosticCode": "smtp; 451 4.4.1 no answer",
        "LastAttemptDate": datetime(2026, 11, 24, 12, tzinfo=UTC),
        "ExtensionFields": [{"Name": "X-Queue", "Value": "q1"}],
    }
    about = {
        "ReportingMta": "dns; acme.test",
        "ArrivalDate": datetime(2026, 11, 24, 11, tzinfo=UTC),
        "ExtensionFields": [{"Name": "X-Trace", "Value": "t1"}],
    }
    bounce(ses, {"Recipient": "ann@acme.test", "RecipientDsnFields": given}, MessageDsn=about, Explanation="Sorry.\n")
    envelope, content = left(tmp_path)
    assert (envelope["from"], envelope["to"]) == ("", ["bob@elsewhere.example"])
    groups, text, headers = read(content)
    assert groups == [
        {"Reporting-MTA": "dns; acme.test", "Arrival-Date": "Tue, 24 Nov 2026 11:00:00 +0000", "X-Trace": "t1"},
        {
            "Final-Recipient": "rfc822; real@acme.test",
            "Action": "delayed",
            "Status": "4.4.1",
            "Remote-MTA": "dns; mx.acme.test",
            "Diagnostic-Code": "smtp; 451 4.4.1 no answer",
            "Last-Attempt-Date": "Tue, 24 Nov 2026 12:00:00 +0000",
            "X-Queue": "q1",
        },
    ]
    assert text.get_payload() == "Sorry.\r\n"
    assert headers["Content-Transfer-Encoding"] == "7bit"
    assert headers.get_payload() == ORIGINAL.headers.decode()
    assert b"=20" not in content


def test_members_that_a_caller_leaves_out_come_from_the_bounce_type(ses: SESClient, tmp_path: Path) -> None:
    bounce(ses, {"Recipient": "ann@acme.test", "BounceType": "ExceededQuota"}, "tim@acme.test")
    groups, text, _ = read(left(tmp_path)[1])
    assert [group["Status"] for group in groups[1:]] == ["5.2.2", "5.0.0"]
    assert groups[1]["Diagnostic-Code"] == "smtp; 550 5.2.2 ExceededQuota"
    assert text.get_content().splitlines() == [
        DEFAULT_EXPLANATION,
        "",
        "<ann@acme.test>: 550 5.2.2 ExceededQuota",
        "<tim@acme.test>: 550 5.0.0 Undefined",
    ]


def test_text_that_is_not_ascii_is_written_as_rfc_6533_says(
    ses: SESClient, receiving: Receiving, tmp_path: Path
) -> None:
    receiving.original_ = Original("bob@bücher.example", "Subject: Grüße\r\n".encode())
    given = {"Status": "5.1.1", "Action": "failed", "DiagnosticCode": "smtp; 550 5.1.1 unzustellbär " + "x" * 2000}
    bounce(ses, {"Recipient": "grüße@acme.test", "RecipientDsnFields": given}, Explanation="Grüße")
    envelope, content = left(tmp_path)
    assert envelope["to"] == ["bob@bücher.example"]
    groups, text, headers = read(content)
    assert groups[1]["Final-Recipient"] == r"utf-8; gr\x{FC}\x{DF}e@acme.test"
    assert groups[1]["Diagnostic-Code"].startswith("smtp; 550 5.1.1 unzustellb?r")
    assert text.get_content().rstrip() == "Grüße"
    assert headers.get_payload(decode=True) == "Subject: Grüße\r\n".encode()
    message = email.message_from_bytes(content, policy=policy.default)
    assert message["To"] == "bob@xn--bcher-kva.example"


def test_a_sender_whose_local_part_is_not_ascii_is_written_as_it_is(
    ses: SESClient, receiving: Receiving, tmp_path: Path
) -> None:
    receiving.original_ = Original("grüße@elsewhere.example", b"")
    bounce(ses, "ann@acme.test")
    _, content = left(tmp_path)
    assert "\r\nTo: grüße@elsewhere.example\r\n".encode() in content


def test_no_caller_makes_a_field_or_a_part(ses: SESClient, tmp_path: Path) -> None:
    evil = "x\r\nX-Evil: 1\r\n\r\n--=_"
    given = {"FinalRecipient": f"rfc822; a{evil}", "Action": "failed", "Status": "5.0.0", "DiagnosticCode": evil}
    given["ExtensionFields"] = cast("Any", [{"Name": "X-Good", "Value": evil}])
    bounce(ses, {"Recipient": f"a@acme.test{evil}", "RecipientDsnFields": given})
    message = email.message_from_bytes(left(tmp_path)[1], policy=policy.default)
    _, status, _ = message.iter_parts()
    payload = status.get_payload()
    assert isinstance(payload, list)
    assert all("X-Evil" not in group for group in payload if isinstance(group, Message))
    assert "X-Evil" not in message
    given["ExtensionFields"] = cast("Any", [{"Name": "X-Bad: 1\r\nX", "Value": "y"}])
    with pytest.raises(ses.exceptions.ClientError, match="header field name"):
        bounce(ses, {"Recipient": "a@acme.test", "RecipientDsnFields": given})


def test_a_bounce_message_names_fifty_recipients_with_long_reasons(ses: SESClient, tmp_path: Path) -> None:
    said = "smtp; 550 5.7.1 " + "ж" * 400
    given = {"Action": "failed", "Status": "5.7.1", "DiagnosticCode": said}
    recipients = [{"Recipient": f"n{number}@acme.test", "RecipientDsnFields": given} for number in range(50)]
    bounce(ses, *recipients, Explanation="ж" * 60_000)
    groups, text, _ = read(left(tmp_path)[1])
    assert len(groups) == 51
    assert text.get_content().rstrip() == "ж" * 60_000


def test_a_null_sender_gets_no_bounce_message_and_an_unknown_message_is_refused(
    ses: SESClient, receiving: Receiving, tmp_path: Path
) -> None:
    receiving.original_ = Original("", b"")
    bounce(ses, "ann@acme.test")
    receiving.original_ = None
    with pytest.raises(ses.exceptions.MessageRejected, match="not received"):
        bounce(ses, "ann@acme.test")
    assert list(tmp_path.iterdir()) == []


def test_a_sent_message_goes_where_the_internet_would_deliver_it(
    ses: SESClient, receiving: Receiving, tmp_path: Path
) -> None:
    raw = b"From: ann@acme.test\r\nSubject: \xff\n.\r\n\nbody\r"
    to = ["tim@acme.test", "bob@elsewhere.example", "bounce+full+running@simulator.local"]
    ses.send_raw_email(Source="ann@acme.test", Destinations=to, RawMessage={"Data": raw})
    envelope, content = left(tmp_path)
    assert envelope["to"] == ["bob@elsewhere.example"]
    assert content.endswith(raw)
    (mail, returned) = receiving.received
    assert mail == ("ann@acme.test", ["tim@acme.test"], content)
    assert returned[:2] == ("", ["ann@acme.test"])
    report = email.message_from_bytes(returned[2], policy=policy.default)
    assert "550 5.0.0 full+running" in report.as_string()


class TestEvents:
    """What SES reports of sent messages: a stock client of SES v2, and the simulator's addresses."""

    TOPIC = "arn:aws:sns:us-east-1:123456789012:feedback"

    @pytest.fixture
    def v2(self, ses: SESClient) -> Any:
        client: Any = boto3.client("sesv2")
        client.create_configuration_set(ConfigurationSetName="sent")
        destination = {
            "Enabled": True,
            "MatchingEventTypes": ["BOUNCE", "COMPLAINT", "DELIVERY_DELAY", "REJECT"],
            "SnsDestination": {"TopicArn": self.TOPIC},
        }
        client.create_configuration_set_event_destination(
            ConfigurationSetName="sent", EventDestinationName="feedback", EventDestination=destination
        )
        client.put_email_identity_feedback_attributes(EmailIdentity="acme.test", EmailForwardingEnabled=False)
        return client

    def send(self, v2: Any, *to: str, **more: Any) -> str:
        """Send a message with tags; return SES's id of it."""
        answer = v2.send_email(
            FromEmailAddress="ann@acme.test",
            Destination={"ToAddresses": list(to)},
            Content={"Raw": {"Data": b"From: ann@acme.test\r\n\r\nbody\r\n"}},
            EmailTags=[{"Name": "postroom-trace", "Value": "f" * 32}],
            **{"ConfigurationSetName": "sent", **more},
        )
        return str(answer["MessageId"])

    @pytest.mark.parametrize(
        ("address", "kind"), [("bounce+full", "Bounce"), ("complaint", "Complaint"), ("delay+busy", "DeliveryDelay")]
    )
    def test_a_simulated_recipient_is_reported_as_the_station_reads_it(
        self, v2: Any, receiving: Receiving, address: str, kind: str
    ) -> None:
        sent = self.send(v2, f"{address}@simulator.local")
        ((topic, text),) = receiving.published
        event = read_event(text)
        assert (topic, event.event_type, event.mail.message_id) == (self.TOPIC, kind, sent)
        assert event.mail.trace == "f" * 32
        assert f"{address}@simulator.local" in repr(event.details)
        assert receiving.received == []

    def test_a_bounce_is_later_than_the_message(self, v2: Any, receiving: Receiving) -> None:
        """Else a trace, which is in order of time, would have the end before it was sent."""
        before = time.time()
        self.send(v2, "bounce@simulator.local")
        after = time.time()
        answered = datetime.fromisoformat(json.loads(receiving.published[0][1])["bounce"]["timestamp"]).timestamp()
        assert before + 0.99 <= answered <= after + 1

    def test_a_reason_is_in_the_diagnostic(self, v2: Any, receiving: Receiving) -> None:
        self.send(v2, "bounce+no+such+user@simulator.local")
        (recipient,) = read_event(receiving.published[0][1]).bounce.bounced_recipients  # type: ignore[union-attr]
        assert (recipient.status, recipient.diagnostic_code) == ("5.0.0", "smtp; 550 5.0.0 no+such+user")

    def test_a_set_that_wants_no_delays_gets_none(self, v2: Any, receiving: Receiving) -> None:
        destination = {"Enabled": True, "MatchingEventTypes": ["BOUNCE"], "SnsDestination": {"TopicArn": self.TOPIC}}
        v2.create_configuration_set_event_destination(
            ConfigurationSetName="sent", EventDestinationName="feedback", EventDestination=destination
        )
        self.send(v2, "delay@simulator.local")
        assert receiving.published == []

    def test_an_identity_that_forwards_gets_mail_too(self, v2: Any, receiving: Receiving) -> None:
        v2.put_email_identity_feedback_attributes(EmailIdentity="acme.test", EmailForwardingEnabled=True)
        self.send(v2, "bounce@simulator.local")
        assert len(receiving.published) == 1
        assert [each[:2] for each in receiving.received] == [("", ["ann@acme.test"])]

    def test_without_events_a_bounce_is_forwarded_whatever_the_identity_says(
        self, v2: Any, receiving: Receiving
    ) -> None:
        v2.create_configuration_set(ConfigurationSetName="silent")
        self.send(v2, "bounce@simulator.local", ConfigurationSetName="silent")
        assert receiving.published == []
        assert [each[:2] for each in receiving.received] == [("", ["ann@acme.test"])]

    def test_a_set_that_is_not_there_is_an_error(self, v2: Any) -> None:
        with pytest.raises(Exception, match="does not exist"):
            self.send(v2, "bounce@simulator.local", ConfigurationSetName="gone")
