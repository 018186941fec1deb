"""Attempts of orders to transmit are claimed once, in memory and in DynamoDB alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.open_transmissions import DynamoOpenTransmissions
from postroom.adapters.memory.open_transmissions import MemoryOpenTransmissions
from postroom.adapters.memory.tables import MemoryTables
from postroom.model.facts import EventName, OwnFact
from postroom.ports.open_transmissions import Attempt, NotDue
from postroom.ports.transit import Commit, Outcome, Postpone
from postroom.routing.outbound_flow import sent
from tests.support import transit_way
from tests.support.builders import NOON, TRACE, own, parked, transmission

if TYPE_CHECKING:
    from postroom.ports.open_transmissions import OpenTransmissions
    from tests.support.stack import Stack
    from tests.support.transit_way import Way

MINUTE = 60_000


@dataclass
class Post:
    way: Way
    open: OpenTransmissions

    def begin(self, run: str) -> Attempt | NotDue | None:
        return self.open.begin(transmission(), run=run, again_after_ms=MINUTE)


@pytest.fixture(params=["memory", "dynamodb"])
def post(request: pytest.FixtureRequest) -> Post:
    if request.param == "memory":
        tables = MemoryTables()
        way = transit_way.in_memory(tables)
        return Post(way, MemoryOpenTransmissions(tables, way.clock))
    stack: Stack = request.getfixturevalue("stack")
    way = transit_way.in_dynamodb(stack)
    names = stack.environment["TRANSIT_TABLE"], stack.environment["LEDGER_TABLE"]
    return Post(way, DynamoOpenTransmissions(stack.dynamodb, *names, way.clock))


def test_an_order_that_does_not_exist_cannot_be_attempted(post: Post) -> None:
    assert post.begin("a") is None


def test_one_run_makes_an_attempt_and_others_wait_for_its_end(post: Post) -> None:
    post.way.transit.commit(Commit(orders=[transmission()]))
    assert post.begin("a") == Attempt(1)
    assert post.begin("b") == NotDue(NOON + MINUTE)


def test_a_call_that_is_repeated_by_its_client_finds_its_own_attempt(post: Post) -> None:
    post.way.transit.commit(Commit(orders=[transmission()]))
    assert post.begin("a") == Attempt(1)
    assert post.begin("a") == Attempt(1)


def test_an_attempt_without_an_end_is_followed_by_another(post: Post) -> None:
    post.way.transit.commit(Commit(orders=[transmission()]))
    post.begin("a")
    post.way.clock.now += MINUTE
    assert post.begin("b") == Attempt(2)
    assert post.begin("c") == NotDue(NOON + 2 * MINUTE)


def test_an_order_that_is_put_off_is_due_then_and_the_sweep_leaves_it_alone(post: Post) -> None:
    post.way.transit.commit(Commit(orders=[transmission()]))
    post.begin("a")
    assert post.way.transit.commit(Commit([Postpone(transmission(), NOON + 5)])) is Outcome.DONE
    assert post.begin("b") == NotDue(NOON + 5)
    assert not list(post.way.scans.open_before(NOON + 5))
    assert [found.sweeps for found in post.way.scans.open_before(NOON + 6)] == [0]
    post.way.clock.now += 5
    assert post.begin("c") == Attempt(2)


def test_a_parked_order_is_neither_attempted_nor_put_off(post: Post) -> None:
    post.way.transit.commit(Commit(orders=[transmission()]))
    post.way.things.park(parked(transmission().key), own(OwnFact.PARKED, "p"))
    assert post.begin("a") is None
    assert post.way.transit.commit(Commit([Postpone(transmission(), NOON + 5)])) is Outcome.ALREADY


def test_a_redriven_order_is_attempted_at_once(post: Post) -> None:
    post.way.transit.commit(Commit(orders=[transmission()]))
    post.begin("a")
    thing = parked(transmission().key)
    post.way.things.park(thing, own(OwnFact.PARKED, "p"))
    assert post.way.things.redrive(thing, own(OwnFact.REDRIVEN, "r"))
    assert post.begin("b") == Attempt(2)


def test_the_end_is_a_fact_and_no_order(post: Post) -> None:
    post.way.transit.commit(Commit(orders=[transmission()]))
    end = sent(transmission(), "bob@example.org", NOON)
    post.open.end(transmission(), end)
    assert list(post.way.ledger.facts(TRACE)) == [end]
    assert post.begin("a") is None


def test_an_end_that_is_recorded_stays_as_it_is_and_the_order_goes(post: Post) -> None:
    end = sent(transmission(), "bob@example.org", NOON)
    post.way.transit.commit(Commit(facts=[end], orders=[transmission()]))
    post.open.end(transmission(), sent(transmission(), "bob@example.org", NOON + 7))
    assert [fact.at for fact in post.way.ledger.facts(TRACE)] == [NOON]
    assert post.way.transit.order(TRACE, transmission().key) is None
    post.open.end(transmission(), end)


def test_an_end_costs_two_units_and_a_claim_one(stack: Stack) -> None:
    """Two writes of one unit each: a transaction of both would cost four."""
    calls: list[str] = []
    way = transit_way.in_dynamodb(stack)
    names = stack.environment["TRANSIT_TABLE"], stack.environment["LEDGER_TABLE"]
    way.transit.commit(Commit(orders=[transmission()]))

    def noted(model: Any, **_: object) -> None:
        calls.append(model.name)

    stack.dynamodb.meta.events.register("before-call.dynamodb", noted)
    open_ = DynamoOpenTransmissions(stack.dynamodb, *names, way.clock)
    assert open_.begin(transmission(), run="a", again_after_ms=MINUTE) == Attempt(1)
    open_.end(transmission(), sent(transmission(), "bob@example.org", NOON))
    assert calls == ["UpdateItem", "PutItem", "DeleteItem"]
    (fact,) = way.ledger.facts(TRACE)
    assert fact.name is EventName.OUTGOING_EMAIL_SENT
