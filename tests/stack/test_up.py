"""`postroom up` from outside: a process of its own with a small SAM project, called by stock clients."""

from __future__ import annotations

import email
import json
import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support import sam_project

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.stack

RUN = """
import sys
from pathlib import Path
from cli.errors import CommandError
from local.settings import UpSettings
from local.stack import run
folder, port, speed = sys.argv[1:]
try:
    sys.exit(run(UpSettings(root=Path(folder), port=int(port), smtp_port=0, speed=int(speed), ses_headers=False)))
except CommandError as error:
    print(f"postroom: {error}", file=sys.stderr)
    sys.exit(error.exit_status)
"""


class Up:
    """A running `up` and what it exports."""

    def __init__(self, folder: Path, port: int = 0, speed: int = 1) -> None:
        self.folder = folder
        arguments = [sys.executable, "-c", RUN, str(folder), str(port), str(speed)]
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("AWS_ENDPOINT", "POSTROOM"))
        }
        self.process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.environment: dict[str, str] = json.loads(line)["env"] if line else {}

    def client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self.environment.get(
                f"AWS_ENDPOINT_URL_{service.upper()}", self.environment["AWS_ENDPOINT_URL"]
            ),
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
        )

    def queue(self, name: str) -> str:
        return f"{self.environment['AWS_ENDPOINT_URL']}/123456789012/postroom-{name}"

    def seen(self, what: str) -> list[dict[str, Any]]:
        return sam_project.seen(self.folder, what)

    def bodies(self) -> list[str]:
        return [record["body"] for event in self.seen("queue") for record in event["Records"]]

    def processes(self) -> set[int]:
        """Every process below this one."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                text = entry.read_text()
            except OSError:
                continue  # it ended meanwhile
            parent = int(text.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.parent.name))
        found, waiting = set(), [self.process.pid]
        while waiting:
            below = children.get(waiting.pop(), [])
            found.update(below)
            waiting += below
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        status = self.process.wait(240)
        self.process.communicate()
        return status


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    stack = Up(sam_project.write(tmp_path_factory.mktemp("project")), speed=30)
    yield stack
    processes = stack.processes()
    assert stack.stop(signal.SIGTERM) == 0
    sam_project.wait_for(lambda: not any(map(is_alive, processes)))


def test_a_queue_invokes_its_function_and_failed_messages_go_to_its_dead_letter_queue(stack: Up) -> None:
    sqs = stack.client("sqs")
    attribute = {"a": {"DataType": "String", "StringValue": "x"}}
    sqs.send_message(QueueUrl=stack.queue("Work"), MessageBody="good", MessageAttributes=attribute)
    sqs.send_message(QueueUrl=stack.queue("Work"), MessageBody="bad")
    dead = sam_project.wait_for(lambda: sqs.receive_message(QueueUrl=stack.queue("Dead")).get("Messages"))
    assert [message["Body"] for message in dead] == ["bad"]
    assert stack.bodies().count("good") == 1
    assert stack.bodies().count("bad") == 2  # maxReceiveCount
    record = next(one for event in stack.seen("queue") for one in event["Records"] if one["body"] == "good")
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:postroom-Work"
    assert record["messageAttributes"]["a"]["stringValue"] == "x"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


def test_a_topic_delivers_raw_to_the_queue(stack: Up) -> None:
    stack.client("sns").publish(TopicArn="arn:aws:sns:us-east-1:123456789012:postroom-Topic", Message="told")
    sam_project.wait_for(lambda: "told" in stack.bodies())


def test_a_stream_is_read_in_order_and_poison_records_are_sent_to_the_destination(stack: Up) -> None:
    dynamodb, table = stack.client("dynamodb"), "postroom-Table"
    names = [f"{number:03d}" for number in range(30)]
    names.insert(15, "poison")
    for name in names:
        dynamodb.put_item(TableName=table, Item={"pk": {"S": name}, "raw": {"B": b"\x00\xff"}})
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "003"}})  # filtered out

    def keys() -> list[str]:
        batches = [
            [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]] for event in stack.seen("stream")
        ]
        return [key for batch in batches if "poison" not in batch for key in batch]

    sam_project.wait_for(lambda: "029" in keys())
    assert keys() == [name for name in names if name != "poison"]
    sqs = stack.client("sqs")
    told = sam_project.wait_for(lambda: sqs.receive_message(QueueUrl=stack.queue("GivenUp")).get("Messages"))
    (record,) = [json.loads(message["Body"]) for message in told]
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["DDBStreamBatchInfo"]["batchSize"] == 1
    image = stack.seen("stream")[0]["Records"][0]
    assert image["eventName"] == "INSERT"
    assert image["dynamodb"]["NewImage"]["raw"] == {"B": "AP8="}


def test_a_schedule_runs_sooner_if_time_is_faster(stack: Up) -> None:
    event = sam_project.wait_for(lambda: stack.seen("timer"))[0]
    assert event["detail-type"] == "Scheduled Event"


def test_a_route_returns_the_answer_of_its_function(stack: Up) -> None:
    url = f"{stack.environment['AWS_ENDPOINT_URL_WORKMAIL']}/hello"
    with urllib.request.urlopen(url, b"hello") as answer:  # noqa: S310  our own http
        assert (answer.status, answer.read(), answer.headers["X-One"]) == (201, b"HELLO", "1")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url)  # noqa: S310  our own http


def test_a_custom_resource_is_created_before_the_stack_is_ready(stack: Up) -> None:
    (event,) = stack.seen("custom")
    assert event["RequestType"] == "Create"
    assert event["ResourceProperties"]["Flag"] == "true"


def test_the_output_of_functions_is_in_cloudwatch_logs(stack: Up) -> None:
    stack.client("lambda").invoke(FunctionName="ApiFunction", Payload=b'{"httpMethod": "POST", "body": "x"}')
    logs = stack.client("logs")

    def lines() -> list[str]:
        if not logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/postroom-ApiFunction")["logGroups"]:
            return []  # made when the first lines are sent
        events = logs.filter_log_events(logGroupName="/aws/lambda/postroom-ApiFunction")["events"]
        return [event["message"] for event in events]

    sam_project.wait_for(lambda: any(line.startswith("REPORT") for line in lines()))


def test_buckets_are_usable_although_their_policy_refuses_plain_http(stack: Up) -> None:
    s3 = stack.client("s3")
    s3.put_object(Bucket="postroom-bucket", Key="k", Body=b"1")
    assert s3.get_object(Bucket="postroom-bucket", Key="k")["Body"].read() == b"1"
    assert s3.get_bucket_versioning(Bucket="postroom-bucket")["Status"] == "Enabled"


def test_the_files_have_the_content_of_the_line(stack: Up) -> None:
    script = f"set -a; . {stack.folder}/.postroom/env; env -0"
    printed = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.decode()
    exported = dict(entry.partition("=")[::2] for entry in printed.split("\0") if entry)
    assert {name: exported[name] for name in stack.environment} == stack.environment
    for_sam = json.loads((stack.folder / ".postroom" / "sam-env.json").read_text())
    assert for_sam["QueueFunction"]["AWS_ENDPOINT_URL"].startswith("http://host.docker.internal:")
    assert for_sam["QueueFunction"]["TABLE"] == "postroom-Table"


@pytest.fixture(scope="module")
def mail(stack: Up) -> Up:
    """The stack with a domain whose mail is stored below `in/` and announced on the topic."""
    ses = stack.client("ses")
    ses.set_active_receipt_rule_set(RuleSetName="rules")
    ses.verify_domain_identity(Domain="example.com")
    action = {
        "BucketName": "postroom-bucket",
        "ObjectKeyPrefix": "in/",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:postroom-Topic",
    }
    rule = {"Name": "r", "Enabled": True, "Recipients": ["example.com"], "Actions": [{"S3Action": action}]}
    ses.create_receipt_rule(RuleSetName="rules", Rule=rule)
    return stack


def send(stack: Up, content: bytes, *recipients: str) -> tuple[dict[str, Any], bytes]:
    """Send and return the notification and the stored object."""
    before = len(stack.bodies())
    host, _, port = stack.environment["POSTROOM_SMTP"].partition(":")
    with smtplib.SMTP(host, int(port)) as smtp:
        smtp.sendmail("a@example.org", recipients or ("b@example.com",), content)
    body = sam_project.wait_for(lambda: stack.bodies()[before:])[0]
    notification: dict[str, Any] = json.loads(body)
    key = notification["receipt"]["action"]["objectKey"]
    return notification, stack.client("s3").get_object(Bucket="postroom-bucket", Key=key)["Body"].read()


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: plain\r\n\r\nbody\r\n",
        b"Subject: bare\n\nlf \xff\xfe\x00 and \r alone\n.dot\n..two\n.\nend\r\n",
        b"Subject: long\r\n\r\n" + b"x" * 100_000 + b"\r\n",
        b"no header at all\r\n",
        b".\r\n",
        b"Subject: dots\r\n\r\n.\r\n..\r\n",
    ],
)
def test_the_stored_object_is_the_message_that_was_sent(mail: Up, content: bytes) -> None:
    _, stored = send(mail, content)
    assert stored == content


def test_40_mb_are_stored_and_more_is_refused(mail: Up) -> None:
    largest = b"Subject: large\r\n\r\n" + b"." * 76 + b"\r\n"
    largest += (b"y" * 998 + b"\r\n") * ((40 * 2**20 - len(largest)) // 1000)
    assert send(mail, largest)[1] == largest
    host, _, port = mail.environment["POSTROOM_SMTP"].partition(":")
    with smtplib.SMTP(host, int(port)) as smtp:
        with pytest.raises(smtplib.SMTPResponseException) as refused:
            smtp.sendmail("a@example.org", "b@example.com", largest + b"z" * 2**20)
        assert refused.value.smtp_code == 552
        assert smtp.noop()[0] == 250  # the conversation goes on


def test_one_transmission_is_one_notification_of_the_accepted_recipients(mail: Up) -> None:
    host, _, port = mail.environment["POSTROOM_SMTP"].partition(":")
    before = len(mail.bodies())
    with smtplib.SMTP(host, int(port)) as smtp:
        refused = smtp.sendmail("", ["B@Example.com", "c@example.com", "d@elsewhere.test"], b"Subject: s\r\n\r\n")
    assert {address: code for address, (code, _) in refused.items()} == {"d@elsewhere.test": 550}
    notification = json.loads(sam_project.wait_for(lambda: mail.bodies()[before:])[0])
    assert notification["receipt"]["recipients"] == ["B@Example.com", "c@example.com"]
    assert notification["mail"]["source"] == ""
    assert len(notification["mail"]["messageId"]) == 40


def test_verdicts_are_taken_from_the_header_field_which_is_not_stored(mail: Up) -> None:
    content = b"X-Local-SES-Verdicts: spam=FAIL; dmarc=FAIL; dmarcPolicy=REJECT\r\nSubject: s\r\n\r\n"
    notification, stored = send(mail, content)
    assert stored == b"Subject: s\r\n\r\n"
    assert notification["receipt"]["spamVerdict"] == {"status": "FAIL"}
    assert notification["receipt"]["dmarcPolicy"] == "reject"


def test_pipelined_commands_after_data_are_answered(mail: Up) -> None:
    before = len(mail.bodies())
    host, _, port = mail.environment["POSTROOM_SMTP"].partition(":")
    with socket.create_connection((host, int(port)), 10) as connection, connection.makefile("rb") as answers:
        for command in (b"", b"HELO x\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<b@example.com>\r\n", b"DATA\r\n"):
            connection.sendall(command)
            answers.readline()
        connection.sendall(b"Subject: s\r\n\r\n.\r\nNOOP\r\nQUIT\r\n")
        assert [answers.readline()[:3] for _ in range(3)] == [b"250", b"250", b"221"]
    sam_project.wait_for(lambda: mail.bodies()[before:])  # or the next test takes it for its own


def test_mail_to_a_registered_domain_arrives_and_other_mail_is_in_the_outbox(mail: Up) -> None:
    before = len(mail.bodies())
    replaced = b"Message-ID: <mine@x.test>\r\nDate: never\r\nBcc: s@x.test\r\n"
    raw = replaced + b"From: b@example.com\r\nSubject: s\r\n\r\n\xff\n.\n"
    recipients = ["c@example.com", "d@elsewhere.test", "e@elsewhere.test"]
    answer = mail.client("ses").send_raw_email(
        Source="b@example.com", Destinations=recipients, RawMessage={"Data": raw}
    )
    message_id = answer["MessageId"]
    notification = json.loads(sam_project.wait_for(lambda: mail.bodies()[before:])[0])
    assert notification["receipt"]["recipients"] == ["c@example.com"]
    outbox = Path(mail.environment["POSTROOM_OUTBOX"])
    envelope = json.loads((outbox / f"{message_id}.json").read_text())
    assert (envelope["from"], envelope["to"]) == ("b@example.com", recipients[1:])
    sent = (outbox / f"{message_id}.eml").read_bytes()
    assert sent.startswith(f"Message-ID: <{message_id}@email.amazonses.com>\r\nDate: ".encode())
    assert sent.endswith(b"\r\nFrom: b@example.com\r\nSubject: s\r\n\r\n\xff\n.\n")
    key = notification["receipt"]["action"]["objectKey"]
    assert mail.client("s3").get_object(Bucket="postroom-bucket", Key=key)["Body"].read() == sent


def test_the_simulator_bounces_to_the_sender(mail: Up) -> None:
    before = len(mail.bodies())
    message = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}, "Html": {"Data": "<p>t"}}}
    destination = {"ToAddresses": ["bounce+mailbox full@simulator.local".replace(" ", "_")]}
    mail.client("ses").send_email(Source="b@example.com", Destination=destination, Message=message)
    notification = json.loads(sam_project.wait_for(lambda: mail.bodies()[before:])[0])
    assert (notification["mail"]["source"], notification["receipt"]["recipients"]) == ("", ["b@example.com"])
    key = notification["receipt"]["action"]["objectKey"]
    dsn = email.message_from_bytes(mail.client("s3").get_object(Bucket="postroom-bucket", Key=key)["Body"].read())
    assert (dsn.get_content_type(), dsn.get_param("report-type")) == ("multipart/report", "delivery-status")
    assert b"bounce+mailbox_full@simulator.local" in dsn.as_bytes()


def test_send_bounce_tells_the_sender_of_a_received_message(mail: Up) -> None:
    notification, _ = send(mail, b"Subject: s\r\n\r\n")
    answer = mail.client("ses").send_bounce(
        OriginalMessageId=notification["mail"]["messageId"],
        BounceSender="postmaster@example.com",
        BouncedRecipientInfoList=[{"Recipient": "b@example.com", "BounceType": "ExceededQuota"}],
    )
    sent = (Path(mail.environment["POSTROOM_OUTBOX"]) / f"{answer['MessageId']}.eml").read_bytes()
    assert b"Status: 5.2.2" in sent
    with pytest.raises(ClientError, match="was not received"):
        mail.client("ses").send_bounce(
            OriginalMessageId="0",
            BounceSender="postmaster@example.com",
            BouncedRecipientInfoList=[{"Recipient": "b@example.com", "BounceType": "Undefined"}],
        )


@pytest.mark.parametrize(
    ("source", "recipients", "message"),
    [
        ("b@unverified.test", 1, "not verified"),
        ("b@example.com", 51, "Recipient count exceeds 50"),
    ],
)
def test_what_ses_does_not_send_is_refused(mail: Up, source: str, recipients: int, message: str) -> None:
    addresses = [f"r{number}@elsewhere.test" for number in range(recipients)]
    with pytest.raises(ClientError, match=message):
        mail.client("ses").send_raw_email(Source=source, Destinations=addresses, RawMessage={"Data": b"Subject: s\n\n"})


def test_an_interrupt_stops_it_with_no_process_left(tmp_path: Path) -> None:
    up = Up(sam_project.write(tmp_path))
    up.client("lambda").invoke(FunctionName="ApiFunction", Payload=b'{"httpMethod": "POST", "body": "x"}')
    processes = up.processes()
    assert len(processes) >= 2  # the emulator, a worker
    assert up.stop(signal.SIGINT) == 0
    sam_project.wait_for(lambda: not any(map(is_alive, processes)))
    assert sorted(path.name for path in (tmp_path / ".postroom").iterdir()) == ["logs", "outbox", "up.lock"]


def test_killed_outright_it_still_leaves_no_process(tmp_path: Path) -> None:
    up = Up(sam_project.write(tmp_path))
    up.client("lambda").invoke(FunctionName="ApiFunction", Payload=b'{"httpMethod": "POST", "body": "x"}')
    processes = up.processes()
    up.process.kill()
    up.process.communicate()
    sam_project.wait_for(lambda: not any(map(is_alive, processes)))


def test_an_emulator_that_dies_ends_it_with_a_line(tmp_path: Path) -> None:
    up = Up(sam_project.write(tmp_path))
    (emulator,) = [pid for pid in up.processes() if b"local.emulator" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(emulator, signal.SIGKILL)
    _, errors = up.process.communicate(timeout=240)
    assert up.process.returncode == 1
    assert "the emulator has ended" in errors


def test_while_storing_fails_the_client_is_told_to_come_back(mail: Up) -> None:
    ses, s3 = mail.client("ses"), mail.client("s3")
    ses.verify_domain_identity(Domain="nowhere.example")
    s3.create_bucket(Bucket="soon-gone")
    action = {"S3Action": {"BucketName": "soon-gone"}}
    rule = {"Name": "gone", "Enabled": True, "Recipients": ["nowhere.example"], "Actions": [action]}
    ses.create_receipt_rule(RuleSetName="rules", Rule=rule)
    s3.delete_bucket(Bucket="soon-gone")
    host, _, port = mail.environment["POSTROOM_SMTP"].partition(":")
    with smtplib.SMTP(host, int(port)) as smtp, pytest.raises(smtplib.SMTPDataError, match="451"):
        smtp.sendmail("a@example.org", "b@nowhere.example", b"Subject: s\r\n\r\n")


def test_a_port_in_use_is_one_line_and_exit_2(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for offset in (0, 2):  # a neighbour of the port may be in use, too
            line = refused(Up(sam_project.write(tmp_path), port - offset), "Address already in use")
            assert re.search(r" \(--port( \+ [12])?\) cannot listen on 127\.0\.0\.1:\d+: Address already in use$", line)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("rate(1 minute)", "sometimes", "neither rate"),  # after everything is deployed
        ("VisibilityTimeout: 1", "VisibilityTimeout: [", "template.yaml"),
    ],
)
def test_a_template_error_is_one_line_and_exit_2(tmp_path: Path, before: str, after: str, message: str) -> None:
    refused(Up(sam_project.write(tmp_path, sam_project.TEMPLATE.replace(before, after))), message)
    assert not (tmp_path / ".postroom" / "env").exists()


def test_a_second_up_in_one_checkout_says_so(stack: Up) -> None:
    refused(Up(stack.folder), f"another `postroom up` runs in this checkout (process {stack.process.pid})")
    assert (stack.folder / ".postroom" / "env").exists()


def refused(up: Up, message: str) -> str:
    _, errors = up.process.communicate(timeout=240)
    assert up.process.returncode == 2
    (line,) = errors.splitlines()
    assert message in line
    return line


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
