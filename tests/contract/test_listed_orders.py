"""Orders that are listed in the fact that opens their flow: open until a fact with their end key, in both adapters."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from postroom.contracts.order_list import ORDERS, end_key, in_list, in_row, listing
from postroom.errors import UnreadableFactError
from postroom.model.facts import OwnFact
from postroom.ports.transit import Commit, Outcome, Settle, SettleIfThere
from postroom.ports.transit_scans import OpenEntry
from postroom.routing.listed import store
from tests.support.builders import NOON, ORG, TRACE, bounce, delivered, expansion, order, own, parked, received

if TYPE_CHECKING:
    from postroom.contracts.orders import DeliveryOrder
    from postroom.model.facts import Fact
    from tests.support.transit_way import Way

ANN: Final = in_list(order("ann"))
BEN: Final = in_list(order("ben", delivered_to="all@acme.test", folder="JUNK_EMAIL"))


def opening(*orders: DeliveryOrder) -> Fact:
    """Return the fact that opens a flow and lists orders."""
    first = received(messageTimestamp="2026-11-24T12:00:00.000Z")
    common = {"envelopeFrom": ANN.envelope_from, "raw": ANN.raw.model_dump(), "size": ANN.size}
    return replace(first, data={**common, ORDERS: listing(orders)})


@pytest.fixture
def opened(way: Way) -> Way:
    """A flow that lists an order of Ann and one of Ben; a bounce has a row."""
    made = Commit(facts=[opening(ANN, BEN)], orders=[bounce()])
    assert way.transit.commit(made) is Outcome.DONE
    return way


def test_listed_orders_are_open_and_come_in_order_of_keys_with_those_of_rows(opened: Way) -> None:
    assert list(opened.transit.open_orders(TRACE)) == [bounce(), ANN, BEN]
    assert list(opened.transit.under_way(TRACE)) == [bounce(), ANN, BEN]
    assert opened.transit.order(TRACE, "order:ann") == ANN
    assert opened.transit.order(TRACE, "order:ben") == BEN
    assert opened.transit.order(TRACE, "order:fay") is None
    assert not opened.transit.is_clear(TRACE)


def test_the_ledger_tells_which_of_them_are_open(opened: Way) -> None:
    found = opened.ledger.opened(TRACE)
    assert found is not None
    assert (found.received, list(found.listed)) == (opening(ANN, BEN), [ANN, BEN])
    assert opened.transit.commit(Commit([Settle(ANN)], [delivered("ann")])) is Outcome.DONE
    found = opened.ledger.opened(TRACE)
    assert found is not None
    assert list(found.listed) == [BEN]
    assert opened.ledger.opened("e" * 32) is None


def test_a_flow_is_opened_by_its_fact_alone_and_once(way: Way) -> None:
    assert way.transit.commit(Commit(facts=[opening(ANN)])) is Outcome.DONE
    assert way.transit.commit(Commit(facts=[opening(BEN)])) is Outcome.ALREADY
    assert list(way.transit.open_orders(TRACE)) == [ANN]


def test_one_of_many_at_once_opens_a_flow(way: Way) -> None:
    facts = [opening(in_list(order(name))) for name in "abcdef"]
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(lambda fact: way.transit.commit(Commit(facts=[fact])), facts))
    assert outcomes.count(Outcome.DONE) == 1
    assert outcomes.count(Outcome.ALREADY) == 5
    assert [o.key for o in way.transit.open_orders(TRACE)] == [f"order:{'abcdef'[outcomes.index(Outcome.DONE)]}"]


def test_a_listed_order_ends_once_whatever_ends_it(opened: Way) -> None:
    given_up = replace(own(OwnFact.DISCARDED, end_key(ANN)), data={"what": ANN.key})
    assert opened.transit.commit(Commit([Settle(ANN)], [given_up])) is Outcome.DONE
    again = Commit([Settle(ANN)], [delivered("ann")], [bounce("ann")])
    assert opened.transit.commit(again) is Outcome.ALREADY
    assert store(ANN, opened.transit, NOON) is None
    assert list(opened.transit.open_orders(TRACE)) == [bounce(), BEN]
    assert opened.transit.order(TRACE, ANN.key) is None


def test_one_of_many_ends_at_once_is_written(opened: Way) -> None:
    names = [OwnFact.DISCARDED, OwnFact.MAILBOX_REMOVED, OwnFact.ANNOUNCED]
    commits = [Commit([Settle(ANN)], [own(name, end_key(ANN))]) for name in names]
    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(opened.transit.commit, commits))
    assert sorted(map(str, outcomes)) == [Outcome.ALREADY, Outcome.ALREADY, Outcome.DONE]


def test_a_flow_is_clear_when_all_have_ended(opened: Way) -> None:
    for each in (ANN, BEN):
        assert not opened.transit.is_clear(TRACE)
        opened.transit.commit(Commit([Settle(each)], [delivered(each.mailbox_id)]))
    assert not opened.transit.is_clear(TRACE)
    opened.transit.commit(Commit([SettleIfThere(bounce())]))
    assert opened.transit.is_clear(TRACE)


class TestStored:
    def test_a_listed_order_gets_a_row_once_and_has_been_open_since_its_message_came(self, opened: Way) -> None:
        opened.clock.now = NOON + 10
        row = store(ANN, opened.transit, NOON + 5)
        assert row == in_row(ANN)
        assert store(ANN, opened.transit, NOON + 6) is None
        assert list(opened.transit.open_orders(TRACE)) == [bounce(), row, BEN]
        assert opened.transit.order(TRACE, ANN.key) == row
        fact = opened.ledger.fact(TRACE, end_key(ANN))
        assert fact is not None
        assert (fact.name, fact.at, fact.data["mailboxId"]) == (OwnFact.ORDER_STORED, NOON + 5, "ann")
        assert OpenEntry(row, NOON, 0) in list(opened.scans.open_before(NOON + 1))
        found = opened.ledger.opened(TRACE)
        assert found is not None
        assert list(found.listed) == [BEN]

    def test_the_listed_order_has_ended_and_the_stored_one_ends_once(self, opened: Way) -> None:
        row = store(ANN, opened.transit, NOON)
        assert row is not None
        assert opened.transit.commit(Commit([Settle(ANN)], [delivered("ann")])) is Outcome.ALREADY
        end = replace(delivered("ann"), key=end_key(row))
        assert opened.transit.commit(Commit([Settle(row)], [end])) is Outcome.DONE
        assert opened.transit.commit(Commit([Settle(row)], [own(OwnFact.DISCARDED, "x")])) is Outcome.ALREADY
        assert opened.transit.order(TRACE, ANN.key) is None

    def test_a_stored_order_is_parked_redriven_and_swept_like_any_other(self, opened: Way) -> None:
        row = store(ANN, opened.transit, NOON)
        assert row is not None
        thing = parked(row.key, body=row.model_dump_json())
        assert opened.things.park(thing, own(OwnFact.PARKED, "p"))
        assert list(opened.transit.open_orders(TRACE)) == [bounce(), BEN]
        assert opened.transit.order(TRACE, row.key) == row
        assert not opened.transit.is_clear(TRACE)
        assert opened.things.redrive(thing, own(OwnFact.REDRIVEN, "r"))
        assert list(opened.transit.open_orders(TRACE)) == [bounce(), row, BEN]
        opened.clock.now = NOON + 1
        opened.scans.sent_again(OpenEntry(row, NOON, 0), NOON + 1)
        assert OpenEntry(row, NOON + 1, 1) in list(opened.scans.open_before(NOON + 2))

    def test_an_order_in_a_row_is_not_stored_again(self, opened: Way) -> None:
        opened.transit.commit(Commit(orders=[order("ann")]))
        assert store(ANN, opened.transit, NOON) is None
        assert opened.transit.order(TRACE, ANN.key) == order("ann")

    def test_scans_and_parking_see_no_listed_order(self, opened: Way) -> None:
        assert [each.entry for each in opened.scans.open_before(NOON + 1)] == [bounce()]
        assert [each.entry for each in opened.scans.of_organization(ORG)] == [bounce()]
        assert not opened.things.park(parked("order:ann"), own(OwnFact.PARKED, "p"))


class TestCommit:
    def test_a_listed_order_gets_no_row(self) -> None:
        with pytest.raises(ValueError, match="no row"):
            Commit(orders=[ANN])

    @pytest.mark.parametrize(
        "facts",
        [
            [],
            [delivered("ben")],
            [replace(delivered("ann"), trace="e" * 32)],
            [delivered("ann"), own(OwnFact.DISCARDED, end_key(ANN))],
        ],
        ids=["none", "of another mailbox", "of another flow", "two"],
    )
    def test_a_listed_order_ends_with_one_fact_of_its_end_key(self, facts: list[Fact]) -> None:
        with pytest.raises(ValueError, match="exactly one fact"):
            Commit([Settle(ANN)], facts)

    def test_a_listed_order_never_ends_without_a_condition(self) -> None:
        with pytest.raises(ValueError, match="without a condition"):
            Commit([SettleIfThere(ANN)], [delivered("ann")])

    def test_what_has_a_row_may_end_with_any_facts(self) -> None:
        assert Commit([Settle(order()), SettleIfThere(bounce()), Settle(expansion())]).facts == ()


def test_a_list_that_cannot_be_read_is_an_error_and_not_an_empty_list(way: Way) -> None:
    broken = replace(opening(ANN), data={**opening(ANN).data, ORDERS: [["ann"]]})
    way.transit.commit(Commit(facts=[broken]))
    with pytest.raises(UnreadableFactError):
        list(way.transit.open_orders(TRACE))
    with pytest.raises(UnreadableFactError):
        way.transit.is_clear(TRACE)
    with pytest.raises(UnreadableFactError):
        way.transit.order(TRACE, "order:ann")
    with pytest.raises(UnreadableFactError):
        way.ledger.opened(TRACE)
