"""Standard queues as AWS documents them, through a stock boto3 client and with a clock of our own."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.sqs.models import sqs_backends

from local.emulator.standard_queue import store_of
from tests.support.effort import FEW_LINES, lines_run

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def sqs(aws: None) -> SQSClient:
    return boto3.client("sqs")


@pytest.fixture
def queue(sqs: SQSClient) -> str:
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    attributes: Any = {"VisibilityTimeout": "30", "RedrivePolicy": policy, "MessageRetentionPeriod": "3600"}
    return sqs.create_queue(QueueName="work", Attributes=attributes)["QueueUrl"]


@pytest.fixture
def clock(queue: str, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for name in ("work", "dead"):
        store_of(sqs_backends["123456789012"]["us-east-1"].queues[name])._clock = clock
    monkeypatch.setattr("moto.sqs.models.unix_time_millis", lambda *_: clock.now * 1000)
    return clock


def receive(sqs: SQSClient, queue: str, **more: Any) -> list[Any]:
    return list(sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, **more).get("Messages", []))


def dead_letters(sqs: SQSClient) -> list[Any]:
    return receive(sqs, sqs.get_queue_url(QueueName="dead")["QueueUrl"], MessageSystemAttributeNames=["All"])


def test_messages_come_in_the_order_sent_and_once_within_their_visibility(
    sqs: SQSClient, queue: str, clock: Clock
) -> None:
    for number in range(12):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    assert [message["Body"] for message in receive(sqs, queue)] == [str(number) for number in range(10)]
    assert [message["Body"] for message in receive(sqs, queue)] == ["10", "11"]
    clock.now += 29.9
    assert receive(sqs, queue) == []
    clock.now += 0.2
    assert len(receive(sqs, queue)) == 10


def test_only_the_latest_handle_deletes(sqs: SQSClient, queue: str, clock: Clock) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (first,) = receive(sqs, queue)
    clock.now += 31
    (second,) = receive(sqs, queue)
    assert first["MessageId"] == second["MessageId"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"])
    assert counts(sqs, queue) == (0, 0, 1)
    for _ in range(2):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=second["ReceiptHandle"])
    assert counts(sqs, queue) == (0, 0, 0)


def counts(sqs: SQSClient, queue: str) -> tuple[int, int, int]:
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    names: Any = ("", "Delayed", "NotVisible")
    waiting, delayed, in_flight = (int(found[f"ApproximateNumberOfMessages{name}"]) for name in names)  # type: ignore[index]
    return waiting, delayed, in_flight


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(sqs: SQSClient, queue: str, clock: Clock) -> None:
    sent = sqs.send_message(
        QueueUrl=queue,
        MessageBody="poison",
        MessageAttributes={"cause": {"DataType": "String", "StringValue": "why"}},
        MessageGroupId="tenant",
    )
    for attempt in (1, 2):
        (message,) = receive(sqs, queue, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"])
        assert message["Attributes"]["ApproximateReceiveCount"] == str(attempt)
        assert message["Attributes"]["MessageGroupId"] == "tenant"
        assert message["MessageAttributes"]["cause"]["StringValue"] == "why"
        clock.now += 31
    assert dead_letters(sqs) == []
    assert receive(sqs, queue) == []
    (dead,) = dead_letters(sqs)
    assert (dead["MessageId"], dead["Body"]) == (sent["MessageId"], "poison")
    assert counts(sqs, queue) == (0, 0, 0)


def test_visibility_zero_gives_a_message_back_at_once(sqs: SQSClient, queue: str, clock: Clock) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (message,) = receive(sqs, queue)
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert len(receive(sqs, queue)) == 1


def test_visibility_can_be_made_longer(sqs: SQSClient, queue: str, clock: Clock) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (message,) = receive(sqs, queue)
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=300)
    clock.now += 299
    assert receive(sqs, queue) == []
    clock.now += 2
    assert len(receive(sqs, queue)) == 1


def test_the_visibility_of_a_message_that_is_not_in_flight_cannot_be_changed(
    sqs: SQSClient, queue: str, clock: Clock
) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (message,) = receive(sqs, queue)
    change: Any = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 5}
    clock.now += 31
    with pytest.raises(sqs.exceptions.MessageNotInflight):
        sqs.change_message_visibility(**change)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        sqs.change_message_visibility(**change)
    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
        sqs.change_message_visibility(**change | {"ReceiptHandle": "nonsense"})


def test_a_delayed_message_is_not_received_early(sqs: SQSClient, queue: str, clock: Clock) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=900)
    sqs.send_message(QueueUrl=queue, MessageBody="now")
    assert [message["Body"] for message in receive(sqs, queue)] == ["now"]
    assert counts(sqs, queue) == (0, 1, 1)
    clock.now += 901
    assert "later" in [message["Body"] for message in receive(sqs, queue)]
    with pytest.raises(ClientError, match="DelaySeconds"):
        sqs.send_message(QueueUrl=queue, MessageBody="x", DelaySeconds=901)


def test_a_message_older_than_the_retention_period_is_removed(sqs: SQSClient, queue: str, clock: Clock) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="old")
    clock.now += 3601
    sqs.send_message(QueueUrl=queue, MessageBody="new")
    assert [message["Body"] for message in receive(sqs, queue)] == ["new"]
    assert counts(sqs, queue) == (0, 0, 1)


def test_a_long_poll_ends_as_soon_as_a_message_comes(sqs: SQSClient, queue: str) -> None:
    started = time.monotonic()
    threading.Timer(0.2, lambda: sqs.send_message(QueueUrl=queue, MessageBody="x")).start()
    assert len(receive(sqs, queue, WaitTimeSeconds=20)) == 1
    assert 0.2 <= time.monotonic() - started < 15


def test_a_long_poll_sees_a_message_whose_visibility_ends(sqs: SQSClient, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    started = time.monotonic()
    receive(sqs, queue, VisibilityTimeout=1)
    assert len(receive(sqs, queue, WaitTimeSeconds=20)) == 1
    assert 0.9 < time.monotonic() - started < 15


def test_batches_report_each_entry(sqs: SQSClient, queue: str, clock: Clock) -> None:
    entries: Any = [{"Id": str(number), "MessageBody": "x", "MessageGroupId": "a"} for number in range(10)]
    assert len(sqs.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 10
    handles = [message["ReceiptHandle"] for message in receive(sqs, queue)]
    removals: Any = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles[:9])]
    answer = sqs.delete_message_batch(QueueUrl=queue, Entries=[*removals, {"Id": "bad", "ReceiptHandle": "nonsense"}])
    assert [failed["Id"] for failed in answer["Failed"]] == ["bad"]
    assert counts(sqs, queue) == (0, 0, 1)
    sqs.purge_queue(QueueUrl=queue)
    assert counts(sqs, queue) == (0, 0, 0)


def send(sqs: SQSClient, queue: str, group: str, *bodies: str) -> None:
    for body in bodies:
        more: Any = {"MessageGroupId": group} if group else {}
        sqs.send_message(QueueUrl=queue, MessageBody=body, **more)


def one(sqs: SQSClient, queue: str) -> Any:
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    return message


def test_a_group_with_fewer_messages_in_flight_goes_first(sqs: SQSClient, queue: str, clock: Clock) -> None:
    send(sqs, queue, "noisy", "n1", "n2", "n3")
    assert [one(sqs, queue)["Body"], one(sqs, queue)["Body"]] == ["n1", "n2"]
    send(sqs, queue, "quiet", "q1", "q2", "q3")
    assert [message["Body"] for message in receive(sqs, queue)] == ["q1", "q2", "n3", "q3"]


def test_of_groups_with_as_much_in_flight_the_oldest_message_goes_first(
    sqs: SQSClient, queue: str, clock: Clock
) -> None:
    send(sqs, queue, "a", "a1")
    send(sqs, queue, "b", "b1", "b2")
    send(sqs, queue, "a", "a2")
    assert [message["Body"] for message in receive(sqs, queue)] == ["a1", "b1", "b2", "a2"]


def test_a_message_without_a_group_waits_for_no_others_of_its_kind(sqs: SQSClient, queue: str, clock: Clock) -> None:
    send(sqs, queue, "noisy", "n1", "n2")
    send(sqs, queue, "", "x1", "x2")
    assert [message["Body"] for message in receive(sqs, queue)] == ["n1", "x1", "x2", "n2"]


@pytest.mark.parametrize("end", ["deleted", "given back", "visible again", "dead"])
def test_a_message_that_is_no_longer_in_flight_does_not_hold_its_group_back(
    sqs: SQSClient, queue: str, clock: Clock, end: str
) -> None:
    send(sqs, queue, "a", "a1")
    handle = one(sqs, queue)["ReceiptHandle"]
    match end:
        case "deleted":
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
        case "given back":
            sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
        case "visible again":
            clock.now += 31
        case "dead":
            clock.now += 31
            one(sqs, queue)
            clock.now += 31
    send(sqs, queue, "a", "a2")
    send(sqs, queue, "b", "b1")
    bodies = [message["Body"] for message in receive(sqs, queue)]
    assert bodies == (["a1"] if end == "visible again" else []) + (
        ["b1", "a2"] if end == "visible again" else ["a2", "b1"]
    )


def test_a_message_costs_no_more_in_a_queue_of_20_000(sqs: SQSClient, queue: str) -> None:
    def through() -> None:
        sqs.send_message(QueueUrl=queue, MessageBody="x")
        (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    short = lines_run(through)
    backend = sqs_backends["123456789012"]["us-east-1"]
    for number in range(20_000):
        backend.send_message("work", "x", group_id=f"g{number % 10_000}")
    assert lines_run(through) < short + FEW_LINES  # moto alone: some for each message
