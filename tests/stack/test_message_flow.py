"""The Message Flow API of a running stack, called by stock clients with only the variables that `up` exports."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.consent import PUT_CONTENT
from postroom.model.facts import flow_message_id
from tests.support.running_stack import children, peak_memory, wait_for

if TYPE_CHECKING:
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

HEAD = (
    b"From: sender@elsewhere.example\r\nTo: ann@flow.example\r\nSubject: large\r\n"
    b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <%b@elsewhere.example>\r\n\r\n"
)
LINE = b"A" * 76 + b"\r\n"
LARGEST = 40 << 20
MEMORY = 1024 << 20
"""The function's memory in template.yaml, in bytes."""

MOST_OF_A_STATION = 300 << 20
"""Most memory of a worker on the way of a message, in bytes."""

CLIENT = """
import boto3, hashlib, json, sys
client = boto3.client("workmailmessageflow")
answer = client.get_raw_message_content(messageId=sys.argv[1])
content = answer["messageContent"].read()
print(json.dumps({"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}))
"""
"""A program like a rule function: stock boto3 and the environment."""


def of_size(name: bytes, size: int) -> bytes:
    head = HEAD % name
    return head + (LINE * (size // len(LINE) + 1))[: size - len(head) - 2] + b"\r\n"


def received(running: RunningStack, user: str, content: bytes, name: str) -> str:
    """Send a message, wait for its delivery, and return its flow message id."""
    before = running.copies_of(user)
    running.send(content, "ann@flow.example")
    wait_for(lambda: running.copies_of(user) > before)
    (fact,) = running.operator().ledger.by_message_id(f"<{name}@elsewhere.example>")
    assert fact.data["flowMessageId"] == flow_message_id(fact.trace)
    return str(fact.data["flowMessageId"])


@pytest.fixture(scope="module")
def user(running: RunningStack) -> str:
    return running.user(running.organization("flow"), "ann", "ann@flow.example")


@pytest.fixture(scope="module")
def bucket(running: RunningStack) -> str:
    s3 = running.client("s3")
    s3.create_bucket(Bucket="rule-functions-own")
    s3.put_bucket_tagging(Bucket="rule-functions-own", Tagging={"TagSet": [{"Key": PUT_CONTENT, "Value": "all"}]})
    return "rule-functions-own"


def reference(bucket: str, key: str) -> dict[str, Any]:
    return {"s3Reference": {"bucket": bucket, "key": key}}


def test_a_message_of_forty_megabytes_is_returned_and_put_byte_for_byte(
    running: RunningStack, user: str, bucket: str
) -> None:
    flow = running.client("workmailmessageflow")
    content = of_size(b"largest", LARGEST)
    message_id = received(running, user, content, "largest")
    assert flow.get_raw_message_content(messageId=message_id)["messageContent"].read() == content
    changed = content.replace(b"Subject: large", b"Subject: LARGE", 1)
    running.client("s3").put_object(Bucket=bucket, Key="changed", Body=changed)
    flow.put_raw_message_content(messageId=message_id, content=reference(bucket, "changed"))
    assert flow.get_raw_message_content(messageId=message_id)["messageContent"].read() == changed
    running.client("s3").put_object(Bucket=bucket, Key="too-large", Body=content + b"x")
    with pytest.raises(flow.exceptions.MessageRejected, match="larger than 40 MB"):
        flow.put_raw_message_content(messageId=message_id, content=reference(bucket, "too-large"))
    assert flow.get_raw_message_content(messageId=message_id)["messageContent"].read() == changed
    operator = running.operator()
    head, items = operator.mailboxes.head(user), list(operator.mailboxes.items(user, "INBOX"))
    assert head is not None
    assert content in [b"".join(operator.content(head, item)) for item in items if item.size == LARGEST]
    stations = [peak_memory(pid) for name in ("ingest", "deliver") for pid in running.workers(name)]
    assert LARGEST < max(stations) < MOST_OF_A_STATION
    runtimes = [pid for worker in running.workers("message_flow_api") for pid, _ in children(worker)]
    assert runtimes
    assert all(peak_memory(pid) < MEMORY for pid in runtimes)


def test_a_program_needs_only_the_environment(running: RunningStack, user: str) -> None:
    message_id = received(running, user, of_size(b"small", 1000), "small")
    done = running.run([sys.executable, "-c", CLIENT, message_id])
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["size"] == 1000


def test_a_put_after_delivery_changes_later_gets_and_no_delivered_message(
    running: RunningStack, user: str, bucket: str
) -> None:
    flow = running.client("workmailmessageflow")
    content = of_size(b"late", 2000)
    message_id = received(running, user, content, "late")
    changed = content.replace(b"Subject: large", b"Subject: [x]", 1)
    running.client("s3").put_object(Bucket=bucket, Key="late", Body=changed)
    flow.put_raw_message_content(messageId=message_id, content=reference(bucket, "late"))
    assert flow.get_raw_message_content(messageId=message_id)["messageContent"].read() == changed
    operator = running.operator()
    head = operator.mailboxes.head(user)
    assert head is not None
    delivered = [b"".join(operator.content(head, item)) for item in operator.mailboxes.items(user, "INBOX")]
    assert content in delivered
    assert changed not in delivered
    trace = running.rows("trace", message_id.replace("-", ""))
    assert [fact["name"] for fact in trace][-1] == "CONTENT_PUT"


def test_modelled_errors_are_raised_as_their_classes(running: RunningStack, user: str, bucket: str) -> None:
    flow = running.client("workmailmessageflow")
    message_id = received(running, user, of_size(b"refused", 1000), "refused")
    running.client("s3").put_object(Bucket=bucket, Key="refused", Body=b"no message")
    with pytest.raises(flow.exceptions.ResourceNotFoundException):
        flow.get_raw_message_content(messageId="00000000-0000-0000-0000-000000000000")
    with pytest.raises(flow.exceptions.InvalidContentLocation, match="no bucket"):
        flow.put_raw_message_content(messageId=message_id, content=reference("not-there", "x"))
    with pytest.raises(flow.exceptions.MessageRejected, match="not a header field"):
        flow.put_raw_message_content(messageId=message_id, content=reference(bucket, "refused"))


def test_a_buffered_invocation_ends_at_six_megabytes_as_on_aws(running: RunningStack, user: str) -> None:
    message_id = received(running, user, of_size(b"seven", 7 << 20), "seven")
    caller = {"identity": {"userArn": "arn:aws:iam::123456789012:root"}}
    event = {"httpMethod": "GET", "pathParameters": {"messageId": message_id}, "requestContext": caller}
    answer = running.client("lambda").invoke(FunctionName="MessageFlowApiFunction", Payload=json.dumps(event).encode())
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "Function.ResponseSizeTooLarge"
