"""Orders without rows end once, whatever ends them, and do what orders with rows do when they have to wait."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.contracts.order_list import end_key
from postroom.contracts.orders import DeliveryOrder
from postroom.delivery.entry import Entry
from postroom.errors import MessageNotFoundError, StoreUnavailableError
from postroom.model.directory import EntityState
from postroom.model.facts import EventName, OwnFact, trace_of
from postroom.parking.dead_letters import DeadLetters
from postroom.ports.parked import ARRIVAL_PREFIX
from postroom.routing.listed import store
from tests.support.builders import ORG, notification
from tests.support.memory_mail_system import KMS, MemoryMailSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MESSAGE: Final = b"From: Bob <bob@example.org>\nSubject: plums\n\n" + b"x" * 2000
TRACE: Final = trace_of("m1", ORG)


@pytest.fixture
def post() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    return made


def order_for(post: MemoryMailSystem, name: str = "ann") -> DeliveryOrder:
    """Let a message arrive, and return its listed order, which waits in its queue."""
    post.raw.store("inbound/m1", MESSAGE)
    post.ingest.accept(notification("m1", [f"{name}@acme.test"]))
    order = DeliveryOrder.read(post.queues.queues["deliver"][0])
    assert order.listed
    return order


def names(post: MemoryMailSystem) -> list[str]:
    return sorted(str(fact.name) for fact in post.ledger.facts(TRACE) if fact.name in SHOWN)


SHOWN: Final = {
    EventName.MAILBOX_EMAIL_DELIVERED,
    EventName.INCOMING_EMAIL_BOUNCED,
    OwnFact.BOUNCE_SENT,
    OwnFact.ORDER_STORED,
    OwnFact.PARKED,
    OwnFact.REDRIVEN,
    OwnFact.DISCARDED,
}


def gone(post: MemoryMailSystem) -> None:
    post.entity("ann", state=EntityState.DELETED, email=None)


def full(post: MemoryMailSystem) -> None:
    post.mailboxes.set_quota("ann", 10)


class TestEnds:
    def test_a_delivery_ends_it_with_the_fact_of_the_usual_key(self, post: MemoryMailSystem) -> None:
        order = order_for(post)
        post.pump()
        (fact,) = (each for each in post.ledger.facts(TRACE) if each.name is EventName.MAILBOX_EMAIL_DELIVERED)
        assert fact.key == end_key(order) == "MAILBOX_EMAIL_DELIVERED:ann"
        assert post.transit.is_clear(TRACE)

    @pytest.mark.parametrize("change", [gone, full])
    def test_a_bounce_ends_it_once_and_is_sent_again_if_that_was_cut_short(
        self, post: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch, change: Callable[[MemoryMailSystem], None]
    ) -> None:
        order = order_for(post)
        change(post)
        send, stopped = type(post.queues).send, list[int]()

        def stop_once(queues: Any, messages: Any, **more: Any) -> None:
            if not stopped:
                stopped.append(1)
                raise StoreUnavailableError("no answer")
            send(queues, messages, **more)

        monkeypatch.setattr(type(post.queues), "send", stop_once)
        with pytest.raises(StoreUnavailableError):
            post.deliver.accept(order.message)
        assert names(post) == ["INCOMING_EMAIL_BOUNCED"]
        fact = post.ledger.fact(TRACE, end_key(order))
        assert fact is not None
        assert fact.name is EventName.INCOMING_EMAIL_BOUNCED
        assert fact.event["bouncedRecipient"]["emailAddress"] == "ann@acme.test"
        post.pump()
        post.deliver.accept(order.message)
        post.pump()
        assert names(post) == ["BOUNCE_SENT", "INCOMING_EMAIL_BOUNCED"]
        assert post.transit.is_clear(TRACE)
        assert post.sealed.under("") == []

    def test_an_attempt_that_sealed_before_another_bounced_leaves_no_object(
        self, post: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order, carry_out = order_for(post), Entry.carry_out
        struck: list[int] = []

        def overtaken(self: Entry) -> Mapping[str, Exception]:
            if not struck:
                struck.append(1)
                gone(post)
                self.station.accept(order.message)
                post.sealed.put_once(self.waiting[0].item.blob, b"again")  # as if this attempt had been the slower one
            return carry_out(self)

        monkeypatch.setattr(Entry, "carry_out", overtaken)
        post.deliver.accept(order.message)
        assert names(post) == ["INCOMING_EMAIL_BOUNCED"]
        assert post.sealed.under("") == []

    def test_a_delivery_that_is_too_late_after_a_discard_leaves_no_object(self, post: MemoryMailSystem) -> None:
        order = order_for(post)
        post.parking.park_order(order, "for a reason")
        (parked,) = post.parking.list()
        assert post.parking.discard(parked)
        post.pump()
        assert names(post) == ["DISCARDED", "ORDER_STORED", "PARKED"]
        assert post.contents("ann") == []
        assert post.sealed.under("") == []


class TestParked:
    def test_it_gets_a_row_and_is_parked_and_redriven(self, post: MemoryMailSystem) -> None:
        order_for(post)
        post.keys.disabled.add(KMS)
        post.pump()
        (parked,) = post.parking.list()
        assert parked.id == f"{TRACE}/order:ann"
        assert names(post) == ["ORDER_STORED", "PARKED"]
        post.keys.disabled.remove(KMS)
        assert post.parking.redrive(parked)
        post.pump()
        assert post.contents("ann") == [MESSAGE]
        assert names(post) == ["MAILBOX_EMAIL_DELIVERED", "ORDER_STORED", "PARKED", "REDRIVEN"]
        assert post.transit.is_clear(TRACE)

    def test_a_stop_between_row_and_parking_is_made_up_for(self, post: MemoryMailSystem) -> None:
        order = order_for(post)
        assert store(order, post.transit, post.now()) is not None
        post.parking.park_order(order, "for a reason")
        (parked,) = post.parking.list()
        assert parked.id == f"{TRACE}/order:ann"
        assert names(post) == ["ORDER_STORED", "PARKED"]

    def test_a_stop_between_row_and_parking_needs_no_parking_if_the_reason_is_gone(
        self, post: MemoryMailSystem
    ) -> None:
        order = order_for(post)
        assert store(order, post.transit, post.now()) is not None
        post.deliver.accept(order.message)
        assert post.contents("ann") == [MESSAGE]
        assert post.transit.is_clear(TRACE)
        post.deliver.accept(order.message)
        assert post.contents("ann") == [MESSAGE]

    @pytest.mark.parametrize("change", [gone, full])
    def test_a_stored_order_bounces_once(
        self, post: MemoryMailSystem, change: Callable[[MemoryMailSystem], None]
    ) -> None:
        order = order_for(post)
        stored = store(order, post.transit, post.now())
        assert stored is not None
        change(post)
        for body in (order.message, stored.message, order.message):
            post.deliver.accept(body)
        post.pump()
        assert names(post) == ["BOUNCE_SENT", "INCOMING_EMAIL_BOUNCED", "ORDER_STORED"]
        assert post.transit.is_clear(TRACE)

    def test_a_message_whose_bytes_are_gone_is_parked_and_one_that_has_ended_is_not(
        self, post: MemoryMailSystem
    ) -> None:
        order = order_for(post)
        post.raw.remove("inbound/m1")
        post.deliver.accept(order.message)
        (parked,) = post.parking.list()
        assert parked.cause.startswith(MessageNotFoundError.__name__)
        post.parking.discard(parked)
        post.deliver.accept(order.message)
        assert list(post.parking.list()) == []

    def test_a_dead_letter_is_parked_and_one_of_an_order_that_has_ended_sends_what_follows(
        self, post: MemoryMailSystem
    ) -> None:
        order = order_for(post)
        DeadLetters(post.parking).accept("deliver-dead", order.message, 5)
        assert [each.id for each in post.parking.list()] == [f"{TRACE}/order:ann"]
        for parked in list(post.parking.list()):
            post.parking.redrive(parked)
        post.pump()
        DeadLetters(post.parking).accept("deliver-dead", order.message, 5)
        assert list(post.parking.list()) == []
        assert post.contents("ann") == [MESSAGE]


def test_what_the_version_before_parked_as_a_notification_is_redriven_to_its_station(post: MemoryMailSystem) -> None:
    """It cannot read a listed order: after five attempts its function park parks the body as it came."""
    order = order_for(post)
    body = post.queues.queues["deliver"].popleft()
    post.parking.park("arrival:x", f"{ARRIVAL_PREFIX}x", "-", "ingest", body, "not a notification")
    (parked,) = post.parking.list()
    assert post.parking.redrive(parked)
    assert [json.loads(each) for each in post.queues.queues["deliver"]] == [json.loads(order.message)]
    post.pump()
    assert post.contents("ann") == [MESSAGE]
    assert list(post.parking.list()) == []
