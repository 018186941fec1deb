"""What is in transit, and the ledger: one transaction a change, in memory and in DynamoDB alike."""

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
from postroom.contracts.expansions import Expansion
from postroom.contracts.orders import RawLocation
from postroom.model.facts import OwnFact
from postroom.ports.parked import Parked
from postroom.ports.transit import (
    Allowance,
    Commit,
    EndCall,
    OpenCall,
    Outcome,
    PostponeCall,
    Settle,
    SettleIfThere,
    TakeChunk,
)
from postroom.ports.transit_scans import OpenEntry
from tests.support.builders import (
    NOON,
    ORG,
    OTHER,
    TRACE,
    bounce,
    call,
    delivered,
    expansion,
    order,
    own,
    parked,
    received,
)

if TYPE_CHECKING:
    from postroom.contracts.orders import Order
    from postroom.ports.ledger import Ledger
    from postroom.ports.parked import ParkedThings
    from postroom.ports.transit import Transit
    from postroom.ports.transit_scans import TransitScans
    from tests.support.stack import Stack

TWO = "e" * 32


@dataclass
class Clock:
    now: int = NOON

    def __call__(self) -> int:
        return self.now


@dataclass
class Way:
    transit: Transit
    things: ParkedThings
    scans: TransitScans
    ledger: Ledger
    clock: Clock


@pytest.fixture(params=["memory", "dynamodb"])
def way(request: pytest.FixtureRequest) -> Way:
    clock = Clock()
    if request.param == "memory":
        tables = MemoryTables()
        things = MemoryParkedThings(tables, clock)
        return Way(MemoryTransit(tables, clock), things, MemoryTransitScans(tables), MemoryLedger(tables), clock)
    stack: Stack = request.getfixturevalue("stack")
    transit, ledger = stack.environment["TRANSIT_TABLE"], stack.environment["LEDGER_TABLE"]
    return Way(
        DynamoTransit(stack.dynamodb, transit, ledger, clock),
        DynamoParkedThings(stack.dynamodb, transit, ledger, clock),
        DynamoTransitScans(stack.dynamodb, transit),
        DynamoLedger(stack.dynamodb, ledger),
        clock,
    )


class TestOpen:
    def test_a_flow_opens_with_its_facts_and_orders(self, way: Way) -> None:
        assert (
            way.transit.commit(Commit(facts=[received(), delivered("x")], orders=[order("ann"), order("ben")]))
            is Outcome.DONE
        )
        assert [o.key for o in way.transit.open_orders(TRACE)] == ["order:ann", "order:ben"]
        assert list(way.ledger.facts(TRACE)) == [received(), delivered("x")]

    def test_a_flow_that_is_open_is_not_opened_again_and_nothing_is_written(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order("ann")]))
        assert (
            way.transit.commit(
                Commit(facts=[received(), delivered("ben")], orders=[order("ben")], expansion=expansion())
            )
            is Outcome.ALREADY
        )
        assert [o.key for o in way.transit.open_orders(TRACE)] == ["order:ann"]
        assert way.transit.expansion(TRACE) is None
        assert way.ledger.fact(TRACE, delivered("ben").key) is None

    def test_the_largest_transaction_fits(self, way: Way) -> None:
        orders = [order(f"u{number:02}") for number in range(40)]
        assert way.transit.commit(Commit(facts=[received()], orders=orders)) is Outcome.DONE
        assert len(list(way.transit.open_orders(TRACE))) == 40

    def test_flows_know_nothing_of_each_other(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order()]))
        assert way.transit.is_clear(TWO)
        assert list(way.transit.open_orders(TWO)) == []

    def test_one_of_many_at_once_opens_a_flow(self, way: Way) -> None:
        with ThreadPoolExecutor(6) as pool:
            opened = list(
                pool.map(
                    lambda name: way.transit.commit(Commit(facts=[received()], orders=[order(name)])) is Outcome.DONE,
                    "abcdef",
                )
            )
        assert opened.count(True) == 1
        assert len(list(way.transit.open_orders(TRACE))) == 1


