"""Queues between stations, in memory and in SQS alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from postroom.adapters.aws.queue_limits import MAX_CALL_BYTES
from postroom.adapters.aws.queues import SqsBacklogs, SqsQueues
from postroom.adapters.memory.queues import MemoryQueues
from postroom.contracts.orders import STATIONS, BounceOrder, CallPointer, DeliveryOrder
from postroom.contracts.pointers import Announcement
from postroom.errors import StoreUnavailableError
from tests.support.builders import bounce, call, order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from postroom.ports.queues import Backlogs, Queues
    from tests.support.stack import Stack


@dataclass
class Held:
    """Queues, and what has arrived in them: bodies by station."""

    queues: Queues
    backlogs: Backlogs
    bodies: Callable[[str], Iterable[str]]


def drain(stack: Stack, name: str) -> list[Any]:
    found: list[Any] = []
    while messages := stack.sqs.receive_message(
        QueueUrl=stack.environment[name], MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        found += messages
    return found


@pytest.fixture(params=["memory", "sqs"])
def held(request: pytest.FixtureRequest) -> Held:
    if request.param == "memory":
        queues = MemoryQueues()
        return Held(queues, queues, lambda station: queues.queues[station])
    stack: Stack = request.getfixturevalue("stack")
    return Held(
        sqs_queues(stack),
        SqsBacklogs(stack.sqs, sqs_queues(stack).urls),
        lambda station: [found["Body"] for found in drain(stack, STATIONS[station].queue)],
    )


def sqs_queues(stack: Stack) -> SqsQueues:
    """Return the queues in SQS, without the stations' own delays."""
    urls = {name: stack.environment[station.queue] for name, station in STATIONS.items()}
    return SqsQueues(stack.sqs, urls, lambda _: 0)


@pytest.mark.parametrize("number", [0, 1, 10, 11, 40])
def test_every_order_arrives(held: Held, number: int) -> None:
    orders = [order(f"u{place:02}", envelope_from="grüße@exämple.org") for place in range(number)]
    held.queues.send(iter(orders))
    assert sorted((DeliveryOrder.read(body) for body in held.bodies("deliver")), key=lambda o: o.mailbox_id) == orders


def test_large_orders_are_sent_in_batches_that_sqs_takes() -> None:
    """A message to 500 recipients has orders of up to 170 KB; moto does not enforce SQS's limit of all together."""

    class Sqs:
        def __init__(self) -> None:
            self.calls: list[list[str]] = []

        def send_message_batch(self, *, Entries: list[Any], **_: str) -> dict[str, Any]:  # noqa: N803  botocore's name
            self.calls.append([entry["MessageBody"] for entry in Entries])
            return {}

    sqs: Any = Sqs()
    bodies = [f"{number}{'ü' * 50_000}" for number in range(5)]
    SqsQueues(sqs, {"ingest": "url"}).send(map(Announcement, bodies))
    assert [body for call in sqs.calls for body in call] == bodies
    assert max(sum(len(body.encode()) for body in call) for call in sqs.calls) <= MAX_CALL_BYTES


def test_a_queue_says_how_much_is_in_it(held: Held) -> None:
    assert held.backlogs.messages("deliver") == 0
    held.queues.send([order("ann"), order("ben")])
    held.queues.send([order("zoe")], delay_s=900)
    assert held.backlogs.messages("deliver") == 3
    assert held.backlogs.messages("bounce") == 0
    assert held.backlogs.messages("query_availability") == 0, "it has no queue"


def test_bounce_orders_arrive(held: Held) -> None:
    orders = [bounce(f"grüße{number:02}@acme.test") for number in range(12)]
    held.queues.send(iter(orders))
    assert sorted((BounceOrder.read(body) for body in held.bodies("bounce")), key=lambda o: o.name) == orders


def test_a_delayed_bounce_order_comes_later(stack: Stack) -> None:
    sqs_queues(stack).send([bounce()], delay_s=900)
    assert drain(stack, "BOUNCE_QUEUE_URL") == []
    names: Any = ["ApproximateNumberOfMessagesDelayed"]
    found = stack.sqs.get_queue_attributes(QueueUrl=stack.environment["BOUNCE_QUEUE_URL"], AttributeNames=names)
    assert found["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"


def test_messages_for_several_stations_arrive_each_at_its_own(held: Held) -> None:
    orders = [order("u1"), bounce("a@acme.test"), order("u2"), call()]
    held.queues.send(iter(orders))
    assert [DeliveryOrder.read(body).mailbox_id for body in held.bodies("deliver")] == ["u1", "u2"]
    assert [BounceOrder.read(body).name for body in held.bodies("bounce")] == ["a@acme.test"]
    assert [CallPointer.read(body) for body in held.bodies("run_sync_rule")] == [call().pointer]


def test_a_stations_own_delay_holds_unless_another_is_given(stack: Stack) -> None:
    urls = {"bounce": stack.environment["BOUNCE_QUEUE_URL"]}
    SqsQueues(stack.sqs, urls).send([bounce()])
    assert drain(stack, "BOUNCE_QUEUE_URL") == []
    SqsQueues(stack.sqs, urls).send([bounce()], delay_s=0)
    assert len(drain(stack, "BOUNCE_QUEUE_URL")) == 1


def test_a_notification_arrives_as_it_was(held: Held) -> None:
    body = '{"x": "\\u0000 \\ud800 ü", "y": [1]}\n'
    held.queues.send([Announcement(body)])
    assert list(held.bodies("ingest")) == [body]


def test_a_batch_that_sqs_takes_only_in_part_is_an_error(stack: Stack) -> None:
    client = boto3.client("sqs")
    failed = [{"Id": "0", "Code": "InternalError", "SenderFault": False}]
    with Stubber(client) as stub:
        stub.add_response("send_message_batch", {"Successful": [], "Failed": failed}, {"QueueUrl": ANY, "Entries": ANY})
        with pytest.raises(StoreUnavailableError, match="InternalError"):
            SqsQueues(client, {"deliver": "https://sqs.us-east-1.amazonaws.com/1/q"}).send([order()])
