"""The sweep finds orders that have no rows by the messages that SES stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.metrics import MemoryStackMetrics
from postroom.adapters.memory.transit_scans import MemoryTransitScans
from postroom.contracts.order_list import LISTED_WITHIN_MS, in_row
from postroom.contracts.orders import DeliveryOrder
from postroom.contracts.stored import MOST_SWEEPS
from postroom.model.facts import OwnFact, trace_of
from postroom.model.limits import DAY_MS
from postroom.parking.sweep import Sweep, SweepTimes
from tests.support.builders import NOON, ORG, OTHER, notification
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.ledger import OpenedFlow

MESSAGE: Final = b"From: Bob <bob@example.org>\nSubject: plums\n\nten\n"
TRACE: Final = trace_of("m1", ORG)
HOUR: Final = 3_600_000


class Organizations:
    def ids(self) -> Iterator[str]:
        yield from (OTHER, ORG)


@pytest.fixture
def post() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    made.user("ben")
    return made


@pytest.fixture
def sweep(post: MemoryMailSystem) -> Sweep:
    return Sweep(
        parking=post.parking,
        queues=post.queues,
        transit=post.transit,
        scans=MemoryTransitScans(post.tables),
        archive=post.raw,
        organizations=Organizations(),
        metrics=MemoryStackMetrics(),
        times=SweepTimes(HOUR, 30 * DAY_MS),
        now=post.now,
    )


def lose(post: MemoryMailSystem, *, age: int = 0) -> list[DeliveryOrder]:
    """Let a message arrive, and lose its orders; return them."""
    post.later = -age
    post.raw.store("inbound/m1", MESSAGE)
    post.later = 0
    post.ingest.accept(notification("m1", ["ann@acme.test", "ben@acme.test"], at=NOON - age))
    return forget(post)


def forget(post: MemoryMailSystem) -> list[DeliveryOrder]:
    lost = [DeliveryOrder.read(body) for body in post.queues.queues["deliver"]]
    post.queues.queues["deliver"].clear()
    return lost


def test_lost_orders_get_rows_and_are_sent_after_an_hour(post: MemoryMailSystem, sweep: Sweep) -> None:
    lost = lose(post)
    post.later = HOUR - 1
    assert sweep.run() == {"sent": 0, "parked": 0, "retired": 0}
    post.later = HOUR
    assert sweep.run()["sent"] == 2
    assert forget(post) == [in_row(order) for order in lost]
    assert sweep.run()["sent"] == 0, "they are swept like any other from now on"
    post.later = 2 * HOUR + 1
    assert sweep.run()["sent"] == 2
    post.pump()
    assert post.contents("ann") == post.contents("ben") == [MESSAGE]
    assert post.transit.is_clear(TRACE)


def test_an_order_that_ended_is_not_stored(post: MemoryMailSystem, sweep: Sweep) -> None:
    first, _ = lose(post)
    post.deliver.accept(first.message)
    post.later = HOUR
    assert sweep.run()["sent"] == 1
    stored = [fact.data["mailboxId"] for fact in post.ledger.facts(TRACE) if fact.name is OwnFact.ORDER_STORED]
    assert stored == ["ben"]


def test_orders_that_are_lost_again_and_again_are_parked(post: MemoryMailSystem, sweep: Sweep) -> None:
    lose(post)
    for _ in range(MOST_SWEEPS):
        post.later += 2 * HOUR
        assert sweep.run() == {"sent": 2, "parked": 0, "retired": 0}
        forget(post)
    post.later += 2 * HOUR
    assert sweep.run() == {"sent": 0, "parked": 2, "retired": 0}
    assert {each.key for each in post.parking.list()} == {"order:ann", "order:ben"}


def test_a_sweep_that_stops_before_it_sends_is_made_up_for_by_the_next(
    post: MemoryMailSystem, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(post)
    post.later = 2 * HOUR

    class DiedError(BaseException):
        pass

    def dies(*_: object, **__: object) -> None:
        raise DiedError

    with monkeypatch.context() as patched:
        patched.setattr(type(post.queues), "send", dies)
        with pytest.raises(DiedError):
            sweep.run()
    assert sweep.run()["sent"] == 2
    post.pump()
    assert post.contents("ann") == post.contents("ben") == [MESSAGE]


@pytest.mark.parametrize("age", [0, HOUR, LISTED_WITHIN_MS - 1001])
def test_whatever_is_listed_is_found_within_two_days(post: MemoryMailSystem, sweep: Sweep, age: int) -> None:
    """The sweep sees each stored message once in a day; a flow opens up to a day after its message came."""
    assert all(order.listed for order in lose(post, age=age))
    post.later = HOUR + DAY_MS  # the latest first look after the order is open for too long
    assert sweep.run()["sent"] == 2


def test_what_was_missed_for_days_is_stored_before_the_message_would_go(post: MemoryMailSystem, sweep: Sweep) -> None:
    lose(post)
    post.later = 31 * DAY_MS
    assert sweep.run() == {"sent": 2, "parked": 0, "retired": 0}
    assert [stored.key for stored in post.raw.stored("inbound/")] == ["inbound/m1"]
    post.pump()
    assert post.contents("ann") == [MESSAGE]


def test_a_stored_message_takes_one_read_for_each_organization(
    post: MemoryMailSystem, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(post)
    reads: list[str] = []
    opened = MemoryLedger.opened

    def counted(self: MemoryLedger, trace: str) -> OpenedFlow | None:
        reads.append(trace)
        return opened(self, trace)

    monkeypatch.setattr(MemoryLedger, "opened", counted)
    for method in ("fact", "facts"):
        monkeypatch.setattr(MemoryLedger, method, lambda *_: pytest.fail("another read"))
    post.later = HOUR // 2
    assert sweep.run()["sent"] == 0
    assert reads == []
    for name in ("ann", "ben"):  # as if they had ended: nothing is stored
        post.tables.facts[TRACE][f"MAILBOX_EMAIL_DELIVERED:{name}"] = next(iter(post.tables.facts[TRACE].values()))
    post.later = 2 * HOUR
    assert sweep.run() == {"sent": 0, "parked": 0, "retired": 0}
    assert reads == [trace_of("m1", OTHER), TRACE]
