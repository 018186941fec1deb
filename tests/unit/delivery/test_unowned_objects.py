"""A sealed object without an item is removed, and the object of an item never is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from postroom.contracts.orders import DeliveryOrder
from postroom.delivery.entry import Entry
from postroom.model.facts import trace_of
from tests.support.builders import ORG, notification
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGE = b"From: Bob <bob@example.org>\nSubject: plums\n\n" + b"x" * 2000


@pytest.fixture
def post() -> MemoryMailSystem:
    return MemoryMailSystem()


def order_for(post: MemoryMailSystem, name: str) -> str:
    """Let a message arrive, and return the order for it, which waits in its queue."""
    post.raw.store("inbound/m1", MESSAGE)
    post.ingest.accept(notification("m1", [f"{name}@acme.test"]))
    (body,) = post.queues.queues["deliver"]
    return str(body)


def test_an_order_that_bounced_and_comes_again_when_there_is_room_stores_nothing(post: MemoryMailSystem) -> None:
    post.user("tim", quota=10)
    body = order_for(post, "tim")
    post.pump()
    post.mailboxes.set_quota("tim", 1 << 30)
    post.deliver.accept(body)
    post.pump()
    assert post.contents("tim") == []
    assert post.sealed.under("") == []
    names = [str(fact.name) for fact in post.ledger.facts(trace_of("m1", ORG))]
    assert names.count("INCOMING_EMAIL_BOUNCED") == names.count("BOUNCE_SENT") == 1


def test_an_order_that_was_delivered_and_comes_again_changes_nothing(post: MemoryMailSystem) -> None:
    post.user("ann")
    body = order_for(post, "ann")
    post.pump()
    post.deliver.accept(body)
    assert post.contents("ann") == [MESSAGE]


def test_two_orders_at_the_same_time_leave_one_copy(post: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    post.user("ann")
    body = order_for(post, "ann")
    carry_out = Entry.carry_out
    struck: list[str] = []

    def overtaken(self: Entry) -> Mapping[str, Exception]:
        """Between this attempt's object and its transaction, another does all of it."""
        if not struck:
            struck.append(json.loads(body)["mailbox_id"])
            self.station.accept(body)
        return carry_out(self)

    monkeypatch.setattr(Entry, "carry_out", overtaken)
    post.deliver.accept(body)
    assert struck == ["ann"]
    assert post.contents("ann") == [MESSAGE]


def test_a_late_copy_of_a_parked_order_delivers_it_once(post: MemoryMailSystem) -> None:
    post.user("ann")
    body = order_for(post, "ann")
    post.parking.park_order(DeliveryOrder.read(body), "for a reason")
    post.deliver.accept(body)
    post.pump()
    assert post.contents("ann") == [MESSAGE]
    assert list(post.parking.list()) == []
