"""What rule functions put in place of messages, in memory and in DynamoDB alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.ledger import DynamoLedger
from postroom.adapters.aws.parked import DynamoParkedThings
from postroom.adapters.aws.transit import DynamoTransit
from postroom.adapters.aws.transit_scans import DynamoTransitScans
from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.parked import MemoryParkedThings
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.adapters.memory.transit_scans import MemoryTransitScans
from postroom.contracts.orders import RawLocation
from postroom.errors import ConflictError
from postroom.model.facts import OwnFact
from postroom.ports.message_contents import FlowContents, Slot
from postroom.ports.transit import Commit, Outcome, TakeChunk
from tests.support.builders import NOON, TRACE, call, expansion, order, own, received

if TYPE_CHECKING:
    from postroom.ports.ledger import Ledger
    from postroom.ports.parked import ParkedThings
    from postroom.ports.transit import Transit
    from postroom.ports.transit_scans import TransitScans
    from tests.support.stack import Stack

RUN = "rule-1"


@dataclass
class Way:
    transit: Transit
    things: ParkedThings
    scans: TransitScans
    ledger: Ledger


@pytest.fixture(params=["memory", "dynamodb"])
def way(request: pytest.FixtureRequest) -> Way:
    def clock() -> int:
        return NOON

    if request.param == "memory":
        tables = MemoryTables()
        return Way(
            MemoryTransit(tables, clock),
            MemoryParkedThings(tables, clock),
            MemoryTransitScans(tables),
            MemoryLedger(tables),
        )
    stack: Stack = request.getfixturevalue("stack")
    transit, ledger = stack.environment["TRANSIT_TABLE"], stack.environment["LEDGER_TABLE"]
    return Way(
        DynamoTransit(stack.dynamodb, transit, ledger, clock),
        DynamoParkedThings(stack.dynamodb, transit, ledger, clock),
        DynamoTransitScans(stack.dynamodb, transit),
        DynamoLedger(stack.dynamodb, ledger),
    )


def raw(name: str) -> RawLocation:
    return RawLocation(bucket="inbound-bucket", key=f"transit/{TRACE}/{name}")


def test_nothing_was_put_into_a_flow_that_nobody_touched(way: Way) -> None:
    assert way.transit.contents(TRACE) == FlowContents(TRACE)


def test_what_is_stored_is_read_back_whole(way: Way) -> None:
    made = FlowContents(TRACE).put(raw("a"), 1)
    made = opened(made, RUN, 1).put(raw("b"), 2)
    made = opened(made, "rule-2", 3)
    assert way.transit.commit(Commit(contents=made)) is Outcome.DONE
    stored = way.transit.contents(TRACE)
    assert stored.version == 1
    assert (stored.shown, stored.slots, stored.puts, stored.frozen) == (made.shown, made.slots, 2, False)
    assert way.transit.contents("e" * 32).version == 0


def test_a_change_that_was_made_from_an_older_state_is_refused(way: Way) -> None:
    before = way.transit.contents(TRACE)
    way.transit.commit(Commit(contents=before.put(raw("a"), 1)))
    late = Commit(facts=[own(OwnFact.CONTENT_PUT, "b")], contents=before.put(raw("b"), 1))
    assert way.transit.commit(late) is Outcome.STALE
    current = way.transit.contents(TRACE).current
    assert current is not None
    assert current.raw == raw("a")
    assert way.ledger.fact(TRACE, "b") is None


def test_of_many_puts_at_once_every_one_is_told_whether_it_counted(way: Way) -> None:
    before = way.transit.contents(TRACE)

    def put(name: str) -> str | None:
        try:
            return name if way.transit.commit(Commit(contents=before.put(raw(name), 1))) is Outcome.DONE else None
        except ConflictError:
            return None

    with ThreadPoolExecutor(6) as pool:
        counted = [name for name in pool.map(put, "abcdef") if name]
    current = way.transit.contents(TRACE).current
    assert current is not None
    assert [raw(name) for name in counted] == [current.raw]


def test_facts_and_orders_come_with_the_change_or_not_at_all(way: Way) -> None:
    fact = own(OwnFact.CONTENT_PUT, "put:1")
    change = Commit(facts=[fact], orders=[order()], contents=FlowContents(TRACE).put(raw("a"), 1))
    assert way.transit.commit(change) is Outcome.DONE
    assert way.ledger.fact(TRACE, fact.key) == fact
    assert list(way.transit.open_orders(TRACE)) == [order()]


@pytest.mark.parametrize("repeated", ["fact", "order"])
def test_a_verdict_that_was_given_before_is_not_given_again(way: Way, repeated: str) -> None:
    facts = [own(OwnFact.CONTENT_PUT, "verdict")] if repeated == "fact" else []
    orders = [order()] if repeated == "order" else []
    way.transit.commit(Commit(facts=facts, orders=orders, contents=opened(way.transit.contents(TRACE), RUN, 1)))
    closing = way.transit.contents(TRACE).closed(RUN, 1, keep=True)
    assert closing is not None
    assert way.transit.commit(Commit(facts=facts, orders=orders, contents=closing)) is Outcome.ALREADY
    assert not way.transit.contents(TRACE).slots[RUN].closed


def test_a_flow_opens_with_the_slots_of_those_calls_that_say_so(way: Way) -> None:
    first, second, third = (call(rule_id=name, slot_open=name != "r-3") for name in ("r-1", "r-2", "r-3"))
    assert way.transit.commit(Commit(facts=[received()], orders=[first, second, third])) is Outcome.DONE
    assert way.transit.contents(TRACE).slots == {first.key: Slot(1), second.key: Slot(1)}


def test_a_call_that_opens_its_own_slot_is_made_whatever_was_put_before(way: Way) -> None:
    way.transit.commit(Commit(facts=[received()], expansion=expansion(chunks=1)))
    way.transit.commit(Commit(contents=way.transit.contents(TRACE).put(raw("a"), 1)))
    before = way.transit.contents(TRACE)
    assert way.transit.commit(Commit([TakeChunk(expansion(chunks=1))], orders=[call()])) is Outcome.DONE
    assert way.transit.contents(TRACE) == before
    assert list(way.transit.open_orders(TRACE)) == [call()]


def test_a_flow_is_clear_although_gets_still_return_what_was_put(way: Way) -> None:
    way.transit.commit(Commit(contents=FlowContents(TRACE).put(raw("a"), 1)))
    assert way.transit.is_clear(TRACE)
    assert list(way.things.list()) == []
    assert list(way.scans.open_before(NOON * 2)) == []


def opened(contents: FlowContents, run: str, attempt: int) -> FlowContents:
    made = contents.opened(run, attempt)
    assert made is not None
    return made