class TestExpand:
    def test_chunks_are_committed_one_after_the_other_and_the_last_closes(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], expansion=expansion(chunks=2)))
        first = way.transit.expansion(TRACE)
        assert first == expansion(chunks=2)
        assert way.transit.commit(Commit([TakeChunk(first)], [delivered("x")], [order("ann")])) is Outcome.DONE
        second = way.transit.expansion(TRACE)
        assert second is not None
        assert second.done == 1
        assert way.transit.commit(Commit([TakeChunk(second)], orders=[order("ben")])) is Outcome.DONE
        assert way.transit.expansion(TRACE) is None
        assert [o.key for o in way.transit.open_orders(TRACE)] == ["order:ann", "order:ben"]

    def test_a_chunk_is_committed_once(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], expansion=expansion()))
        assert way.transit.commit(Commit([TakeChunk(expansion())], orders=[order("ann")])) is Outcome.DONE
        assert way.transit.commit(Commit([TakeChunk(expansion())], [delivered("x")], [order("ben")])) is Outcome.ALREADY
        assert [o.key for o in way.transit.open_orders(TRACE)] == ["order:ann"]
        assert way.ledger.fact(TRACE, delivered("x").key) is None

    @pytest.mark.parametrize("chunks", [1, 2])
    def test_an_expansion_that_is_over_expands_nothing_of_the_next(self, way: Way, chunks: int) -> None:
        """Recipients that were added to the flow stand in the same place, at the same chunk."""
        first = expansion(chunks=chunks)
        plan = RawLocation(bucket=first.plan.bucket, key=f"{first.plan.key}-added")
        added = first.model_copy(update={"plan": plan})
        way.transit.commit(Commit(facts=[received()], expansion=added))
        assert way.transit.commit(Commit([TakeChunk(first)], orders=[order("ann")])) is Outcome.ALREADY
        assert way.transit.expansion(TRACE) == added
        assert list(way.transit.open_orders(TRACE)) == []

    def test_nothing_is_expanded_without_an_expansion(self, way: Way) -> None:
        assert way.transit.commit(Commit([TakeChunk(expansion())], orders=[order()])) is Outcome.ALREADY
        assert way.transit.is_clear(TRACE)

    def test_parking_one_that_is_over_leaves_the_plan_of_the_next(self, way: Way) -> None:
        """The sweep gives up on what it saw a while ago."""
        added = expansion(chunks=2).model_copy(update={"plan": RawLocation(bucket="b", key="transit/added")})
        way.transit.commit(Commit(facts=[received()], expansion=added))
        stale = parked("expansion", body=expansion().model_dump_json())
        assert way.things.park(stale, own(OwnFact.PARKED, "p"))
        assert way.things.redrive(stale, own(OwnFact.REDRIVEN, "r"))
        assert way.transit.expansion(TRACE) == added


class TestSettle:
    def test_an_order_leaves_with_its_final_fact(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order()]))
        assert way.transit.commit(Commit([Settle(order())], [delivered()])) is Outcome.DONE
        assert way.transit.order(TRACE, order().key) is None
        assert way.transit.is_clear(TRACE)
        assert way.ledger.fact(TRACE, delivered().key) == delivered()

    def test_an_order_is_settled_once(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order()]))
        way.transit.commit(Commit([Settle(order())], [delivered()]))
        other = own(OwnFact.DISCARDED, "second")
        assert way.transit.commit(Commit([Settle(order())], [other])) is Outcome.ALREADY
        assert way.ledger.fact(TRACE, other.key) is None

    def test_facts_come_by_time_and_received_first(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received(), own(OwnFact.RECIPIENT_SKIPPED, "A")], orders=[order()]))
        way.transit.commit(Commit([Settle(order())], [delivered()]))
        assert [fact.name for fact in way.ledger.facts(TRACE)] == [
            "ORGANIZATION_EMAIL_RECEIVED",
            "RECIPIENT_SKIPPED",
            "MAILBOX_EMAIL_DELIVERED",
        ]


