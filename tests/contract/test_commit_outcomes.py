"""What a commit answers, in memory and in DynamoDB alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws import clients
from postroom.adapters.aws.transit import DynamoTransit
from postroom.contracts.orders import RawLocation
from postroom.model.facts import OwnFact
from postroom.ports.message_contents import FlowContents
from postroom.ports.transit import (
    Allowance,
    Commit,
    EndCall,
    OpenCall,
    Outcome,
    OverLimit,
    Postpone,
    PostponeCall,
    Settle,
    SettleIfThere,
    Take,
    TakeChunk,
)
from tests.support.builders import (
    NOON,
    TRACE,
    bounce,
    call,
    expansion,
    order,
    own,
)

if TYPE_CHECKING:
    from tests.support.stack import Stack
    from tests.support.transit_way import Way


class TestOutcomes:
    """What a commit answers where one condition or several fail; nothing of it is written then."""

    FACT = own(OwnFact.BOUNCE_INTENDED, "new")

    @pytest.mark.parametrize(
        "there",
        [
            Commit(facts=[own(OwnFact.CONTENT_PUT, "there")]),
            Commit(orders=[order("there")]),
            Commit(expansion=expansion()),
        ],
        ids=["fact", "order", "expansion"],
    )
    def test_what_is_there_was_done_already(self, way: Way, there: Commit) -> None:
        assert way.transit.commit(there) is Outcome.DONE
        again = replace(there, facts=[*there.facts, self.FACT], orders=[*there.orders, order("new")])
        assert way.transit.commit(again) is Outcome.ALREADY
        self.nothing_was_written(way)

    @pytest.mark.parametrize(
        "take",
        [
            Settle(order()),
            Settle(expansion()),
            Postpone(order(), NOON + 1),
            EndCall(OpenCall(call(), 0, NOON)),
            PostponeCall(OpenCall(call(), 0, NOON), NOON + 1),
            TakeChunk(expansion()),
        ],
        ids=lambda take: type(take).__name__,
    )
    def test_what_is_gone_was_done_already(self, way: Way, take: Take) -> None:
        assert way.transit.commit(Commit([take], [self.FACT], [order("new")])) is Outcome.ALREADY
        self.nothing_was_written(way)

    def test_done_already_goes_before_stale_and_stale_before_the_limit(self, way: Way) -> None:
        used_up, stale = Allowance("x", most=1, expires_s=1), replace(FlowContents(TRACE), version=7)
        way.transit.commit(Commit(allowances=[used_up]))
        commit = Commit(facts=[self.FACT], orders=[order("new")], contents=stale, allowances=[used_up])
        assert way.transit.commit(replace(commit, takes=[Settle(order())])) is Outcome.ALREADY
        assert way.transit.commit(commit) is Outcome.STALE
        assert way.transit.commit(replace(commit, contents=None)) == OverLimit(used_up)
        self.nothing_was_written(way)
        assert way.transit.contents(TRACE) == FlowContents(TRACE)

    def test_everything_is_written_together(self, way: Way) -> None:
        way.transit.commit(Commit(orders=[order(), bounce()], expansion=expansion(chunks=2)))
        takes: list[Take] = [
            Settle(order()),
            SettleIfThere(bounce()),
            SettleIfThere(bounce("gone")),
            TakeChunk(expansion(chunks=2)),
        ]
        mine = expansion(chunks=3).model_copy(update={"of": call().key})
        contents = FlowContents(TRACE).put(RawLocation(bucket="b", key="transit/x"), 1)
        most_one = Allowance("x", most=1, expires_s=1)
        made = Commit(takes, [self.FACT], [order("new")], mine, contents, [most_one])
        assert way.transit.commit(made) is Outcome.DONE
        assert list(way.transit.under_way(TRACE)) == [
            expansion(chunks=2).model_copy(update={"done": 1}),
            mine,
            order("new"),
        ]
        assert way.transit.contents(TRACE).puts == 1
        assert way.ledger.fact(TRACE, "new") == self.FACT
        assert way.transit.commit(Commit(allowances=[most_one])) == OverLimit(most_one)

    def test_orders_that_need_not_be_there_stay_where_the_rest_is_refused(self, way: Way) -> None:
        made = [bounce(f"b{place:03}") for place in range(120)]
        for each in made:
            way.transit.commit(Commit(orders=[each]))
        takes: list[Take] = [Settle(order()), *map(SettleIfThere, made)]
        assert way.transit.commit(Commit(takes, [self.FACT])) is Outcome.ALREADY
        assert len(list(way.transit.open_orders(TRACE))) == 120

    def nothing_was_written(self, way: Way) -> None:
        assert way.ledger.fact(TRACE, "new") is None
        assert way.transit.order(TRACE, order("new").key) is None


def test_a_claim_under_many_limits_is_one_call_and_so_is_its_refusal(stack: Stack) -> None:
    client = clients.dynamodb()
    transit = DynamoTransit(client, stack.environment["TRANSIT_TABLE"], stack.environment["LEDGER_TABLE"], lambda: NOON)
    called: list[str] = []
    client.meta.events.register("before-call.dynamodb", lambda model, **_: called.append(model.name))
    limits = [Allowance(f"bounces:{name}:1", most=1, expires_s=1) for name in "wxyz"]
    for number, result in enumerate((Outcome.DONE, OverLimit(limits[0]))):
        claim = own(OwnFact.BOUNCE_INTENDED, f"BOUNCE:{number}")
        assert transit.commit(Commit(facts=[claim], allowances=limits)) == result
    assert called == ["TransactWriteItems"] * 2
