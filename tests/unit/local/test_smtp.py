"""The listener in this process, with sessions of smtplib and of a plain socket; behind it SES receiving on moto."""

from __future__ import annotations

import asyncio
import json
import smtplib
import socket
from typing import TYPE_CHECKING, Any, cast

import boto3
import moto
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cli.errors import UsageError
from local.emulator import patches
from local.mail import listener
from local.mail.ses_notification import Verdicts
from local.mail.ses_receiving import SesReceiving
from local.mail.smtp import MAX_RECIPIENT_BYTES, SmtpServer
from local.mail.smtp_protocol import BytesSMTP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.aws import Aws

A_LABEL = "xn--bcher-kva.example"
U_LABEL = "bücher.example"


class InProcess:
    """Plain clients of moto in this process; `failing` names operations and what they raise."""

    def __init__(self) -> None:
        self._clients = {name: boto3.client(cast("Any", name)) for name in ("s3", "ses", "sns", "sqs")}
        self.failing: dict[str, Exception] = {}
        for client in self._clients.values():
            client.meta.events.register("before-call", self._fail)

    def client(self, service: str) -> Any:
        return self._clients[service]

    def _fail(self, model: Any, **_: Any) -> None:
        if model.name in self.failing:
            raise self.failing[model.name]

    def notifications(self) -> list[Any]:
        """Take what was announced since the last time."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName="arrivals")["QueueUrl"]
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    def objects(self) -> list[bytes]:
        """Return what is stored, in no order."""
        s3 = self.client("s3")
        return [s3.get_object(Bucket="inbound", Key=key)["Body"].read() for key in self.keys()]

    def keys(self) -> list[str]:
        """Return the names of what is stored."""
        return [each["Key"] for each in self.client("s3").list_objects_v2(Bucket="inbound").get("Contents", [])]


@pytest.fixture(scope="module")
def everything() -> Iterator[InProcess]:
    """Moto with a receipt rule, for all tests: clients take a second to make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patches.apply()
        with moto.mock_aws():
            pipeline = InProcess()
            pipeline.client("s3").create_bucket(Bucket="inbound")
            topic = pipeline.client("sns").create_topic(Name="arrivals")["TopicArn"]
            pipeline.client("sqs").create_queue(QueueName="arrivals")
            queue = "arn:aws:sqs:us-east-1:123456789012:arrivals"
            raw = {"RawMessageDelivery": "true"}
            pipeline.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)
            ses = pipeline.client("ses")
            ses.create_receipt_rule_set(RuleSetName="mail")
            action = {"S3Action": {"BucketName": "inbound", "ObjectKeyPrefix": "inbound/", "TopicArn": topic}}
            domains = ["example.com", A_LABEL]
            rule = {"Name": "all", "Enabled": True, "Recipients": domains, "Actions": [action]}
            ses.create_receipt_rule(RuleSetName="mail", Rule=rule)
            ses.set_active_receipt_rule_set(RuleSetName="mail")
            for domain in domains:
                ses.verify_domain_identity(Domain=domain)
            yield pipeline


@pytest.fixture(scope="module")
def listening(everything: InProcess) -> Iterator[int]:
    server = SmtpServer("127.0.0.1", 0, SesReceiving(cast("Aws", everything)))
    server.start()
    yield server.port
    server.close()


@pytest.fixture
def pipeline(everything: InProcess) -> Iterator[InProcess]:
    """Everything, with nothing stored, announced or failing."""
    yield everything
    everything.failing = {}
    everything.notifications()
    for key in everything.keys():  # noqa: SIM118  no mapping
        everything.client("s3").delete_object(Bucket="inbound", Key=key)


@pytest.fixture
def port(pipeline: InProcess, listening: int) -> int:
    assert not pipeline.failing
    return listening


@pytest.fixture
def smtp(port: int) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo("client.example")
        yield client


def refusal(code: str = "InvalidParameter") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {}}, "Publish")  # type: ignore[typeddict-item]


