"""Queues between stations, in memory and in SQS alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from postroom.adapters.aws.queues import SqsArrivals, SqsBounceOrders, SqsOnward, SqsParkedNotices
from postroom.adapters.memory.queues import MemoryArrivals, MemoryBounceOrders, MemoryOnward, MemoryParkedNotices
from postroom.contracts.between_stations import ParkedPointer, Station, read_bounce, read_order
from postroom.errors import StoreUnavailableError
from tests.support.builders import ORG, bounce, order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from postroom.ports.queues import Arrivals, BounceOrders, Onward, ParkedNotices
    from tests.support.stack import Stack


@dataclass
class Queues:
    onward: Onward
    bounces: BounceOrders
    arrivals: Arrivals
    notices: ParkedNotices
    bouncing: Callable[[], Iterable[str]]
    delivered: Callable[[], Iterable[str]]
    arrived: Callable[[], Iterable[str]]
    noticed: Callable[[], Iterable[tuple[str, str]]]


def drain(stack: Stack, name: str) -> list[Any]:
    found: list[Any] = []
    while messages := stack.sqs.receive_message(
        QueueUrl=stack.environment[name], MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        found += messages
    return found


@pytest.fixture(params=["memory", "sqs"])
def queues(request: pytest.FixtureRequest) -> Queues:
    if request.param == "memory":
        onward, arrivals, notices = MemoryOnward(), MemoryArrivals(), MemoryParkedNotices()
        bounces = MemoryBounceOrders()
        return Queues(
            onward,
            bounces,
            arrivals,
            notices,
            lambda: [*(body for body, _ in bounces.sent), *onward.queues[Station.BOUNCE]],
            lambda: onward.queues[Station.DELIVER],
            lambda: arrivals.bodies,
            lambda: [(pointer.model_dump_json(), cause) for pointer, cause in notices.sent],
        )
    stack: Stack = request.getfixturevalue("stack")
    urls = stack.environment
    return Queues(
        SqsOnward(stack.sqs, {station: urls.get(f"{station.name}_QUEUE_URL", "") for station in Station}),
        SqsBounceOrders(stack.sqs, urls["BOUNCE_QUEUE_URL"]),
        SqsArrivals(stack.sqs, urls["INGEST_QUEUE_URL"]),
        SqsParkedNotices(stack.sqs, urls["PARKED_QUEUE_URL"]),
        lambda: [found["Body"] for found in drain(stack, "BOUNCE_QUEUE_URL")],
        lambda: [found["Body"] for found in drain(stack, "DELIVER_QUEUE_URL")],
        lambda: [found["Body"] for found in drain(stack, "INGEST_QUEUE_URL")],
        lambda: [
            (found["Body"], found["MessageAttributes"]["cause"]["StringValue"])
            for found in drain(stack, "PARKED_QUEUE_URL")
        ],
    )


@pytest.mark.parametrize("number", [0, 1, 10, 11, 40])
def test_every_order_arrives(queues: Queues, number: int) -> None:
    orders = [order(f"u{place:02}", envelope_from="grüße@exämple.org") for place in range(number)]
    queues.onward.send(iter(orders))
    assert sorted((read_order(body) for body in queues.delivered()), key=lambda o: o.mailbox_id) == orders


def test_bounce_orders_arrive(queues: Queues) -> None:
    orders = [bounce(f"grüße{number:02}@acme.test") for number in range(12)]
    queues.bounces.send(iter(orders))
    assert sorted((read_bounce(body) for body in queues.bouncing()), key=lambda o: o.name) == orders


def test_a_delayed_bounce_order_comes_later(stack: Stack) -> None:
    SqsBounceOrders(stack.sqs, stack.environment["BOUNCE_QUEUE_URL"]).send([bounce()], delay=900)
    assert drain(stack, "BOUNCE_QUEUE_URL") == []
    names: Any = ["ApproximateNumberOfMessagesDelayed"]
    found = stack.sqs.get_queue_attributes(QueueUrl=stack.environment["BOUNCE_QUEUE_URL"], AttributeNames=names)
    assert found["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"


def test_a_notification_arrives_as_it_was(queues: Queues) -> None:
    body = '{"x": "\\u0000 \\ud800 ü", "y": [1]}\n'
    queues.arrivals.send(body)
    assert list(queues.arrived()) == [body]


def test_a_pointer_arrives_with_its_cause(queues: Queues) -> None:
    pointer = ParkedPointer(id="t/order:ann", trace="t", organization_id=ORG)
    queues.notices.send(pointer, "KeyUnavailableError: disabled")
    assert list(queues.noticed()) == [(pointer.model_dump_json(), "KeyUnavailableError: disabled")]


def test_a_batch_that_sqs_takes_only_in_part_is_an_error(stack: Stack) -> None:
    client = boto3.client("sqs")
    failed = [{"Id": "0", "Code": "InternalError", "SenderFault": False}]
    with Stubber(client) as stub:
        stub.add_response("send_message_batch", {"Successful": [], "Failed": failed}, {"QueueUrl": ANY, "Entries": ANY})
        with pytest.raises(StoreUnavailableError, match="InternalError"):
            SqsOnward(client, {Station.DELIVER: "https://sqs.us-east-1.amazonaws.com/1/q"}).send([order()])