class TestBounces:
    def test_a_bounce_order_comes_with_what_causes_it(self, way: Way) -> None:
        assert (
            way.transit.commit(Commit(facts=[received()], orders=[order(), bounce("b")], expansion=expansion()))
            is Outcome.DONE
        )
        assert way.transit.commit(Commit([TakeChunk(expansion())], orders=[bounce("a")])) is Outcome.DONE
        assert way.transit.commit(Commit([Settle(order())], [delivered()], [bounce("c")])) is Outcome.DONE
        assert list(way.transit.open_orders(TRACE)) == [bounce("a"), bounce("b"), bounce("c")]
        assert list(way.transit.open_orders(TWO)) == []

    def test_what_is_refused_leaves_no_bounce_order(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()]))
        assert way.transit.commit(Commit(facts=[received()], orders=[bounce("a")])) is Outcome.ALREADY
        assert way.transit.commit(Commit([Settle(order())], [delivered()], [bounce("b")])) is Outcome.ALREADY
        assert way.transit.commit(Commit([TakeChunk(expansion())], orders=[bounce("c")])) is Outcome.ALREADY
        assert way.transit.is_clear(TRACE)

    @pytest.mark.parametrize("number", [1, 99, 100, 250])
    def test_orders_end_with_their_fact_however_many_they_are(self, way: Way, number: int) -> None:
        made = [bounce(f"b{place:03}") for place in range(number)]
        for each in made:
            way.transit.commit(Commit(orders=[each]))
        assert (
            way.transit.commit(Commit([SettleIfThere(each) for each in made], [own(OwnFact.BOUNCE_SENT, "end")]))
            is Outcome.DONE
        )
        assert way.transit.is_clear(TRACE)
        assert way.ledger.fact(TRACE, "end") is not None

    def test_an_end_that_is_recorded_ends_nothing_more(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[own(OwnFact.BOUNCE_SENT, "end")], orders=[bounce()]))
        assert (
            way.transit.commit(Commit([SettleIfThere(bounce())], [own(OwnFact.BOUNCE_SENT, "end")])) is Outcome.ALREADY
        )
        assert list(way.transit.open_orders(TRACE)) == [bounce()]
        assert way.transit.commit(Commit([SettleIfThere(bounce())])) is Outcome.DONE
        assert way.transit.commit(Commit([SettleIfThere(bounce())])) is Outcome.DONE
        assert way.transit.commit(Commit()) is Outcome.DONE
        assert way.transit.is_clear(TRACE)

    def test_an_intent_is_claimed_once_and_counted_once(self, way: Way) -> None:
        allowance = Allowance("bounces:x:1", most=2, expires_s=NOON // 1000)
        intents = [own(OwnFact.BOUNCE_INTENDED, f"BOUNCE:{number}") for number in range(4)]
        assert way.transit.commit(Commit(facts=[intents[0]], allowance=allowance)) is Outcome.DONE
        assert way.transit.commit(Commit(facts=[intents[0]], allowance=allowance)) is Outcome.ALREADY
        assert way.transit.commit(Commit(facts=[intents[1]], allowance=allowance)) is Outcome.DONE
        assert way.transit.commit(Commit(facts=[intents[2]], allowance=allowance)) is Outcome.OVER_LIMIT
        assert way.ledger.fact(TRACE, "BOUNCE:2") is None
        assert way.transit.commit(Commit(facts=[intents[3]], allowance=Allowance("bounces:x:2", 1, 1))) is Outcome.DONE

    def test_one_of_many_at_once_claims_an_intent(self, way: Way) -> None:
        allowance, intent = Allowance("bounces:x:1", most=9, expires_s=1), own(OwnFact.BOUNCE_INTENDED, "BOUNCE:0")
        with ThreadPoolExecutor(6) as pool:
            claims = list(pool.map(lambda _: way.transit.commit(Commit(facts=[intent], allowance=allowance)), range(6)))
        assert claims.count(Outcome.DONE) == 1

    def test_a_bounce_order_is_parked_redriven_and_swept_like_any_other(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[bounce()]))
        assert list(way.scans.open_before(NOON + 1)) == [OpenEntry(bounce(), NOON, 0)]
        (waiting,) = way.scans.open_before(NOON + 1)
        way.scans.sent_again(waiting, NOON + 50)
        assert list(way.scans.open_before(NOON + 51)) == [OpenEntry(bounce(), NOON + 50, 1)]
        thing = parked(bounce().key, body=bounce().model_dump_json(), station="bounce")
        assert way.things.park(thing, own(OwnFact.PARKED, "1"))
        assert list(way.transit.open_orders(TRACE)) == []
        assert way.things.redrive(thing, own(OwnFact.REDRIVEN, "r"))
        assert list(way.transit.open_orders(TRACE)) == [bounce()]