def test_both_extensions_for_text_that_is_not_ascii_are_offered(smtp: smtplib.SMTP) -> None:
    assert {"8bitmime", "smtputf8", "size"} <= smtp.esmtp_features.keys()


HOSTILE = [
    b"From: j\xfcrgen@example.org\r\nTo: \xfc\xe4@example.com\r\n\r\nx\r\n",
    "From: Jürgen <jürgen@bücher.example>\r\nTo: ünal@example.com\r\n\r\nx\r\n".encode(),
    b"From: " + b"(" * 3000 + b"a" + b")" * 3000 + b" <a@example.org>\r\nTo: b@example.com\r\n\r\nx\r\n",
    b"To: " + b"(" * 30_000 + b"b@example.com\r\n\r\nx\r\n",
    b"no field\r\nFrom : a@example.org\r\n folded\r\n\tmore\r\nSubject: =?utf-7?Q?+2AA-?=\r\n\r\nx\r\n",
    b"Subject: =?idna?Q?x?= =?b?B?=?= =?utf-8?B?a?=\r\nFrom: \x00\r\n\r\nx\r\n",
    b"\r\nno header\r\n",
    b"no end of the header",
    b"From:" + b" =?x?q?" * 20_000 + b"\r\n\r\n",
    b"\xff\xfe\x00\r\n.\r.\n..\r\n",
]
"""Messages that a reader of headers could fail at."""


@pytest.mark.parametrize("content", HOSTILE)
def test_a_message_with_any_content_is_received_unchanged(
    pipeline: InProcess, smtp: smtplib.SMTP, content: bytes
) -> None:
    whole = content if content.endswith(b"\r\n") else content + b"\r\n"
    stuffed = b"\n".join(b"." + line if line.startswith(b".") else line for line in whole.split(b"\n"))
    assert smtp.mail("a@example.org", ["BODY=8BITMIME"])[0] == 250
    assert smtp.rcpt("b@example.com")[0] == 250
    smtp.putcmd("data")
    assert smtp.getreply()[0] == 354
    smtp.send(stuffed + b".\r\n")
    assert smtp.getreply()[0] == 250
    assert pipeline.objects() == [whole]
    (announced,) = pipeline.notifications()
    assert announced["receipt"]["recipients"] == ["b@example.com"]


@pytest.mark.parametrize("content", HOSTILE)
def test_it_is_received_with_the_fields_that_ses_puts_before_it(pipeline: InProcess, content: bytes) -> None:
    receiving = SesReceiving(cast("Aws", pipeline), ses_headers=True)
    recipients = ["grüße@bücher.example", "b@example.com"]
    (message_id,) = receiving.receive("jürgen@example.org", recipients, content, Verdicts())
    (stored,) = pipeline.objects()
    assert stored.startswith("Return-Path: <jürgen@example.org>\r\n".encode())
    assert stored.endswith(content)
    (announced,) = pipeline.notifications()
    assert announced["mail"]["messageId"] == message_id
    assert announced["receipt"]["recipients"] == recipients


def test_smtplib_sends_a_message_with_addresses_that_are_not_ascii(pipeline: InProcess, smtp: smtplib.SMTP) -> None:
    content = "From: jürgen@example.org\r\nTo: grüße@bücher.example\r\n\r\nhé\r\n".encode()
    options = ["SMTPUTF8", "BODY=8BITMIME"]
    assert smtp.sendmail("jürgen@example.org", ["b@example.com", f"grüße@{U_LABEL}"], content, options) == {}
    (announced,) = pipeline.notifications()
    assert announced["mail"]["source"] == "jürgen@example.org"
    assert announced["receipt"]["recipients"] == ["b@example.com", f"grüße@{U_LABEL}"]
    assert announced["mail"]["commonHeaders"]["from"] == ["jürgen@example.org"]
    assert announced["mail"]["destination"] == [f"grüße@{U_LABEL}"]


