"""Submissions that one transaction cannot hold: every chunk once, whatever stops a run."""

from __future__ import annotations

import pytest

from postroom.contracts.outbound_orders import AcceptOrder
from postroom.errors import ConflictError, InvalidNotificationError
from postroom.model.rules import ActionType
from postroom.ports.transit import Outcome
from tests.support.outbound import MAIL, Office, outbound

BOUNCED = "OUTGOING_EMAIL_BOUNCED"
NAMES = [f"n{number}@bounce.example" for number in range(130)]
CARL = "carl@example.org"


@pytest.fixture
def office() -> Office:
    made = Office()
    made.rules(outbound(ActionType.BOUNCE, recipients="bounce.example", id="r1"))
    return made


def submitted(office: Office) -> tuple[str, AcceptOrder]:
    trace = office.send("ann", MAIL, CARL, *NAMES).trace
    (order,) = office.transit.open_orders(trace)
    assert isinstance(order, AcceptOrder)
    assert office.queues.queues["accept_outbound"].popleft() == order.message
    return trace, order


def everything_is_done(office: Office, trace: str) -> None:
    assert office.ends(trace) == dict.fromkeys(NAMES, BOUNCED)
    assert office.ways() == {"ses:1": (CARL,)}
    kinds = [type(order) for order in office.transit.open_orders(trace)]
    assert AcceptOrder not in kinds


def test_the_chunks_follow_one_another_in_one_run(office: Office) -> None:
    trace, order = submitted(office)
    assert order.chunks == 4
    office.accept_outbound.accept(order.message)
    everything_is_done(office, trace)
    assert not office.queues.queues["accept_outbound"]


@pytest.mark.parametrize("stops_after", [1, 2, 3])
def test_a_run_continues_where_the_last_one_stopped(
    office: Office, monkeypatch: pytest.MonkeyPatch, stops_after: int
) -> None:
    trace, order = submitted(office)
    left = [stops_after]
    commit = type(office.transit).commit

    class Stopped(Exception):  # noqa: N818 - a stop is no error
        pass

    def until_it_stops(transit: object, what: object) -> object:
        if not left[0]:
            raise Stopped
        left[0] -= 1
        return commit(transit, what)  # type: ignore[arg-type]

    with monkeypatch.context() as stopping:
        stopping.setattr(type(office.transit), "commit", until_it_stops)
        with pytest.raises(Stopped):
            office.accept_outbound.accept(order.message)
    assert len(office.ends(trace)) < len(NAMES)
    office.accept_outbound.accept(order.message)  # SQS hands the same message out again
    office.accept_outbound.accept(office.queues.queues["accept_outbound"].popleft())
    everything_is_done(office, trace)


def test_an_order_that_comes_again_changes_nothing(office: Office) -> None:
    trace, order = submitted(office)
    office.accept_outbound.accept(order.message)
    before = office.ledger.facts(trace)
    office.accept_outbound.accept(order.message)
    assert office.ledger.facts(trace) == before
    everything_is_done(office, trace)


def test_a_plan_that_is_gone_parks_the_order(office: Office) -> None:
    trace, order = submitted(office)
    plan = office.raw.read(order.plan)
    office.raw.remove(order.plan.key)
    office.accept_outbound.accept(order.message)
    (parked,) = office.parking.list()
    assert (parked.station, parked.key) == ("accept_outbound", "accept:0")
    office.raw.keep(order.plan.key, plan)
    assert office.parking.redrive(parked)
    office.accept_outbound.accept(office.queues.queues["accept_outbound"].popleft())
    everything_is_done(office, trace)


def test_a_refusal_without_a_reason_goes_back_to_the_queue(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    _, order = submitted(office)
    monkeypatch.setattr(type(office.transit), "commit", lambda *_: Outcome.ALREADY)
    with pytest.raises(ConflictError):
        office.accept_outbound.accept(order.message)


def test_what_is_no_order_is_refused(office: Office) -> None:
    with pytest.raises(InvalidNotificationError):
        office.accept_outbound.accept('{"kind":"ACCEPT"}')