class TestRuleCalls:
    def test_a_call_stands_open_until_it_is_decided(self, way: Way) -> None:
        assert way.transit.commit(Commit(facts=[received()], orders=[order("ann"), call()])) is Outcome.DONE
        assert list(way.transit.open_orders(TRACE)) == [call(), order("ann")]
        called = way.transit.open_call(TRACE, call().key)
        assert called == OpenCall(call(), 0, NOON)
        assert (
            way.transit.commit(Commit([EndCall(called)], [own(OwnFact.RULE_ATTEMPTED, "a")], [order("ben")]))
            is Outcome.DONE
        )
        assert way.transit.open_call(TRACE, call().key) is None
        assert [o.key for o in way.transit.open_orders(TRACE)] == ["order:ann", "order:ben"]
        assert way.transit.commit(Commit([EndCall(called)], [own(OwnFact.RULE_ATTEMPTED, "b")])) is Outcome.ALREADY
        assert way.ledger.fact(TRACE, "b") is None

    def test_a_failed_attempt_is_noted_once_with_the_time_of_the_next(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[call()]))
        for attempt in range(3):
            called = way.transit.open_call(TRACE, call().key)
            assert called == OpenCall(call(), attempt, NOON + attempt)
            due = NOON + attempt + 1
            assert (
                way.transit.commit(Commit([PostponeCall(called, due)], [own(OwnFact.RULE_ATTEMPTED, f"{attempt}")]))
                is Outcome.DONE
            )
            assert (
                way.transit.commit(
                    Commit([PostponeCall(called, due + 9)], [own(OwnFact.RULE_ATTEMPTED, f"{attempt}-again")])
                )
                is Outcome.ALREADY
            )
            assert (
                way.transit.commit(Commit([EndCall(called)], orders=[order()])) is Outcome.ALREADY
            )  # what came too late changes nothing
            assert way.ledger.fact(TRACE, f"{attempt}-again") is None
        assert list(way.transit.open_orders(TRACE)) == [call()]

    def test_a_large_verdict_is_an_expansion_beside_ingests_own(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[call()], expansion=expansion(chunks=2)))
        called = way.transit.open_call(TRACE, call().key)
        assert called is not None
        mine = expansion(chunks=2).model_copy(update={"of": call().key})
        assert way.transit.commit(Commit([EndCall(called)], expansion=mine)) is Outcome.DONE
        assert way.transit.expansion(TRACE) == expansion(chunks=2)
        assert way.transit.expansion(TRACE, mine.key) == mine
        assert list(way.transit.under_way(TRACE)) == [expansion(chunks=2), mine]
        assert list(way.transit.open_orders(TRACE)) == []
        assert way.transit.commit(Commit([TakeChunk(mine)], orders=[order("ann")])) is Outcome.DONE
        after = way.transit.expansion(TRACE, mine.key)
        assert after is not None
        assert after.done == 1
        assert way.transit.commit(Commit([TakeChunk(after)], orders=[order("ben")])) is Outcome.DONE
        assert way.transit.expansion(TRACE, mine.key) is None
        assert way.transit.expansion(TRACE) == expansion(chunks=2)

    def test_an_order_that_another_path_has_made_refuses_the_verdict(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[call(), order("ann")]))
        called = way.transit.open_call(TRACE, call().key)
        assert called is not None
        assert way.transit.commit(Commit([EndCall(called)], orders=[order("ann")])) is Outcome.ALREADY
        assert way.transit.open_call(TRACE, call().key) == called

    def test_a_parked_call_keeps_its_attempts_when_it_is_redriven(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[call()]))
        called = way.transit.open_call(TRACE, call().key)
        assert called is not None
        way.transit.commit(Commit([PostponeCall(called, NOON + 7)]))
        thing = parked(call().key, body=call().model_dump_json(), station="run_sync_rule")
        assert way.things.park(thing, own(OwnFact.PARKED, "1"))
        assert way.transit.open_call(TRACE, call().key) is None
        assert way.transit.commit(Commit([PostponeCall(OpenCall(call(), 1, NOON + 7), NOON + 8)])) is Outcome.ALREADY
        assert way.things.redrive(thing, own(OwnFact.REDRIVEN, "r"))
        assert way.transit.open_call(TRACE, call().key) == OpenCall(call(), 1, NOON)

    def test_a_call_that_is_not_yet_due_is_not_open_for_too_long(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[call()]))
        called = way.transit.open_call(TRACE, call().key)
        assert called is not None
        way.transit.commit(Commit([PostponeCall(called, NOON + 1000)]))
        assert list(way.scans.open_before(NOON + 1000)) == []
        assert list(way.scans.open_before(NOON + 1001)) == [OpenEntry(call(), NOON + 1000, 0)]