@pytest.mark.parametrize("domain", [A_LABEL, A_LABEL.upper(), U_LABEL, U_LABEL.upper(), "bu\u0308cher。example"])
def test_a_domain_is_the_same_in_unicode_and_as_a_labels(smtp: smtplib.SMTP, domain: str) -> None:
    smtp.command_encoding = "utf-8"
    smtp.mail("a@example.org", ["SMTPUTF8"])
    assert smtp.rcpt(f"b@{domain}")[0] == 250
    assert smtp.rcpt(f"b@sub.{domain}")[0] == 550


def test_utf_8_that_was_not_announced_is_taken_and_bytes_that_are_none_are_refused(smtp: smtplib.SMTP) -> None:
    smtp.command_encoding = "utf-8"
    assert smtp.mail("jürgen@example.org")[0] == 250
    smtp.send(b"RCPT TO:<j\xfcrgen@example.com>\r\n")
    assert smtp.getreply()[0] == 553
    assert smtp.rcpt("b@example.com")[0] == 250


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("<b@example.com>", 250),
        ("b@example.com", 250),
        (" <b@example.com>", 250),
        ("<@relay.example,@other.example:b@example.com>", 250),
        ('<"b c"@example.com>', 250),
        ('<"b>\\"c"@example.com>', 250),
        ("<b@example.com", 553),
        ("<b@>", 550),
        ("<a b@example.com>", 553),
        ("<" + "(" * 480, 553),
        ("<>", 550),
        ("<b@example.com> NOTIFY=NEVER", 555),
        ("<\x01@example.com>", 553),
    ],
)
def test_paths_are_read_as_rfc_5321_writes_them(smtp: smtplib.SMTP, path: str, code: int) -> None:
    smtp.mail("a@example.org")
    assert smtp.docmd("RCPT", f"TO:{path}")[0] == code


def test_after_an_error_in_data_the_next_message_never_goes_to_the_refused_recipients(
    pipeline: InProcess, smtp: smtplib.SMTP, capsys: pytest.CaptureFixture[str]
) -> None:
    errors: list[tuple[Exception, int]] = [
        (refusal(), 451),
        (EndpointConnectionError(endpoint_url="x"), 451),
        (RuntimeError("Subject: secret"), 451),
    ]
    for error, code in errors:
        pipeline.failing = {"Publish": error}
        smtp.mail("a@example.org")
        smtp.rcpt("refused@example.com")
        assert smtp.data(b"Subject: lost\r\n\r\n")[0] == code
        pipeline.failing = {}
        assert smtp.rcpt("b@example.com")[0] == 503  # the transaction is over
        smtp.mail("c@example.org")
        smtp.rcpt("b@example.com")
        assert smtp.data(b"Subject: next\r\n\r\n")[0] == 250
        (announced,) = pipeline.notifications()
        assert announced["receipt"]["recipients"] == ["b@example.com"]
        assert announced["mail"]["source"] == "c@example.org"
    assert capsys.readouterr().err == "postroom: SMTP: RuntimeError\n"


def test_a_refused_verdict_ends_the_transaction_too(pipeline: InProcess, smtp: smtplib.SMTP) -> None:
    smtp.mail("a@example.org")
    smtp.rcpt("b@example.com")
    assert smtp.data(b"X-Local-SES-Verdicts: taste=FAIL\r\n\r\n")[0] == 554
    assert smtp.docmd("DATA")[0] == 503
    assert (pipeline.objects(), pipeline.notifications()) == ([], [])


def test_nothing_stays_stored_that_was_refused_to_be_announced(pipeline: InProcess, smtp: smtplib.SMTP) -> None:
    pipeline.failing = {"Publish": refusal()}
    with pytest.raises(smtplib.SMTPDataError):
        smtp.sendmail("a@example.org", ["b@example.com"], b"Subject: x\r\n\r\n")
    assert pipeline.objects() == []
    pipeline.failing = {"Publish": refusal(), "DeleteObject": refusal()}
    with pytest.raises(smtplib.SMTPDataError, match="451"):
        smtp.sendmail("a@example.org", ["b@example.com"], b"Subject: x\r\n\r\n")


