"""An order that was sent again while its first message waited: the second message seals nothing."""

from __future__ import annotations

from typing import Final

import pytest

from postroom.adapters.memory.sealed_mail import MemorySealedMail
from postroom.contracts.orders import DeliveryOrder, OrderKind
from postroom.model.facts import trace_of
from postroom.model.limits import HOUR_MS
from postroom.routing.listed import store
from tests.support.builders import ORG, notification
from tests.support.memory_mail_system import MemoryMailSystem

MESSAGE: Final = b"From: Bob <bob@example.org>\nSubject: plums\n\nten\n"


@pytest.fixture
def post() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    return made


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The objects that were put, each time."""
    puts: list[str] = []
    put_once = MemorySealedMail.put_once

    def counted(self: MemorySealedMail, key: str, content: bytes) -> bool:
        puts.append(key)
        return put_once(self, key, content)

    monkeypatch.setattr(MemorySealedMail, "put_once", counted)
    return puts


def listed(post: MemoryMailSystem, name: str = "ann") -> DeliveryOrder:
    """Let a message arrive; return its order, which waits in the queue."""
    post.raw.store("inbound/m1", MESSAGE)
    post.ingest.accept(notification("m1", [f"{name}@acme.test"]))
    return DeliveryOrder.read(post.queues.queues["deliver"].popleft())


@pytest.mark.parametrize("first", ["the listed one", "the one with a row"])
def test_of_two_messages_for_one_order_only_the_first_is_sealed(
    post: MemoryMailSystem, sealed: list[str], first: str
) -> None:
    order = listed(post)
    post.later = 2 * HOUR_MS
    stored = store(order, post.transit, post.now())
    assert stored is not None
    both = [order, stored] if first == "the listed one" else [stored, order]
    for each in both * 2:
        post.deliver.accept(each.message)
    assert len(sealed) == 1
    assert post.contents("ann") == [MESSAGE]
    assert post.transit.is_clear(trace_of("m1", ORG))


def test_a_message_that_comes_twice_after_hours_is_sealed_once(post: MemoryMailSystem, sealed: list[str]) -> None:
    order = listed(post)
    post.later = 2 * HOUR_MS
    for _ in range(3):
        post.deliver.accept(order.message)
    assert len(sealed) == 1
    assert post.contents("ann") == [MESSAGE]


def test_what_follows_from_it_is_sent_again(post: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    post.user("ben", quota=len(MESSAGE) + 2)
    order = listed(post, "ben")
    post.later = 2 * HOUR_MS

    class StoppedError(BaseException):
        pass

    def stopped(*_: object, **__: object) -> None:
        raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr(type(post.queues), "send", stopped)
        with pytest.raises(StoppedError):
            post.deliver.accept(order.message)
    assert not post.queues.queues["deliver"]
    post.deliver.accept(order.message)
    (notice,) = (DeliveryOrder.read(body) for body in post.queues.queues["deliver"])
    assert notice.kind is OrderKind.QUOTA_NOTICE


def test_a_fresh_message_takes_no_read_more(post: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    order = listed(post)
    monkeypatch.setattr(type(post.ledger), "fact", lambda *_: pytest.fail("a read"))
    post.deliver.accept(order.message)
    assert post.contents("ann") == [MESSAGE]
