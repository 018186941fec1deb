"""The sweep finds orders that have no rows by the messages that SES stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.transit_scans import MemoryTransitScans
from postroom.contracts.order_list import LISTED_WITHIN_MS, end_key, in_row
from postroom.contracts.orders import DeliveryOrder
from postroom.contracts.stored import MOST_SWEEPS
from postroom.model.facts import OwnFact, trace_of
from postroom.model.limits import DAY_MS
from tests.support.builders import NOON, ORG, OTHER, delivered, notification
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.sweeps import Organizations, memory_sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.parking.sweep import Sweep

MESSAGE: Final = b"From: Bob <bob@example.org>\nSubject: plums\n\nten\n"
TRACE: Final = trace_of("m1", ORG)
HOUR: Final = 3_600_000


@pytest.fixture
def post() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    made.user("ben")
    return made


@pytest.fixture
def sweep(post: MemoryMailSystem) -> Sweep:
    organizations = Organizations((OTHER, ORG))
    return memory_sweep(post.tables, post.parking, post.queues, post.raw, post.now, organizations=organizations)


def done(sweep: Sweep) -> dict[str, int]:
    """Sweep; return what was done."""
    counts = sweep.run()
    assert counts["behind_s"] == 0
    return {name: counts[name] for name in ("sent", "parked", "retired")}


def lose(post: MemoryMailSystem, *, age: int = 0) -> list[DeliveryOrder]:
    """Let a message arrive, and lose its orders; return them."""
    post.later = -age
    post.raw.store("inbound/m1", MESSAGE)
    post.later = 0
    post.ingest.accept(notification("m1", ["ann@acme.test", "ben@acme.test"], at=NOON - age))
    return forget(post)


def counted(method: Callable[..., Any], calls: list[str]) -> Callable[..., Any]:
    def call(*given: Any, **named: Any) -> Any:
        calls.append(method.__name__)
        return method(*given, **named)

    return call


def forget(post: MemoryMailSystem) -> list[DeliveryOrder]:
    lost = [DeliveryOrder.read(body) for body in post.queues.queues["deliver"]]
    post.queues.queues["deliver"].clear()
    return lost


def test_lost_orders_get_rows_and_are_sent_after_an_hour(post: MemoryMailSystem, sweep: Sweep) -> None:
    lost = lose(post)
    post.later = HOUR - 1
    assert done(sweep) == {"sent": 0, "parked": 0, "retired": 0}
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
        assert done(sweep) == {"sent": 2, "parked": 0, "retired": 0}
        forget(post)
    post.later += 2 * HOUR
    assert done(sweep) == {"sent": 0, "parked": 2, "retired": 0}
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


@pytest.mark.parametrize("age", [0, HOUR // 2, LISTED_WITHIN_MS - 1001])
def test_whatever_is_listed_is_found_soon_after_it_is_open_for_too_long(
    post: MemoryMailSystem, sweep: Sweep, age: int
) -> None:
    """A flow opens up to an hour after its message came; the sweep may have looked at the message before."""
    assert all(order.listed for order in lose(post, age=age))
    sent = []
    for quarter in range(8):
        post.later = quarter * HOUR // 4
        sent.append(sweep.run()["sent"])
    assert sent == [0, 0, 0, 0, 2, 0, 0, 0]


def test_what_was_missed_for_days_is_stored_before_the_message_would_go(post: MemoryMailSystem, sweep: Sweep) -> None:
    lose(post)
    post.later = 31 * DAY_MS
    assert done(sweep) == {"sent": 2, "parked": 0, "retired": 0}
    assert [stored.key for stored in post.raw.stored("inbound/")] == ["inbound/m1"]
    post.pump()
    assert post.contents("ann") == [MESSAGE]


@pytest.mark.parametrize("organizations", [1, 1000])
def test_the_reads_of_a_stored_message_do_not_grow_with_the_organizations(
    post: MemoryMailSystem, sweep: Sweep, monkeypatch: pytest.MonkeyPatch, organizations: int
) -> None:
    others = [f"m-{number}" for number in range(organizations - 1)]
    sweep = replace(sweep, organizations=Organizations([*others, ORG]))
    lost = lose(post)
    reads: list[str] = []
    for owner, method in (
        *((MemoryLedger, name) for name in ("facts", "fact", "opened", "openings", "of_message")),
        (MemoryTransitScans, "has_rows"),
    ):
        monkeypatch.setattr(owner, method, counted(getattr(owner, method), reads))
    post.later = HOUR // 2
    sweep.run()
    assert reads == []
    for order in lost:  # as if they had ended
        post.tables.facts[TRACE][end_key(order)] = delivered(order.mailbox_id, TRACE)
    for quarter in range(12):
        post.later = HOUR + quarter * HOUR // 4
        sweep.run()
    assert reads == ["of_message"]
    post.later = 31 * DAY_MS
    assert sweep.run()["retired"] == 1
    assert reads == ["of_message", "of_message", "has_rows"]
