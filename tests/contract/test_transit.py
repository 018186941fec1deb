"""What is in transit, and the ledger: one transaction a change, in memory and in DynamoDB alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.ledger import DynamoLedger
from postroom.adapters.aws.transit import DynamoTransit
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryLedger, MemoryTransit
from postroom.contracts.expansions import Expansion
from postroom.contracts.orders import RawLocation
from postroom.model.facts import OwnFact
from postroom.ports.transit import Allowance, Called, Claim, Parked, Waiting
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
    from postroom.ports.transit import Ledger, Transit
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
    ledger: Ledger
    clock: Clock


@pytest.fixture(params=["memory", "dynamodb"])
def way(request: pytest.FixtureRequest) -> Way:
    clock = Clock()
    if request.param == "memory":
        tables = MemoryTables()
        return Way(MemoryTransit(tables, clock), MemoryLedger(tables), clock)
    stack: Stack = request.getfixturevalue("stack")
    transit, ledger = stack.environment["TRANSIT_TABLE"], stack.environment["LEDGER_TABLE"]
    return Way(DynamoTransit(stack.dynamodb, transit, ledger, clock), DynamoLedger(stack.dynamodb, ledger), clock)


class TestOpen:
    def test_a_flow_opens_with_its_facts_and_orders(self, way: Way) -> None:
        assert way.transit.open([received(), delivered("x")], [order("ann"), order("ben")], None)
        assert [o.key for o in way.transit.open_orders(TRACE)] == ["order:ann", "order:ben"]
        assert list(way.ledger.facts(TRACE)) == [received(), delivered("x")]

    def test_a_flow_that_is_open_is_not_opened_again_and_nothing_is_written(self, way: Way) -> None:
        way.transit.open([received()], [order("ann")], None)
        assert not way.transit.open([received(), delivered("ben")], [order("ben")], expansion())
        assert [o.key for o in way.transit.open_orders(TRACE)] == ["order:ann"]
        assert way.transit.expansion(TRACE) is None
        assert way.ledger.fact(TRACE, delivered("ben").key) is None

    def test_the_largest_transaction_fits(self, way: Way) -> None:
        orders = [order(f"u{number:02}") for number in range(40)]
        assert way.transit.open([received()], orders, None)
        assert len(list(way.transit.open_orders(TRACE))) == 40

    def test_flows_know_nothing_of_each_other(self, way: Way) -> None:
        way.transit.open([received()], [order()], None)
        assert way.transit.is_clear(TWO)
        assert list(way.transit.open_orders(TWO)) == []

    def test_one_of_many_at_once_opens_a_flow(self, way: Way) -> None:
        with ThreadPoolExecutor(6) as pool:
            opened = list(pool.map(lambda name: way.transit.open([received()], [order(name)], None), "abcdef"))
        assert opened.count(True) == 1
        assert len(list(way.transit.open_orders(TRACE))) == 1


class TestExpand:
    def test_chunks_are_committed_one_after_the_other_and_the_last_closes(self, way: Way) -> None:
        way.transit.open([received()], [], expansion(chunks=2))
        first = way.transit.expansion(TRACE)
        assert first == expansion(chunks=2)
        assert way.transit.expand(first, [delivered("x")], [order("ann")])
        second = way.transit.expansion(TRACE)
        assert second is not None
        assert second.done == 1
        assert way.transit.expand(second, [], [order("ben")])
        assert way.transit.expansion(TRACE) is None
        assert [o.key for o in way.transit.open_orders(TRACE)] == ["order:ann", "order:ben"]

    def test_a_chunk_is_committed_once(self, way: Way) -> None:
        way.transit.open([received()], [], expansion())
        assert way.transit.expand(expansion(), [], [order("ann")])
        assert not way.transit.expand(expansion(), [delivered("x")], [order("ben")])
        assert [o.key for o in way.transit.open_orders(TRACE)] == ["order:ann"]
        assert way.ledger.fact(TRACE, delivered("x").key) is None

    @pytest.mark.parametrize("chunks", [1, 2])
    def test_an_expansion_that_is_over_expands_nothing_of_the_next(self, way: Way, chunks: int) -> None:
        """Recipients that were added to the flow stand in the same place, at the same chunk."""
        first = expansion(chunks=chunks)
        plan = RawLocation(bucket=first.plan.bucket, key=f"{first.plan.key}-added")
        added = first.model_copy(update={"plan": plan})
        way.transit.open([received()], [], added)
        assert not way.transit.expand(first, [], [order("ann")])
        assert way.transit.expansion(TRACE) == added
        assert list(way.transit.open_orders(TRACE)) == []

    def test_nothing_is_expanded_without_an_expansion(self, way: Way) -> None:
        assert not way.transit.expand(expansion(), [], [order()])
        assert way.transit.is_clear(TRACE)

    def test_parking_one_that_is_over_leaves_the_plan_of_the_next(self, way: Way) -> None:
        """The sweep gives up on what it saw a while ago."""
        added = expansion(chunks=2).model_copy(update={"plan": RawLocation(bucket="b", key="transit/added")})
        way.transit.open([received()], [], added)
        stale = parked("expansion", body=expansion().model_dump_json())
        assert way.transit.park(stale, own(OwnFact.PARKED, "p"))
        assert way.transit.redrive(stale, own(OwnFact.REDRIVEN, "r"))
        assert way.transit.expansion(TRACE) == added


class TestSettle:
    def test_an_order_leaves_with_its_final_fact(self, way: Way) -> None:
        way.transit.open([received()], [order()], None)
        assert way.transit.settle(order(), [delivered()])
        assert way.transit.order(TRACE, order().key) is None
        assert way.transit.is_clear(TRACE)
        assert way.ledger.fact(TRACE, delivered().key) == delivered()

    def test_an_order_is_settled_once(self, way: Way) -> None:
        way.transit.open([received()], [order()], None)
        way.transit.settle(order(), [delivered()])
        other = own(OwnFact.DISCARDED, "second")
        assert not way.transit.settle(order(), [other])
        assert way.ledger.fact(TRACE, other.key) is None

    def test_facts_come_by_time_and_received_first(self, way: Way) -> None:
        way.transit.open([received(), own(OwnFact.RECIPIENT_SKIPPED, "A")], [order()], None)
        way.transit.settle(order(), [delivered()])
        assert [fact.name for fact in way.ledger.facts(TRACE)] == [
            "ORGANIZATION_EMAIL_RECEIVED",
            "RECIPIENT_SKIPPED",
            "MAILBOX_EMAIL_DELIVERED",
        ]


class TestBounces:
    def test_a_bounce_order_comes_with_what_causes_it(self, way: Way) -> None:
        assert way.transit.open([received()], [order(), bounce("b")], expansion())
        assert way.transit.expand(expansion(), [], [bounce("a")])
        assert way.transit.settle(order(), [delivered()], [bounce("c")])
        assert list(way.transit.open_orders(TRACE)) == [bounce("a"), bounce("b"), bounce("c")]
        assert list(way.transit.open_orders(TWO)) == []

    def test_what_is_refused_leaves_no_bounce_order(self, way: Way) -> None:
        way.transit.open([received()], [], None)
        assert not way.transit.open([received()], [bounce("a")], None)
        assert not way.transit.settle(order(), [delivered()], [bounce("b")])
        assert not way.transit.expand(expansion(), [], [bounce("c")])
        assert way.transit.is_clear(TRACE)

    @pytest.mark.parametrize("number", [1, 99, 100, 250])
    def test_orders_end_with_their_fact_however_many_they_are(self, way: Way, number: int) -> None:
        made = [bounce(f"b{place:03}") for place in range(number)]
        for each in made:
            way.transit.open([], [each], None)
        assert way.transit.settle_bounces(made, [own(OwnFact.BOUNCE_SENT, "end")])
        assert way.transit.is_clear(TRACE)
        assert way.ledger.fact(TRACE, "end") is not None

    def test_an_end_that_is_recorded_ends_nothing_more(self, way: Way) -> None:
        way.transit.open([own(OwnFact.BOUNCE_SENT, "end")], [bounce()], None)
        assert not way.transit.settle_bounces([bounce()], [own(OwnFact.BOUNCE_SENT, "end")])
        assert list(way.transit.open_orders(TRACE)) == [bounce()]
        assert way.transit.settle_bounces([bounce()], [])
        assert way.transit.settle_bounces([bounce()], [])
        assert way.transit.settle_bounces([], [])
        assert way.transit.is_clear(TRACE)

    def test_an_intent_is_claimed_once_and_counted_once(self, way: Way) -> None:
        allowance = Allowance("bounces:x:1", most=2, expires=NOON // 1000)
        intents = [own(OwnFact.BOUNCE_INTENDED, f"BOUNCE:{number}") for number in range(4)]
        assert way.transit.claim_bounce(intents[0], allowance) is Claim.MADE
        assert way.transit.claim_bounce(intents[0], allowance) is Claim.TAKEN
        assert way.transit.claim_bounce(intents[1], allowance) is Claim.MADE
        assert way.transit.claim_bounce(intents[2], allowance) is Claim.OVER_LIMIT
        assert way.ledger.fact(TRACE, "BOUNCE:2") is None
        assert way.transit.claim_bounce(intents[3], Allowance("bounces:x:2", 1, 1)) is Claim.MADE

    def test_one_of_many_at_once_claims_an_intent(self, way: Way) -> None:
        allowance, intent = Allowance("bounces:x:1", most=9, expires=1), own(OwnFact.BOUNCE_INTENDED, "BOUNCE:0")
        with ThreadPoolExecutor(6) as pool:
            claims = list(pool.map(lambda _: way.transit.claim_bounce(intent, allowance), range(6)))
        assert claims.count(Claim.MADE) == 1

    def test_a_bounce_order_is_parked_redriven_and_swept_like_any_other(self, way: Way) -> None:
        way.transit.open([received()], [bounce()], None)
        assert list(way.transit.waiting(NOON + 1)) == [Waiting(bounce(), NOON, 0)]
        (waiting,) = way.transit.waiting(NOON + 1)
        way.transit.swept(waiting, NOON + 50)
        assert list(way.transit.waiting(NOON + 51)) == [Waiting(bounce(), NOON + 50, 1)]
        thing = parked(bounce().key, body=bounce().model_dump_json(), station="bounce")
        assert way.transit.park(thing, own(OwnFact.PARKED, "1"))
        assert list(way.transit.open_orders(TRACE)) == []
        assert way.transit.redrive(thing, own(OwnFact.REDRIVEN, "r"))
        assert list(way.transit.open_orders(TRACE)) == [bounce()]


class TestRuleCalls:
    def test_a_call_stands_open_until_it_is_decided(self, way: Way) -> None:
        assert way.transit.open([received()], [order("ann"), call()], None)
        assert list(way.transit.open_orders(TRACE)) == [call(), order("ann")]
        called = way.transit.called(TRACE, call().key)
        assert called == Called(call(), 0, NOON)
        assert way.transit.decide(called, [own(OwnFact.RULE_ATTEMPTED, "a")], [order("ben")], None)
        assert way.transit.called(TRACE, call().key) is None
        assert [o.key for o in way.transit.open_orders(TRACE)] == ["order:ann", "order:ben"]
        assert not way.transit.decide(called, [own(OwnFact.RULE_ATTEMPTED, "b")], [], None)
        assert way.ledger.fact(TRACE, "b") is None

    def test_a_failed_attempt_is_noted_once_with_the_time_of_the_next(self, way: Way) -> None:
        way.transit.open([received()], [call()], None)
        for attempt in range(3):
            called = way.transit.called(TRACE, call().key)
            assert called == Called(call(), attempt, NOON + attempt)
            due = NOON + attempt + 1
            assert way.transit.call_again(called, due, [own(OwnFact.RULE_ATTEMPTED, f"{attempt}")])
            assert not way.transit.call_again(called, due + 9, [own(OwnFact.RULE_ATTEMPTED, f"{attempt}-again")])
            assert not way.transit.decide(called, [], [order()], None)  # what came too late changes nothing
            assert way.ledger.fact(TRACE, f"{attempt}-again") is None
        assert list(way.transit.open_orders(TRACE)) == [call()]

    def test_a_large_verdict_is_an_expansion_beside_ingests_own(self, way: Way) -> None:
        way.transit.open([received()], [call()], expansion(chunks=2))
        called = way.transit.called(TRACE, call().key)
        assert called is not None
        mine = expansion(chunks=2).model_copy(update={"of": call().key})
        assert way.transit.decide(called, [], [], mine)
        assert way.transit.expansion(TRACE) == expansion(chunks=2)
        assert way.transit.expansion(TRACE, mine.key) == mine
        assert list(way.transit.under_way(TRACE)) == [expansion(chunks=2), mine]
        assert list(way.transit.open_orders(TRACE)) == []
        assert way.transit.expand(mine, [], [order("ann")])
        after = way.transit.expansion(TRACE, mine.key)
        assert after is not None
        assert after.done == 1
        assert way.transit.expand(after, [], [order("ben")])
        assert way.transit.expansion(TRACE, mine.key) is None
        assert way.transit.expansion(TRACE) == expansion(chunks=2)

    def test_an_order_that_another_path_has_made_refuses_the_verdict(self, way: Way) -> None:
        way.transit.open([received()], [call(), order("ann")], None)
        called = way.transit.called(TRACE, call().key)
        assert called is not None
        assert not way.transit.decide(called, [], [order("ann")], None)
        assert way.transit.called(TRACE, call().key) == called

    def test_a_parked_call_keeps_its_attempts_when_it_is_redriven(self, way: Way) -> None:
        way.transit.open([received()], [call()], None)
        called = way.transit.called(TRACE, call().key)
        assert called is not None
        way.transit.call_again(called, NOON + 7, [])
        thing = parked(call().key, body=call().model_dump_json(), station="run_sync_rule")
        assert way.transit.park(thing, own(OwnFact.PARKED, "1"))
        assert way.transit.called(TRACE, call().key) is None
        assert not way.transit.call_again(Called(call(), 1, NOON + 7), NOON + 8, [])
        assert way.transit.redrive(thing, own(OwnFact.REDRIVEN, "r"))
        assert way.transit.called(TRACE, call().key) == Called(call(), 1, NOON)

    def test_a_call_that_is_not_yet_due_is_not_open_for_too_long(self, way: Way) -> None:
        way.transit.open([received()], [call()], None)
        called = way.transit.called(TRACE, call().key)
        assert called is not None
        way.transit.call_again(called, NOON + 1000, [])
        assert list(way.transit.waiting(NOON + 1000)) == []
        assert list(way.transit.waiting(NOON + 1001)) == [Waiting(call(), NOON + 1000, 0)]


class TestParking:
    def test_a_parked_order_is_no_longer_open_and_keeps_its_words(self, way: Way) -> None:
        way.transit.open([received()], [order()], None)
        thing = parked(order().key, body=order().model_dump_json())
        assert way.transit.park(thing, own(OwnFact.PARKED, "1"))
        assert list(way.transit.open_orders(TRACE)) == []
        assert way.transit.order(TRACE, order().key) == order()
        assert way.transit.parked(thing.id) == thing
        assert list(way.transit.all_parked()) == [thing]
        assert not way.transit.is_clear(TRACE)

    def test_what_is_parked_is_not_parked_twice(self, way: Way) -> None:
        way.transit.open([received()], [order()], None)
        for thing in (parked(order().key, body=order().model_dump_json()), parked("arrival")):
            assert way.transit.park(thing, own(OwnFact.PARKED, f"1{thing.key}"))
            assert not way.transit.park(thing, own(OwnFact.PARKED, f"2{thing.key}"))
            assert way.ledger.fact(TRACE, f"2{thing.key}") is None

    def test_a_settled_order_is_not_parked(self, way: Way) -> None:
        way.transit.open([received()], [order()], None)
        way.transit.settle(order(), [delivered()])
        assert not way.transit.park(parked(order().key), own(OwnFact.PARKED, "1"))
        assert way.transit.is_clear(TRACE)

    def test_a_parked_order_can_still_be_settled(self, way: Way) -> None:
        way.transit.open([received()], [order()], None)
        thing = parked(order().key, body=order().model_dump_json())
        way.transit.park(thing, own(OwnFact.PARKED, "1"))
        assert way.transit.settle(order(), [delivered()])
        assert way.transit.parked(thing.id) is None

    def test_a_redriven_order_is_open_again(self, way: Way) -> None:
        way.transit.open([received()], [order()], None)
        thing = parked(order().key, body=order().model_dump_json())
        way.transit.park(thing, own(OwnFact.PARKED, "1"))
        assert way.transit.redrive(thing, own(OwnFact.REDRIVEN, "r1"))
        assert list(way.transit.open_orders(TRACE)) == [order()]
        assert way.transit.parked(thing.id) is None
        assert not way.transit.redrive(thing, own(OwnFact.REDRIVEN, "r2"))
        assert way.ledger.fact(TRACE, "r2") is None

    def test_a_parked_expansion_keeps_its_place_and_goes_on(self, way: Way) -> None:
        way.transit.open([received()], [], expansion())
        way.transit.expand(expansion(), [], [order("ann")])
        stands = way.transit.expansion(TRACE)
        assert stands is not None
        thing = parked("expansion", body=stands.model_dump_json(), station="ingest")
        assert way.transit.park(thing, own(OwnFact.PARKED, "1"))
        assert list(way.transit.waiting(NOON * 2)) == [Waiting(order("ann"), NOON, 0)]
        assert list(way.transit.under_way(TRACE)) == [order("ann")]
        assert way.transit.expansion(TRACE) is None
        assert not way.transit.expand(stands, [], [order("ben")])  # somebody who was slow
        assert way.transit.redrive(thing, own(OwnFact.REDRIVEN, "r"))
        again = way.transit.expansion(TRACE)
        assert again == stands
        assert way.transit.expand(again, [], [order("ben")])

    def test_an_arrival_stays_until_it_was_sent(self, way: Way) -> None:
        thing = parked("arrival", station="ingest")
        way.transit.park(thing, own(OwnFact.PARKED, "1"))
        assert not way.transit.redrive(thing, own(OwnFact.REDRIVEN, "r"))  # not released
        assert way.transit.release(thing)
        assert way.transit.parked(thing.id) == thing
        assert way.transit.redrive(thing, own(OwnFact.REDRIVEN, "r"))
        assert way.transit.parked(thing.id) is None
        assert not way.transit.release(thing)

    def test_an_arrival_that_failed_again_while_it_was_redriven_stays_parked(self, way: Way) -> None:
        thing = parked("arrival", station="ingest")
        way.transit.park(thing, own(OwnFact.PARKED, "1"))
        way.transit.release(thing)
        anew = parked("arrival", station="ingest", parkings=2)
        assert way.transit.park(anew, own(OwnFact.PARKED, "2"))
        assert not way.transit.redrive(thing, own(OwnFact.REDRIVEN, "r"))
        assert way.transit.parked(thing.id) == anew

    def test_what_is_discarded_is_gone_for_good(self, way: Way) -> None:
        thing = parked("arrival", station="ingest")
        way.transit.park(thing, own(OwnFact.PARKED, "1"))
        assert way.transit.discard(thing, [own(OwnFact.DISCARDED, "d")])
        assert way.transit.is_clear(TRACE)
        assert not way.transit.discard(thing, [own(OwnFact.DISCARDED, "d2")])
        assert way.ledger.fact(TRACE, "d2") is None

    def test_an_open_order_is_not_discarded(self, way: Way) -> None:
        way.transit.open([received()], [order()], None)
        assert not way.transit.discard(parked(order().key), [own(OwnFact.DISCARDED, "d")])
        assert list(way.transit.open_orders(TRACE)) == [order()]

    def test_unknown_ids_are_nothing(self, way: Way) -> None:
        assert way.transit.parked("nothing") is None
        assert way.transit.parked(f"{TRACE}/arrival") is None


class TestSweep:
    def test_only_what_is_open_for_long_is_waiting(self, way: Way) -> None:
        way.transit.open([received()], [order("ann")], None)
        way.clock.now += 10
        way.transit.open([received(TWO)], [order("ben", TWO)], expansion(trace=TWO))
        way.transit.park(parked("arrival", trace="d" * 32), own(OwnFact.PARKED, "p"))
        assert list(way.transit.waiting(NOON + 5)) == [Waiting(order("ann"), NOON, 0)]
        assert len(list(way.transit.waiting(NOON + 11))) == 3
        assert list(way.transit.waiting(NOON)) == []

    def test_what_was_swept_waits_anew(self, way: Way) -> None:
        way.transit.open([received()], [order()], expansion())
        for waiting in list(way.transit.waiting(NOON + 1)):
            way.transit.swept(waiting, NOON + 50)
            way.transit.swept(waiting, NOON + 99)  # another sweep at the same time: counts once
        assert {(w.since, w.sweeps) for w in way.transit.waiting(NOON + 51)} == {(NOON + 50, 1)}

    def test_sweeping_brings_nothing_back(self, way: Way) -> None:
        way.transit.open([received()], [order()], None)
        (waiting,) = way.transit.waiting(NOON + 1)
        way.transit.settle(order(), [delivered()])
        way.transit.swept(waiting, NOON + 50)
        assert way.transit.is_clear(TRACE)


class TestLedger:
    def test_a_fact_comes_back_as_it_was(self, way: Way) -> None:
        fact = received(subject='Grüße \u2028 "x"', recipients=["a@b"], nested={"n": [1, None]})
        way.transit.open([fact], [], None)
        assert way.ledger.fact(TRACE, fact.key) == fact

    def test_messages_are_found_by_their_own_id(self, way: Way) -> None:
        way.transit.open([received(messageId="<1>")], [], None)
        way.transit.open([received(TWO, messageId="<1>")], [], None)
        way.transit.open([received("c" * 32, messageId="<2>")], [], None)
        for spelling in ("<1>", "1", " <1>\r\n"):
            assert {fact.trace for fact in way.ledger.received(message_id=spelling)} == {TRACE, TWO}
        assert list(way.ledger.received(message_id="<3>")) == []

    def test_an_organization_has_its_own_facts(self, way: Way) -> None:
        way.transit.open([received(), delivered()], [], None)
        way.transit.open([received(TWO, OTHER)], [], None)
        assert len(list(way.ledger.all_facts(ORG))) == 2
        assert [fact.trace for fact in way.ledger.all_facts(OTHER)] == [TWO]


class TestAnOrganizationsDeletion:
    def test_everything_of_an_organization_is_found_open_and_parked(self, way: Way) -> None:
        opened: list[Order] = [order("ann"), order("ben"), bounce(), call()]
        assert way.transit.open([received()], opened, expansion())
        theirs = order("zoe", TWO, organization_id=OTHER)
        assert way.transit.open([received(TWO)], [theirs], None)
        assert way.transit.park(parked("order:ben"), own(OwnFact.PARKED, "parked"))
        found = {standing.entry.key: standing for standing in way.transit.of_organization(ORG) if standing.entry}
        assert set(found) == {*(each.key for each in opened), expansion().key}
        aside = found["order:ben"].parked
        assert aside is not None
        assert aside.cause == "because"
        assert found["order:ann"].parked is None
        assert [standing.entry for standing in way.transit.of_organization(OTHER)] == [theirs]

    def test_what_is_only_there_as_parked_is_found_without_an_order(self, way: Way) -> None:
        event = Parked(TRACE, "event:f", ORG, "events", "cause", NOON, 1, f'{{"organization_id":"{ORG}"}}')
        assert way.transit.park(event, own(OwnFact.PARKED, "parked"))
        (standing,) = way.transit.of_organization(ORG)
        assert (standing.entry, standing.parked) == (None, event)

    @pytest.mark.parametrize("entry", [order(), bounce(), call(), expansion()], ids=lambda entry: entry.key)
    def test_anything_open_can_be_settled_with_a_fact(self, way: Way, entry: Order | Expansion) -> None:
        if isinstance(entry, Expansion):
            assert way.transit.open([received()], [], entry)
        else:
            assert way.transit.open([received()], [entry], None)
        assert way.transit.settle(entry, [own(OwnFact.DISCARDED, "once")])
        assert way.transit.is_clear(TRACE)
        assert not way.transit.settle(entry, [own(OwnFact.DISCARDED, "again")])

    def test_a_fact_is_noted_once(self, way: Way) -> None:
        assert way.transit.note([own(OwnFact.ORGANIZATION_DELETED, "gone")])
        assert not way.transit.note([own(OwnFact.ORGANIZATION_DELETED, "gone")])
        assert len(way.ledger.facts(TRACE)) == 1

    def test_openings_are_read_for_many_flows_at_once(self, way: Way) -> None:
        traces = [f"{number:032x}" for number in range(130)]
        for trace in traces[:105]:
            assert way.transit.open([received(trace)], [], None)
        found = way.ledger.openings(traces)
        assert set(found) == set(traces[:105])
        assert found[traces[7]] == received(traces[7])
