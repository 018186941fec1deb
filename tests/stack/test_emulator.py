"""The emulator in a process of its own, with independent clients."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.stack

COUNT = 1500 if os.environ.get("POSTROOM_LONG") == "1" else 60
"""Writes of each client until they are done, cancelled ones aside; about a minute with POSTROOM_LONG=1."""

START_SECONDS = 240
FOLDERS = 2


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local.emulator", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    return dict(json.loads(process.stdout.readline()))


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    process = start()
    try:
        yield f"http://127.0.0.1:{ready(process)['port']}"
    finally:
        process.terminate()
        process.communicate(timeout=START_SECONDS)


@pytest.fixture(autouse=True)
def no_faults_left(endpoint: str) -> Iterator[None]:
    yield
    control(endpoint, "DELETE")


def client(service: Any, endpoint: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def control(endpoint: str, method: str, fault: dict[str, Any] | None = None) -> Any:
    data = json.dumps(fault).encode() if fault else None
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"))
    with contextlib.closing(connection):
        connection.request(method, "/_postroom/faults", data)
        return json.load(connection.getresponse())


def make_table(endpoint: str, name: str) -> Any:
    dynamodb = client("dynamodb", endpoint)
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return dynamodb


def read_stream(dynamodb: Any, streams: Any, table: str, stop: Any) -> Iterator[dict[str, Any]]:
    arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    place = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    while True:
        last = stop()
        answer = streams.get_records(ShardIterator=place, Limit=100)
        place = answer["NextShardIterator"]
        yield from answer["Records"]
        if last and not answer["Records"]:
            return


def test_clients_that_write_and_cancel_at_once_lose_nothing(endpoint: str, tmp_path: Path) -> None:
    dynamodb = make_table(endpoint, "mailbox")
    command = [sys.executable, str(Path(__file__).with_name("mailbox_writer.py")), endpoint, "mailbox"]
    outputs = [tmp_path / f"{number}.json" for number in range(3)]
    writers = []
    for number, output in enumerate(outputs):
        with output.open("w") as file:
            writers.append(subprocess.Popen([*command, str(number), str(COUNT)], stdout=file))
    streams = client("dynamodbstreams", endpoint)
    # reads while the writers write, and after that until no further record comes
    records = list(read_stream(dynamodb, streams, "mailbox", lambda: all(one.poll() is not None for one in writers)))
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    reports = [json.loads(output.read_text()) for output in outputs]
    done = [(folder, uid, name) for entries, _ in reports for folder, uid, name in entries]
    assert sum(cancelled for _, cancelled in reports) > 0
    assert len(done) == 3 * COUNT

    uids = Counter((folder, uid) for folder, uid, _ in done)
    assert max(uids.values()) == 1, "a UID was given twice"
    pages = dynamodb.get_paginator("scan").paginate(TableName="mailbox")
    stored = {
        (item["pk"]["S"], int(item["sk"]["S"].removeprefix("item ")), item["name"]["S"])
        for page in pages
        for item in page["Items"]
        if item["sk"]["S"] != "counter"
    }
    assert stored == set(done), "an acknowledged write was lost, or a cancelled one stayed"

    images = [record["dynamodb"]["NewImage"] for record in records]
    seen = [(image["pk"]["S"], int(image["uid"]["N"])) for image in images if "uid" in image]
    assert len(seen) == len(set(seen)) == len(done), "the stream showed a write twice or not at all"
    for folder in range(FOLDERS):
        in_order = [uid for name, uid in seen if name == f"folder {folder}"]
        assert in_order == list(range(1, len(in_order) + 1)), "the stream showed writes out of order"
    assert sorted(image["name"]["S"] for image in images if "name" in image) == sorted(name for _, _, name in done)


def test_a_fault_affects_the_calls_that_it_names_as_many_times_as_it_says(endpoint: str) -> None:
    logs = client("logs", endpoint)
    for group in ("good", "bad"):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
    event = [{"timestamp": int(time.time() * 1000), "message": "x"}]
    fault = {"service": "logs", "operation": "PutLogEvents", "match": {"logGroupName": "bad"}, "times": 2}
    control(endpoint, "POST", {**fault, "error": "AccessDeniedException"})
    for _ in range(2):
        logs.put_log_events(logGroupName="good", logStreamName="s", logEvents=event)
        with pytest.raises(ClientError, match="AccessDeniedException"):
            logs.put_log_events(logGroupName="bad", logStreamName="s", logEvents=event)
    logs.put_log_events(logGroupName="bad", logStreamName="s", logEvents=event)


@pytest.mark.parametrize(
    ("service", "operation", "call", "error"),
    [
        ("s3", "PutObject", {"Bucket": "any", "Key": "a b", "Body": b"x"}, "SlowDown"),
        ("ses", "VerifyDomainIdentity", {"Domain": "example.com"}, "Throttling"),
        ("kms", "ListKeys", {}, "KMSInternalException"),
    ],
)
def test_a_fault_has_the_protocol_of_its_service(
    endpoint: str, service: str, operation: str, call: dict[str, Any], error: str
) -> None:
    match = {"Key": "a b"} if service == "s3" else {}
    control(
        endpoint, "POST", {"service": service, "operation": operation, "match": match, "error": error, "status": 503}
    )
    sender = client(service, endpoint)
    with pytest.raises(ClientError) as caught:
        getattr(sender, xform_name(operation))(**call)
    assert caught.value.response["Error"]["Code"] == error
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert [fault["operation"] for fault in control(endpoint, "GET")] == [operation]


def test_an_operation_that_moto_does_not_have_is_refused_by_name(endpoint: str) -> None:
    with pytest.raises(ClientError, match="start_message_move_task action has not been implemented") as caught:
        client("sqs", endpoint).start_message_move_task(SourceArn="arn:aws:sqs:us-east-1:123456789012:q")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    client("sqs", endpoint).list_queues()


@pytest.mark.parametrize("key", ["a/b c", "x%2Fy", "ü/ø", "a//b", "p+q", "?&=#", "trailing/"])
def test_an_object_of_any_key_is_returned_with_its_bytes(endpoint: str, key: str) -> None:
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket="keys")
    s3.put_object(Bucket="keys", Key=key, Body=key.encode(), Metadata={"my_name": "v"})
    found = s3.get_object(Bucket="keys", Key=key)
    assert found["Body"].read() == key.encode()
    assert found["Metadata"]["my_name"] == "v"
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="keys", Prefix=key)["Contents"]] == [key]


def test_an_object_of_40_mebibytes_is_stored_and_returned(endpoint: str) -> None:
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket="large")
    body = os.urandom(1024) * 40 * 1024
    s3.put_object(Bucket="large", Key="mail", Body=body)
    assert s3.get_object(Bucket="large", Key="mail")["Body"].read() == body


def test_it_ends_with_its_parent() -> None:
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'local.emulator'], stdout=sys.stdout)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert json.loads(parent.stdout.readline())["ready"] is True
    parent.kill()
    parent.communicate()
    assert _gone(child, within=30)


def _gone(process: int, within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_even_in_a_long_poll(number: signal.Signals) -> None:
    process = start()
    endpoint = f"http://127.0.0.1:{ready(process)['port']}"
    url = client("sqs", endpoint).create_queue(QueueName="q")["QueueUrl"]
    with concurrent.futures.ThreadPoolExecutor() as executor:
        asked = threading.Event()
        sqs = client("sqs", endpoint)
        sqs.meta.events.register("before-send.sqs", lambda **_: asked.set())
        waiting = executor.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        assert asked.wait(START_SECONDS)
        time.sleep(0.3)  # most likely until the emulator has the request: this cannot be seen from outside
        process.send_signal(number)
        assert process.wait(timeout=15) == 0  # sooner than the poll would end
        assert waiting.exception() is not None
    process.communicate()


def test_a_port_in_use_is_one_line_and_status_2(endpoint: str) -> None:
    process = start("--port", endpoint.rpartition(":")[2])
    output, errors = process.communicate(timeout=START_SECONDS)
    assert (process.returncode, output) == (2, "")
    assert len(errors.splitlines()) == 1
    assert "cannot listen on 127.0.0.1:" in errors
