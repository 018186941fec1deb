"""What rule functions put in place of messages, in memory and in DynamoDB alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.ledger import DynamoLedger
from postroom.adapters.aws.message_contents import DynamoMessageContents
from postroom.adapters.aws.transit import DynamoTransit
from postroom.adapters.memory.message_contents import MemoryMessageContents
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryLedger, MemoryTransit
from postroom.contracts.orders import RawLocation
from postroom.errors import ConflictError
from postroom.model.facts import OwnFact
from postroom.ports.message_contents import FlowContents, Slot
from tests.support.builders import NOON, TRACE, call, expansion, order, own, received

if TYPE_CHECKING:
    from postroom.ports.message_contents import MessageContents
    from postroom.ports.transit import Ledger, Transit
    from tests.support.stack import Stack

RUN = "rule-1"


@dataclass
class Way:
    contents: MessageContents
    transit: Transit
    ledger: Ledger


@pytest.fixture(params=["memory", "dynamodb"])
def way(request: pytest.FixtureRequest) -> Way:
    def clock() -> int:
        return NOON

    if request.param == "memory":
        tables = MemoryTables()
        return Way(MemoryMessageContents(tables, clock), MemoryTransit(tables, clock), MemoryLedger(tables))
    stack: Stack = request.getfixturevalue("stack")
    transit, ledger = stack.environment["TRANSIT_TABLE"], stack.environment["LEDGER_TABLE"]
    return Way(
        DynamoMessageContents(stack.dynamodb, transit, ledger, clock),
        DynamoTransit(stack.dynamodb, transit, ledger, clock),
        DynamoLedger(stack.dynamodb, ledger),
    )


def raw(name: str) -> RawLocation:
    return RawLocation(bucket="inbound-bucket", key=f"transit/{TRACE}/{name}")


def test_nothing_was_put_into_a_flow_that_nobody_touched(way: Way) -> None:
    assert way.contents.of(TRACE) == FlowContents(TRACE)


def test_what_is_stored_is_read_back_whole(way: Way) -> None:
    made = FlowContents(TRACE).put(raw("a"), 1)
    made = opened(made, RUN, 1).put(raw("b"), 2)
    made = opened(made, "rule-2", 3)
    assert way.contents.replace(made)
    stored = way.contents.of(TRACE)
    assert stored.version == 1
    assert (stored.shown, stored.slots, stored.puts, stored.frozen) == (made.shown, made.slots, 2, False)
    assert way.contents.of("e" * 32).version == 0


def test_a_change_that_was_made_from_an_older_state_is_refused(way: Way) -> None:
    before = way.contents.of(TRACE)
    way.contents.replace(before.put(raw("a"), 1))
    with pytest.raises(ConflictError):
        way.contents.replace(before.put(raw("b"), 1), [own(OwnFact.CONTENT_PUT, "b")])
    current = way.contents.of(TRACE).current
    assert current is not None
    assert current.raw == raw("a")
    assert way.ledger.fact(TRACE, "b") is None


def test_of_many_puts_at_once_every_one_is_told_whether_it_counted(way: Way) -> None:
    before = way.contents.of(TRACE)

    def put(name: str) -> str | None:
        try:
            return name if way.contents.replace(before.put(raw(name), 1)) else None
        except ConflictError:
            return None

    with ThreadPoolExecutor(6) as pool:
        counted = [name for name in pool.map(put, "abcdef") if name]
    current = way.contents.of(TRACE).current
    assert current is not None
    assert [raw(name) for name in counted] == [current.raw]


def test_facts_and_orders_come_with_the_change_or_not_at_all(way: Way) -> None:
    fact = own(OwnFact.CONTENT_PUT, "put:1")
    assert way.contents.replace(FlowContents(TRACE).put(raw("a"), 1), [fact], [order()])
    assert way.ledger.fact(TRACE, fact.key) == fact
    assert list(way.transit.open_orders(TRACE)) == [order()]


@pytest.mark.parametrize("repeated", ["fact", "order"])
def test_a_verdict_that_was_given_before_is_not_given_again(way: Way, repeated: str) -> None:
    facts = [own(OwnFact.CONTENT_PUT, "verdict")] if repeated == "fact" else []
    orders = [order()] if repeated == "order" else []
    way.contents.replace(opened(way.contents.of(TRACE), RUN, 1), facts, orders)
    closing = way.contents.of(TRACE).closed(RUN, 1, keep=True)
    assert closing is not None
    assert not way.contents.replace(closing, facts, orders)
    assert not way.contents.of(TRACE).slots[RUN].closed


def test_a_flow_opens_with_the_slots_of_those_calls_that_say_so(way: Way) -> None:
    first, second, third = (call(rule_id=name, slot_open=name != "r-3") for name in ("r-1", "r-2", "r-3"))
    assert way.transit.open([received()], [first, second, third], None)
    assert way.contents.of(TRACE).slots == {first.key: Slot(1), second.key: Slot(1)}


def test_a_call_that_opens_its_own_slot_is_made_whatever_was_put_before(way: Way) -> None:
    way.transit.open([received()], [], expansion(chunks=1))
    way.contents.replace(way.contents.of(TRACE).put(raw("a"), 1))
    before = way.contents.of(TRACE)
    assert way.transit.expand(expansion(chunks=1), [], [call()])
    assert way.contents.of(TRACE) == before
    assert list(way.transit.open_orders(TRACE)) == [call()]


def test_a_flow_is_clear_although_gets_still_return_what_was_put(way: Way) -> None:
    way.contents.replace(FlowContents(TRACE).put(raw("a"), 1))
    assert way.transit.is_clear(TRACE)
    assert list(way.transit.all_parked()) == []
    assert list(way.transit.waiting(NOON * 2)) == []


def opened(contents: FlowContents, run: str, attempt: int) -> FlowContents:
    made = contents.opened(run, attempt)
    assert made is not None
    return made