class TestParking:
    def test_a_parked_order_is_no_longer_open_and_keeps_its_words(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order()]))
        thing = parked(order().key, body=order().model_dump_json())
        assert way.things.park(thing, own(OwnFact.PARKED, "1"))
        assert list(way.transit.open_orders(TRACE)) == []
        assert way.transit.order(TRACE, order().key) == order()
        assert way.things.get(thing.id) == thing
        assert list(way.things.list()) == [thing]
        assert not way.transit.is_clear(TRACE)

    def test_what_is_parked_is_not_parked_twice(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order()]))
        for thing in (parked(order().key, body=order().model_dump_json()), parked("arrival")):
            assert way.things.park(thing, own(OwnFact.PARKED, f"1{thing.key}"))
            assert not way.things.park(thing, own(OwnFact.PARKED, f"2{thing.key}"))
            assert way.ledger.fact(TRACE, f"2{thing.key}") is None

    def test_a_settled_order_is_not_parked(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order()]))
        way.transit.commit(Commit([Settle(order())], [delivered()]))
        assert not way.things.park(parked(order().key), own(OwnFact.PARKED, "1"))
        assert way.transit.is_clear(TRACE)

    def test_a_parked_order_can_still_be_settled(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order()]))
        thing = parked(order().key, body=order().model_dump_json())
        way.things.park(thing, own(OwnFact.PARKED, "1"))
        assert way.transit.commit(Commit([Settle(order())], [delivered()])) is Outcome.DONE
        assert way.things.get(thing.id) is None

    def test_a_redriven_order_is_open_again(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order()]))
        thing = parked(order().key, body=order().model_dump_json())
        way.things.park(thing, own(OwnFact.PARKED, "1"))
        assert way.things.redrive(thing, own(OwnFact.REDRIVEN, "r1"))
        assert list(way.transit.open_orders(TRACE)) == [order()]
        assert way.things.get(thing.id) is None
        assert not way.things.redrive(thing, own(OwnFact.REDRIVEN, "r2"))
        assert way.ledger.fact(TRACE, "r2") is None

    def test_a_parked_expansion_keeps_its_place_and_goes_on(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], expansion=expansion()))
        way.transit.commit(Commit([TakeChunk(expansion())], orders=[order("ann")]))
        stands = way.transit.expansion(TRACE)
        assert stands is not None
        thing = parked("expansion", body=stands.model_dump_json(), station="ingest")
        assert way.things.park(thing, own(OwnFact.PARKED, "1"))
        assert list(way.scans.open_before(NOON * 2)) == [OpenEntry(order("ann"), NOON, 0)]
        assert list(way.transit.under_way(TRACE)) == [order("ann")]
        assert way.transit.expansion(TRACE) is None
        assert (
            way.transit.commit(Commit([TakeChunk(stands)], orders=[order("ben")])) is Outcome.ALREADY
        )  # somebody who was slow
        assert way.things.redrive(thing, own(OwnFact.REDRIVEN, "r"))
        again = way.transit.expansion(TRACE)
        assert again == stands
        assert way.transit.commit(Commit([TakeChunk(again)], orders=[order("ben")])) is Outcome.DONE

    def test_an_arrival_stays_until_it_was_sent(self, way: Way) -> None:
        thing = parked("arrival", station="ingest")
        way.things.park(thing, own(OwnFact.PARKED, "1"))
        assert not way.things.redrive(thing, own(OwnFact.REDRIVEN, "r"))  # not released
        assert way.things.release(thing)
        assert way.things.get(thing.id) == thing
        assert way.things.redrive(thing, own(OwnFact.REDRIVEN, "r"))
        assert way.things.get(thing.id) is None
        assert not way.things.release(thing)

    def test_an_arrival_that_failed_again_while_it_was_redriven_stays_parked(self, way: Way) -> None:
        thing = parked("arrival", station="ingest")
        way.things.park(thing, own(OwnFact.PARKED, "1"))
        way.things.release(thing)
        anew = parked("arrival", station="ingest", parkings=2)
        assert way.things.park(anew, own(OwnFact.PARKED, "2"))
        assert not way.things.redrive(thing, own(OwnFact.REDRIVEN, "r"))
        assert way.things.get(thing.id) == anew

    def test_what_is_discarded_is_gone_for_good(self, way: Way) -> None:
        thing = parked("arrival", station="ingest")
        way.things.park(thing, own(OwnFact.PARKED, "1"))
        assert way.things.discard(thing, [own(OwnFact.DISCARDED, "d")])
        assert way.transit.is_clear(TRACE)
        assert not way.things.discard(thing, [own(OwnFact.DISCARDED, "d2")])
        assert way.ledger.fact(TRACE, "d2") is None

    def test_an_open_order_is_not_discarded(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order()]))
        assert not way.things.discard(parked(order().key), [own(OwnFact.DISCARDED, "d")])
        assert list(way.transit.open_orders(TRACE)) == [order()]

    def test_unknown_ids_are_nothing(self, way: Way) -> None:
        assert way.things.get("nothing") is None
        assert way.things.get(f"{TRACE}/arrival") is None


