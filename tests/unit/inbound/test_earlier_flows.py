"""Flows whose traces have the form of earlier versions: an upgrade, and a rollback, open no message twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from postroom.inbound.ingest import FRESH_MS
from postroom.model.facts import RECEIVED, OwnFact, lone_trace_of, trace_of
from postroom.model.limits import DAY_MS, HOUR_MS
from postroom.routing.message_flows import flows_beside, flows_of
from tests.support.builders import NOON, ORG, OTHER, notification
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.sweeps import Organizations, memory_sweep

if TYPE_CHECKING:
    from postroom.parking.sweep import Sweep

MESSAGE: Final = b"From: Bob <bob@example.org>\nSubject: plums\n\nten\n"
TRACES: Final = {True: lone_trace_of("m1", ORG), False: trace_of("m1", ORG)}


@pytest.fixture
def post() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    made.raw.store("inbound/m1", MESSAGE)
    return made


@pytest.fixture
def sweep(post: MemoryMailSystem) -> Sweep:
    organizations = Organizations((OTHER, ORG))
    return memory_sweep(post.tables, post.parking, post.queues, post.raw, post.now, organizations=organizations)


def announce(post: MemoryMailSystem, *, lone: bool) -> None:
    """Have a version ingest the message that gives traces of one form."""
    replace(post.ingest, lone=lone).accept(notification("m1", ["ann@acme.test"], at=NOON))


@pytest.mark.parametrize("lone", [True, False])
def test_a_message_that_comes_again_finds_its_flow_whichever_version_opened_it(
    post: MemoryMailSystem, *, lone: bool
) -> None:
    announce(post, lone=lone)
    assert post.ledger.fact(TRACES[lone], RECEIVED) is not None
    post.pump()
    post.later = FRESH_MS + 1
    announce(post, lone=not lone)
    post.pump()
    assert post.contents("ann") == [MESSAGE]
    assert post.ledger.facts(TRACES[not lone]) == []


def test_a_fresh_message_takes_no_read_for_another_form(
    post: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(post.ledger), "fact", lambda *_: pytest.fail("a read"))
    post.later = FRESH_MS - 1000
    announce(post, lone=False)


def test_the_sweep_finds_lost_orders_of_an_earlier_flow_and_removes_its_message(
    post: MemoryMailSystem, sweep: Sweep
) -> None:
    announce(post, lone=True)
    post.queues.queues["deliver"].clear()
    post.later = 2 * HOUR_MS
    counts = sweep.run()
    assert (counts["sent"], counts["parked"]) == (1, 0)
    post.pump()
    assert post.contents("ann") == [MESSAGE]
    post.later = 30 * DAY_MS + HOUR_MS
    assert sweep.run()["retired"] == 0, "its last fact is younger than the message"
    post.later += HOUR_MS * 2
    assert sweep.run()["retired"] == 1


@pytest.mark.parametrize("lone", [True, False])
def test_what_is_kept_beside_a_flow_goes_with_it(post: MemoryMailSystem, sweep: Sweep, *, lone: bool) -> None:
    announce(post, lone=lone)
    post.raw.keep(f"transit/{TRACES[lone]}/plan", b"a plan")
    post.pump()
    post.later = 31 * DAY_MS
    sweep.run()
    assert list(post.raw.stored("")) == []


@pytest.mark.parametrize("lone", [True, False])
def test_a_notification_whose_recipients_are_all_in_a_flow_is_not_parked(post: MemoryMailSystem, *, lone: bool) -> None:
    announce(post, lone=lone)
    post.parking.park_arrival(notification("m1", ["ann@acme.test"], at=NOON), "a cause")
    assert list(post.parking.list()) == []
    post.parking.park_arrival(notification("m1", ["zoe@elsewhere.test"], at=NOON), "a cause")
    assert [parked.trace for parked in post.parking.list()] == ["arrival:m1"]


@pytest.mark.parametrize("lone", [True, False])
def test_the_flows_of_a_message_are_found_with_their_answers(post: MemoryMailSystem, *, lone: bool) -> None:
    announce(post, lone=lone)
    found = flows_of(post.ledger, "m1", [OTHER, ORG], latest=True)
    assert [*found] == [TRACES[lone]]
    assert found == flows_beside(post.ledger, TRACES[lone])
    assert OwnFact.BOOKING_ANSWERED not in {fact.name for fact in found[TRACES[lone]]}
    assert flows_of(post.ledger, "m2", [OTHER, ORG], latest=True) == {}
    assert flows_beside(post.ledger, lone_trace_of("m2", ORG)) == flows_beside(post.ledger, trace_of("m2", ORG)) == {}
