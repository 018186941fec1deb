"""What is in transit: one transaction per commit, in memory and in DynamoDB alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from postroom.contracts.expansions import Expansion
from postroom.contracts.orders import RawLocation
from postroom.model.facts import OwnFact
from postroom.ports.transit import (
    Allowance,
    Commit,
    EndCall,
    OpenCall,
    Outcome,
    OverLimit,
    PostponeCall,
    Settle,
    SettleIfThere,
    TakeChunk,
)
from postroom.ports.transit_scans import OpenEntry
from tests.support.builders import (
    NOON,
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
from tests.support.transit_way import TWO

if TYPE_CHECKING:
    from postroom.contracts.orders import Order
    from tests.support.transit_way import Way


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

    def test_an_order_of_any_kind_is_there_until_it_ends(self, way: Way) -> None:
        orders = [order(), bounce(), call(slot_open=False)]
        way.transit.commit(Commit(facts=[received()], orders=orders, expansion=expansion()))
        assert [way.transit.order(TRACE, each.key) for each in orders] == orders
        assert way.transit.order(TRACE, "order:ben") is None
        way.transit.commit(Commit([Settle(each) for each in orders]))
        assert [way.transit.order(TRACE, each.key) for each in orders] == [None, None, None]

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
        assert way.transit.commit(Commit(facts=[intents[0]], allowances=[allowance])) is Outcome.DONE
        assert way.transit.commit(Commit(facts=[intents[0]], allowances=[allowance])) is Outcome.ALREADY
        assert way.transit.commit(Commit(facts=[intents[1]], allowances=[allowance])) is Outcome.DONE
        assert way.transit.commit(Commit(facts=[intents[2]], allowances=[allowance])) == OverLimit(allowance)
        assert way.ledger.fact(TRACE, "BOUNCE:2") is None
        assert (
            way.transit.commit(Commit(facts=[intents[3]], allowances=[Allowance("bounces:x:2", 1, 1)])) is Outcome.DONE
        )

    def test_a_commit_counts_for_each_of_its_allowances_or_for_none(self, way: Way) -> None:
        narrow, wide = Allowance("bounces:x:1", most=1, expires_s=1), Allowance("bounces:1", most=3, expires_s=1)
        other, last = (Allowance(f"bounces:{name}:1", most=9, expires_s=1) for name in "yz")
        assert way.transit.commit(Commit(allowances=[narrow, wide])) is Outcome.DONE
        for _ in range(3):  # what is refused is not counted under the wide limit
            assert way.transit.commit(Commit(allowances=[narrow, wide])) == OverLimit(narrow)
        assert way.transit.commit(Commit(allowances=[other, wide, last])) is Outcome.DONE
        assert way.transit.commit(Commit(allowances=[other, wide, last])) is Outcome.DONE
        assert way.transit.commit(Commit(allowances=[other, wide, last])) == OverLimit(wide)

    def test_of_limits_that_are_used_up_the_first_is_named(self, way: Way) -> None:
        both = [Allowance(f"bounces:{name}:1", most=1, expires_s=1) for name in "xy"]
        assert way.transit.commit(Commit(allowances=both)) is Outcome.DONE
        assert way.transit.commit(Commit(allowances=both)) == OverLimit(both[0])
        assert way.transit.commit(Commit(allowances=both[::-1])) == OverLimit(both[1])
        bounced = own(OwnFact.BOUNCE_INTENDED, "BOUNCE:0")
        way.transit.commit(Commit(facts=[bounced]))
        assert way.transit.commit(Commit(facts=[bounced], allowances=both)) is Outcome.ALREADY

    def test_one_of_many_at_once_claims_an_intent(self, way: Way) -> None:
        allowance, intent = Allowance("bounces:x:1", most=9, expires_s=1), own(OwnFact.BOUNCE_INTENDED, "BOUNCE:0")
        with ThreadPoolExecutor(6) as pool:
            claims = list(
                pool.map(lambda _: way.transit.commit(Commit(facts=[intent], allowances=[allowance])), range(6))
            )
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

    def test_calls_that_have_not_ended_are_told_parked_or_not(self, way: Way) -> None:
        one, two, other = call(), call(rule_id="r-2"), call(rule_id="r-3", trace=TWO)
        way.transit.commit(Commit(facts=[received()], orders=[one, two, order(), bounce()]))
        way.transit.commit(Commit(facts=[received(TWO)], orders=[other]))
        assert list(way.transit.rule_calls(TRACE)) == [one, two]
        assert way.things.park(parked(two.key, body=two.model_dump_json()), own(OwnFact.PARKED, "p"))
        assert list(way.transit.rule_calls(TRACE)) == [one, two]
        way.transit.commit(Commit([Settle(one)]))
        assert list(way.transit.rule_calls(TRACE)) == [two]

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
