"""Orders that their queue still holds are not sent again, and not parked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from postroom.contracts.orders import DeliveryOrder
from postroom.model.limits import DAY_MS, HOUR_MS
from postroom.parking.again import BACKLOG_MESSAGES, LONGEST_BACKLOG_MS
from tests.support.builders import bounce, notification, order
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.sweeps import memory_sweep

if TYPE_CHECKING:
    from postroom.parking.sweep import Sweep

MESSAGE: Final = b"From: Bob <bob@example.org>\nSubject: plums\n\nten\n"


@pytest.fixture
def post() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    return made


@pytest.fixture
def sweep(post: MemoryMailSystem) -> Sweep:
    return memory_sweep(post.tables, post.parking, post.queues, post.raw, post.now)


def hold_back(post: MemoryMailSystem, number: int = BACKLOG_MESSAGES) -> None:
    """Put other messages into deliver's queue."""
    post.queues.send(order(f"u{place}", "a" * 32) for place in range(number))


def test_what_may_wait_in_its_queue_is_left_there_until_the_queue_is_short_again(
    post: MemoryMailSystem, sweep: Sweep
) -> None:
    post.tables.write([], [order("ann"), bounce()], now_ms=post.now())
    hold_back(post)
    for _ in range(10):
        post.later += 2 * HOUR_MS
        assert sweep.run()["waiting"] == 1
    assert len(post.queues.queues["deliver"]) == BACKLOG_MESSAGES
    assert [parked.key for parked in post.parking.list()] == [bounce().key], "its own queue is short"
    post.queues.queues["deliver"].popleft()
    assert sweep.run()["sent"] == 1


def test_after_a_day_it_is_sent_again_all_the_same(post: MemoryMailSystem, sweep: Sweep) -> None:
    post.tables.write([], [order("ann")], now_ms=post.now())
    hold_back(post)
    post.later = LONGEST_BACKLOG_MS - 1
    assert sweep.run()["sent"] == 0
    post.later = LONGEST_BACKLOG_MS
    assert sweep.run()["sent"] == 1


def test_each_queue_is_asked_once_in_a_sweep(
    post: MemoryMailSystem, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.tables.write([], [order("ann"), order("ben"), bounce()], now_ms=post.now())
    asked: list[str] = []

    def counted(_: object, station: str) -> int:
        asked.append(station)
        return 0

    monkeypatch.setattr(type(post.queues), "messages", counted)
    post.later = HOUR_MS // 2
    sweep.run()
    assert asked == [], "nothing is open for too long"
    post.later = 2 * HOUR_MS
    sweep.run()
    assert sorted(asked) == ["bounce", "deliver"]


def test_listed_orders_wait_too_and_are_looked_at_again_for_as_long(post: MemoryMailSystem, sweep: Sweep) -> None:
    post.raw.store("inbound/m1", MESSAGE)
    post.ingest.accept(notification("m1", ["ann@acme.test"]))
    lost = DeliveryOrder.read(post.queues.queues["deliver"].pop())
    hold_back(post)
    for _ in range(3 * 4):
        post.later += HOUR_MS // 4
        assert sweep.run()["sent"] == 0
    assert post.transit.order(lost.trace, lost.key) == lost, "it has no row yet"
    post.queues.queues["deliver"].clear()
    assert sweep.run()["sent"] == 1
    post.pump()
    assert post.contents("ann") == [MESSAGE]
    post.later += 31 * DAY_MS
    assert sweep.run()["retired"] == 1
