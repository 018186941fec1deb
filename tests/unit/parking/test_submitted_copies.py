"""The plain copies of submitted messages stay until every flow that needs them is over, and go then."""

from __future__ import annotations

import pytest

from postroom.model.facts import inside_trace
from postroom.model.limits import DAY_MS, HOUR_MS
from postroom.model.rules import ActionType, LambdaCall
from postroom.model.sweep_round import ROUND_MS
from postroom.ports.transit import Commit, Settle
from postroom.routing.outbound_flow import sent
from tests.support.outbound import MAIL, Office, outbound, said
from tests.support.rules import rule
from tests.support.sweeps import memory_sweep

EVERY_MS = HOUR_MS // 4


@pytest.fixture
def office() -> Office:
    return Office()


def sweep_for_a_round(office: Office, days: int) -> list[str]:
    """Let days pass, then sweep through all keys; return what is left of the plain copies."""
    office.later += days * DAY_MS
    sweep = memory_sweep(office.tables, office.parking, office.queues, office.raw, office.now)
    for _ in range(ROUND_MS // EVERY_MS + 2):
        office.later += EVERY_MS
        sweep.run()
    return [stored.key for stored in office.raw.stored("transit/")]


def transmitted(office: Office) -> None:
    for order in office.transmissions():
        ends = [sent(order, each, office.now()) for each in order.recipients]
        office.transit.commit(Commit([Settle(order)], ends))
    office.queues.queues["transmit"].clear()


def test_a_copy_goes_when_all_recipients_have_been_final_for_long(office: Office) -> None:
    office.mail("ben@acme.test", "carl@example.org")
    transmitted(office)
    assert len(sweep_for_a_round(office, 28)) == 1
    assert sweep_for_a_round(office, 2) == []
    assert len(office.contents("ben")) == 1


def test_a_copy_stays_while_a_transmission_is_open(office: Office) -> None:
    office.mail("ben@acme.test", "carl@example.org")
    (order,) = office.transmissions()
    assert sweep_for_a_round(office, 31) == [order.raw.key]


def test_a_copy_stays_while_the_flow_inside_is_parked(office: Office) -> None:
    """The submission's own flow has been over for long."""
    trace = office.send("ann", MAIL, "ben@acme.test").trace
    office.ingest.accept(office.queues.queues["ingest"].popleft())
    (delivery,) = office.transit.open_orders(inside_trace(trace))
    office.parking.park_order(delivery, "a test says so")
    assert office.transit.is_clear(trace)
    assert len(sweep_for_a_round(office, 31)) == 1
    (parked,) = office.parking.list()
    assert office.parking.redrive(parked)
    office.pump()
    assert len(office.contents("ben")) == 1
    assert sweep_for_a_round(office, 31) == []


def test_a_copy_stays_while_a_rule_inside_waits_for_its_function(office: Office) -> None:
    arn = office.function("in", lambda _: {"actions": [said("DEFAULT")]})
    office.rules(rule(ActionType.RUN_LAMBDA, id="in", call=LambdaCall(arn, synchronous=True, fallback=ActionType.DROP)))
    trace = office.send("ann", MAIL, "ben@acme.test").trace
    office.ingest.accept(office.queues.queues["ingest"].popleft())
    (call,) = office.transit.open_orders(inside_trace(trace))
    office.parking.park_order(call, "a test says so")
    assert len(sweep_for_a_round(office, 31)) == 1


def test_an_order_inside_that_was_lost_is_sent_again(office: Office) -> None:
    trace = office.send("ann", MAIL, "ben@acme.test").trace
    office.queues.queues["ingest"].clear()
    office.later += 2 * HOUR_MS
    memory_sweep(office.tables, office.parking, office.queues, office.raw, office.now).run()
    office.pump()
    assert len(office.contents("ben")) == 1
    assert office.ends(trace) == {"ben@acme.test": "OUTGOING_EMAIL_SENT"}


def test_a_plan_of_a_large_submission_goes_with_its_flow(office: Office) -> None:
    office.rules(outbound(ActionType.BOUNCE))
    office.mail(*(f"n{number}@example.org" for number in range(60)))
    kept = {stored.key.rpartition("/")[2].partition("-")[0] for stored in office.raw.stored("transit/")}
    assert {"plan", "submitted"} <= kept
    office.pump()
    sweep_for_a_round(office, 31)
    assert sweep_for_a_round(office, 31) == []