def test_an_announcement_without_an_answer_keeps_its_object(pipeline: InProcess, smtp: smtplib.SMTP) -> None:
    pipeline.failing = {"Publish": EndpointConnectionError(endpoint_url="x")}
    with pytest.raises(smtplib.SMTPDataError):
        smtp.sendmail("a@example.org", ["b@example.com"], b"Subject: x\r\n\r\n")
    assert pipeline.objects() == [b"Subject: x\r\n\r\n"]


def test_a_recipient_that_the_notification_has_no_room_for_is_put_off(smtp: smtplib.SMTP) -> None:
    smtp.mail("a@example.org")
    codes = [smtp.rcpt(f"{n:0>400}@example.com")[0] for n in range(MAX_RECIPIENT_BYTES // 400)]
    assert set(codes) == {250, 452}
    assert codes == sorted(codes)


def test_commands_sent_in_one_go_are_answered_in_order(pipeline: InProcess, port: int) -> None:
    """A client may send MAIL, RCPT and DATA at once, and what follows a message right behind it (RFC 2920)."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        answers = connection.makefile("rb")
        assert answers.readline().startswith(b"220")
        connection.sendall(b"HELO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<no@where.example>\r\n")
        connection.sendall(b"RCPT TO:<first@example.com>\r\nDATA\r\n")
        assert [answers.readline()[:3] for _ in range(5)] == [b"250", b"250", b"550", b"250", b"354"]
        pipeline.failing = {"Publish": refusal()}
        connection.sendall(b"Subject: 1\r\n\r\n" + b"x" * 300_000 + b"\r\n.\r\nMAIL FROM:<b@example.org>\r\n")
        assert [answers.readline()[:3] for _ in range(2)] == [b"451", b"250"]
        pipeline.failing = {}
        connection.sendall(b"RCPT TO:<second@example.com>\r\nDATA\r\n")
        assert [answers.readline()[:3] for _ in range(2)] == [b"250", b"354"]
        connection.sendall(b"Subject: 2\r\n\r\n.\r\nQUIT\r\n")
        assert [answers.readline()[:3] for _ in range(2)] == [b"250", b"221"]
    (announced,) = pipeline.notifications()
    assert announced["receipt"]["recipients"] == ["second@example.com"]


async def read_content(said: bytes) -> tuple[bytes | None, bytes]:
    """Return the message that a client says, and what stays behind it; both had come before it was read."""
    protocol = BytesSMTP(object(), loop=asyncio.get_running_loop())
    reader = asyncio.StreamReader()
    protocol._reader = reader
    reader.feed_data(said + b".\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")
    content = await protocol._read_content()
    reader.feed_eof()
    return content, await reader.read()


@pytest.mark.parametrize("size", [2**18 - 40, 2**18 - 20, 2**18 - 3, 2**18])
def test_commands_behind_a_message_keep_their_order_wherever_it_ends(size: int) -> None:
    content, rest = asyncio.run(read_content(b"x" * size + b"\r\n"))
    assert content == b"x" * size + b"\r\n"
    assert rest == b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"


@pytest.mark.parametrize(
    ("said", "content"),
    [
        (b"..a\r\n..b\r\n.c\r\n", b".a\r\n.b\r\nc\r\n"),
        (b"a\n.b\n..c\n...d\r\n", b"a\n.b\n.c\n..d\r\n"),
        (b"a\r\n..\n.\n..\r\n....\r\n", b"a\r\n.\n.\n.\r\n...\r\n"),
        (b".\n..\r..\r\n", b"\n.\r..\r\n"),
    ],
)
def test_a_single_dot_behind_a_bare_line_feed_is_the_message_s_own(said: bytes, content: bytes) -> None:
    """curl stuffs no dots there, smtplib does."""
    assert asyncio.run(read_content(said))[0] == content


@pytest.mark.parametrize("what", ["SMTP (--smtp-port)", "submission (--submission-port)"])
def test_a_port_in_use_says_which_one_and_nothing_twice(what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as refused:
            listener.listening("127.0.0.1", port, what)
    assert str(refused.value) == f"{what} cannot listen on 127.0.0.1:{port}: Address already in use"
