"""The parts of a dead letter that are parked, their flow, and the orders that are sent instead."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.queues import MemoryQueues
from postroom.contracts.orders import DeliveryOrder
from postroom.errors import MessageNotFoundError, StoreUnavailableError
from postroom.model.facts import trace_of
from postroom.model.limits import CHUNK_RECIPIENTS
from postroom.parking.dead_letters import DeadLetters
from tests.support.builders import ORG, OTHER, notification
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.parked import Parked

CROWD = [f"u{number:02}" for number in range(CHUNK_RECIPIENTS + 3)]
MESSAGE = b"From: Bob <bob@example.org>\r\nSubject: plums\r\n\r\nten\r\n"
TRACE = trace_of("m1", ORG)
EXPANSION = f"{TRACE}/expansion"


class DiedError(BaseException):
    """The worker has ended."""


class Organizations:
    def ids(self) -> Iterator[str]:
        yield from (OTHER, ORG)


class Refusing:
    """A queue that refuses one send."""

    def __init__(self, queue: Any) -> None:
        self.queue, self.refuses = queue, True

    def send(self, *sent: Any, **more: Any) -> None:
        if self.refuses:
            self.refuses = False
            raise StoreUnavailableError("no answer")
        self.queue.send(*sent, **more)


@pytest.fixture
def post() -> MemoryMailSystem:
    made = MemoryMailSystem()
    for name in CROWD:
        made.user(name)
    made.group("all", *CROWD)
    return made


def dead_letters(post: MemoryMailSystem, **changes: Any) -> DeadLetters:
    return DeadLetters(replace(post.parking, **{"organizations": Organizations(), **changes}))


def dies_behind(post: MemoryMailSystem, sends: int, *recipients: str) -> str:
    """Let ingest commit a large message and die at a send; return the notification."""
    post.raw.store("inbound/m1", MESSAGE)
    body = notification("m1", recipients)
    with dying(sends), pytest.raises(DiedError):
        post.ingest.accept(body)
    return body


@contextmanager
def dying(sends: int) -> Iterator[None]:
    """End a worker that sends orders more often than that."""
    send, left = MemoryQueues.send, [sends]

    def dies(queue: MemoryQueues, orders: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise DiedError
        send(queue, orders)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryQueues, "send", dies)
        yield


def all_parked(post: MemoryMailSystem) -> dict[str, Parked]:
    return {parked.id: parked for parked in post.parking.list()}


def sent(post: MemoryMailSystem) -> list[str]:
    return [DeliveryOrder.read(body).mailbox_id for body in post.queues.queues["deliver"]]


def test_a_flow_that_was_given_up_is_parked_as_itself_and_its_decided_orders_are_sent(post: MemoryMailSystem) -> None:
    body = dies_behind(post, 1, "all@acme.test")
    dead_letters(post).accept("queue", body, 100)
    (parked,) = all_parked(post).values()
    assert (parked.id, parked.organization_id, parked.station) == (EXPANSION, ORG, "ingest")
    assert sent(post) == CROWD[:CHUNK_RECIPIENTS]
    assert "PARKED" in [fact.name for fact in post.ledger.facts(TRACE)]


def test_its_redrive_reaches_every_recipient_once(post: MemoryMailSystem) -> None:
    body = dies_behind(post, 1, "all@acme.test")
    letters = dead_letters(post)
    letters.accept("queue", body, 100)
    post.pump()
    assert post.parking.redrive(all_parked(post)[EXPANSION])
    assert list(post.queues.queues["ingest"]) == [body]
    post.ingest.accept(body)
    post.pump()
    assert {name: post.contents(name) for name in CROWD} == {name: [MESSAGE] for name in CROWD}
    assert post.transit.is_clear(TRACE)


def test_until_then_a_late_copy_of_its_notification_changes_nothing(post: MemoryMailSystem) -> None:
    body = dies_behind(post, 1, "all@acme.test")
    dead_letters(post).accept("queue", body, 100)
    post.ingest.accept(body)
    assert list(all_parked(post)) == [EXPANSION]


def test_recipients_that_are_in_no_flow_are_parked_beside_it(post: MemoryMailSystem) -> None:
    body = dies_behind(post, 1, "all@acme.test", "x@nowhere.test")
    dead_letters(post).accept("queue", body, 100)
    parked = all_parked(post)
    assert parked.pop(EXPANSION).organization_id == ORG
    (arrival,) = parked.values()
    assert (arrival.trace, arrival.organization_id, arrival.body) == ("arrival:m1", "-", body)


def test_a_flow_that_only_lacks_its_sends_gets_them_and_nothing_is_parked(post: MemoryMailSystem) -> None:
    body = dies_behind(post, 0, "u01@acme.test", "U02+news@ACME.test")
    dead_letters(post).accept("queue", body, 100)
    assert sent(post) == ["u01", "u02"]
    assert all_parked(post) == {}


def test_a_flow_that_is_over_is_not_changed(post: MemoryMailSystem) -> None:
    post.arrive("m1", MESSAGE, "u01@acme.test")
    dead_letters(post).accept("queue", notification("m1", ["u01@acme.test"]), 100)
    assert (all_parked(post), sent(post)) == ({}, [])


def test_a_notification_without_a_flow_is_parked_as_it_came(post: MemoryMailSystem) -> None:
    body = notification("m1", ["u01@acme.test"])
    dead_letters(post).accept("arn:aws:sqs:us-east-1:123456789012:ingest", body, 100)
    (parked,) = all_parked(post).values()
    assert (parked.trace, parked.cause) == ("arrival:m1", "gave up after 100 receives (ingest)")


def test_a_stations_own_cause_is_the_cause(post: MemoryMailSystem) -> None:
    dead_letters(post).accept("queue", notification("m1", ["u01@acme.test"]), 1, "gave up after 5 failed attempts")
    (parked,) = all_parked(post).values()
    assert parked.cause == "gave up after 5 failed attempts"


def test_if_a_send_fails_everything_is_done_when_the_dead_letter_comes_again(post: MemoryMailSystem) -> None:
    body = dies_behind(post, 1, "all@acme.test", "x@nowhere.test")
    letters = dead_letters(post, queues=Refusing(post.parking.queues))
    with pytest.raises(StoreUnavailableError):
        letters.accept("queue", body, 100)
    letters.accept("queue", body, 100)
    assert len(all_parked(post)) == 2
    assert set(sent(post)) == set(CROWD[:CHUNK_RECIPIENTS])


def test_an_expansion_that_ingest_cannot_continue_is_parked_in_its_flow_too(post: MemoryMailSystem) -> None:
    body = dies_behind(post, 1, "all@acme.test")
    dead_letters(post).parking.park_arrival(body, MessageNotFoundError("the plan").cause)
    (parked,) = all_parked(post).values()
    assert (parked.id, parked.cause) == (EXPANSION, "MessageNotFoundError: the plan")


def test_the_sends_after_an_order_that_was_settled_are_repeated(post: MemoryMailSystem) -> None:
    post.user("tim", quota=1)
    post.raw.store("inbound/m1", MESSAGE)
    post.ingest.accept(notification("m1", ["tim@acme.test"]))
    (body,) = post.queues.queues.pop("deliver")
    with dying(0), pytest.raises(DiedError):
        post.deliver.accept(body)  # settled; its bounce is not sent
    dead_letters(post).accept("queue", body, 100)
    assert len(post.queues.queues["bounce"]) == 1
    assert all_parked(post) == {}
