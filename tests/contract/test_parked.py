"""Parked things, in memory and in DynamoDB alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.model.facts import OwnFact
from postroom.ports.transit import (
    Commit,
    Outcome,
    Settle,
    TakeChunk,
)
from postroom.ports.transit_scans import OpenEntry
from tests.support.builders import (
    NOON,
    TRACE,
    delivered,
    expansion,
    order,
    own,
    parked,
    received,
)

if TYPE_CHECKING:
    from tests.support.transit_way import Way


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