class TestSweep:
    def test_only_what_is_open_for_long_is_waiting(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order("ann")]))
        way.clock.now += 10
        way.transit.commit(Commit(facts=[received(TWO)], orders=[order("ben", TWO)], expansion=expansion(trace=TWO)))
        way.things.park(parked("arrival", trace="d" * 32), own(OwnFact.PARKED, "p"))
        assert list(way.scans.open_before(NOON + 5)) == [OpenEntry(order("ann"), NOON, 0)]
        assert len(list(way.scans.open_before(NOON + 11))) == 3
        assert list(way.scans.open_before(NOON)) == []

    def test_what_was_swept_waits_anew(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order()], expansion=expansion()))
        for waiting in list(way.scans.open_before(NOON + 1)):
            way.scans.sent_again(waiting, NOON + 50)
            way.scans.sent_again(waiting, NOON + 99)  # another sweep at the same time: counts once
        assert {(w.since_ms, w.sweeps) for w in way.scans.open_before(NOON + 51)} == {(NOON + 50, 1)}

    def test_sweeping_brings_nothing_back(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order()]))
        (waiting,) = way.scans.open_before(NOON + 1)
        way.transit.commit(Commit([Settle(order())], [delivered()]))
        way.scans.sent_again(waiting, NOON + 50)
        assert way.transit.is_clear(TRACE)


