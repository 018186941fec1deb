"""Reads of everything in transit, in memory and in DynamoDB alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.model.facts import OwnFact
from postroom.ports.parked import Parked
from postroom.ports.transit import (
    Commit,
    Outcome,
    Settle,
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
from tests.support.transit_way import TWO

if TYPE_CHECKING:
    from postroom.contracts.orders import Order
    from tests.support.transit_way import Way


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

    def test_a_flow_has_rows_as_long_as_anything_of_it_is_open_or_parked(self, way: Way) -> None:
        assert not way.scans.has_rows(TRACE)
        way.transit.commit(Commit(facts=[received()], orders=[order("ann")]))
        way.things.park(parked("order:ann"), own(OwnFact.PARKED, "p"))
        assert way.scans.has_rows(TRACE)
        assert not way.scans.has_rows(TWO)
        way.transit.commit(Commit([Settle(order("ann"))], [delivered()]))
        assert not way.scans.has_rows(TRACE)

    def test_sweeping_brings_nothing_back(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received()], orders=[order()]))
        (waiting,) = way.scans.open_before(NOON + 1)
        way.transit.commit(Commit([Settle(order())], [delivered()]))
        way.scans.sent_again(waiting, NOON + 50)
        assert way.transit.is_clear(TRACE)


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