class TestLedger:
    def test_a_fact_comes_back_as_it_was(self, way: Way) -> None:
        fact = received(subject='Grüße \u2028 "x"', recipients=["a@b"], nested={"n": [1, None]})
        way.transit.commit(Commit(facts=[fact]))
        assert way.ledger.fact(TRACE, fact.key) == fact

    def test_messages_are_found_by_their_own_id(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received(messageId="<1>")]))
        way.transit.commit(Commit(facts=[received(TWO, messageId="<1>")]))
        way.transit.commit(Commit(facts=[received("c" * 32, messageId="<2>")]))
        for spelling in ("<1>", "1", " <1>\r\n"):
            assert {fact.trace for fact in way.ledger.received(message_id=spelling)} == {TRACE, TWO}
        assert list(way.ledger.received(message_id="<3>")) == []

    def test_an_organization_has_its_own_facts(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received(), delivered()]))
        way.transit.commit(Commit(facts=[received(TWO, OTHER)]))
        assert len(list(way.ledger.all_facts(ORG))) == 2
        assert [fact.trace for fact in way.ledger.all_facts(OTHER)] == [TWO]


class TestAnOrganizationsDeletion:
    def test_everything_of_an_organization_is_found_open_and_parked(self, way: Way) -> None:
        opened: list[Order] = [order("ann"), order("ben"), bounce(), call()]
        assert way.transit.commit(Commit(facts=[received()], orders=opened, expansion=expansion())) is Outcome.DONE
        theirs = order("zoe", TWO, organization_id=OTHER)
        assert way.transit.commit(Commit(facts=[received(TWO)], orders=[theirs])) is Outcome.DONE
        assert way.things.park(parked("order:ben"), own(OwnFact.PARKED, "parked"))
        found = {standing.entry.key: standing for standing in way.scans.of_organization(ORG) if standing.entry}
        assert set(found) == {*(each.key for each in opened), expansion().key}
        aside = found["order:ben"].parked
        assert aside is not None
        assert aside.cause == "because"
        assert found["order:ann"].parked is None
        assert [standing.entry for standing in way.scans.of_organization(OTHER)] == [theirs]

    def test_what_is_only_there_as_parked_is_found_without_an_order(self, way: Way) -> None:
        event = Parked(TRACE, "event:f", ORG, "events", "cause", NOON, 1, f'{{"organization_id":"{ORG}"}}')
        assert way.things.park(event, own(OwnFact.PARKED, "parked"))
        (standing,) = way.scans.of_organization(ORG)
        assert (standing.entry, standing.parked) == (None, event)

    @pytest.mark.parametrize("entry", [order(), bounce(), call(), expansion()], ids=lambda entry: entry.key)
    def test_anything_open_can_be_settled_with_a_fact(self, way: Way, entry: Order | Expansion) -> None:
        if isinstance(entry, Expansion):
            assert way.transit.commit(Commit(facts=[received()], expansion=entry)) is Outcome.DONE
        else:
            assert way.transit.commit(Commit(facts=[received()], orders=[entry])) is Outcome.DONE
        assert way.transit.commit(Commit([Settle(entry)], [own(OwnFact.DISCARDED, "once")])) is Outcome.DONE
        assert way.transit.is_clear(TRACE)
        assert way.transit.commit(Commit([Settle(entry)], [own(OwnFact.DISCARDED, "again")])) is Outcome.ALREADY

    def test_a_fact_is_noted_once(self, way: Way) -> None:
        assert way.transit.commit(Commit(facts=[own(OwnFact.ORGANIZATION_DELETED, "gone")])) is Outcome.DONE
        assert way.transit.commit(Commit(facts=[own(OwnFact.ORGANIZATION_DELETED, "gone")])) is Outcome.ALREADY
        assert len(way.ledger.facts(TRACE)) == 1

    def test_openings_are_read_for_many_flows_at_once(self, way: Way) -> None:
        traces = [f"{number:032x}" for number in range(130)]
        for trace in traces[:105]:
            assert way.transit.commit(Commit(facts=[received(trace)])) is Outcome.DONE
        found = way.ledger.openings(traces)
        assert set(found) == set(traces[:105])
        assert found[traces[7]] == received(traces[7])
