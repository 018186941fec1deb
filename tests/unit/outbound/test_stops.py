"""Ingest, accept_outbound and run_sync_rule about submitted mail, stopped at each call; then SQS hands out again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.facts import inside_trace
from postroom.model.rules import ActionType
from tests.support.outbound import MAIL, PLAIN, Office, outbound, said
from tests.support.stops import StoppedError, Stopping, Stops

if TYPE_CHECKING:
    from collections.abc import Callable

CARL, BEN, CLEO = "carl@example.org", "ben@acme.test", "cleo@acme.test"
MOST_CALLS = 60
"""More than a station makes."""
SENT, BOUNCED = "OUTGOING_EMAIL_SENT", "OUTGOING_EMAIL_BOUNCED"
BACK = [f"n{number}@back.example" for number in range(60)]


def few(office: Office) -> str:
    return office.send("ann", MAIL, BEN, CLEO, CARL).trace


def many_inside(office: Office) -> str:
    names = [f"p{number}" for number in range(50)]
    for name in names:
        office.user(name)
    return office.send("ann", MAIL, BEN, CLEO, CARL, *(f"{name}@acme.test" for name in names)).trace


def many_refused(office: Office) -> str:
    office.rules(outbound(ActionType.BOUNCE, recipients="back.example", id="r1"))
    return office.send("ann", MAIL, BEN, CLEO, CARL, *BACK).trace


def asked(office: Office) -> str:
    added = said("DEFAULT", CARL)
    office.rules(office.asks(lambda _: {"actions": [said("DEFAULT"), added]}, recipients="acme.test"))
    return office.send("ann", MAIL, BEN, CLEO).trace


def asked_about_many(office: Office) -> str:
    office.rules(office.asks(lambda _: {"actions": [said("BOUNCE", *BACK), said("DEFAULT")]}, timeout=5))
    return office.send("ann", MAIL, BEN, CLEO, CARL, *BACK).trace


CASES: list[tuple[str, str, Callable[[Office], str], int]] = [
    ("ingest", "ingest", few, 4),
    ("ingest", "ingest", many_inside, 12),
    ("accept_outbound", "accept_outbound", many_refused, 6),
    ("run_sync_rule", "run_sync_rule", asked, 6),
    ("run_sync_rule", "run_sync_rule", asked_about_many, 8),
]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("station", "queue", "case", "least"), CASES)
def test_wherever_it_stops_each_recipient_ends_once(
    station: str, queue: str, case: Callable[[Office], str], least: int, *, after: bool
) -> None:
    for at in range(1, MOST_CALLS):
        office = Office()
        trace = case(office)
        body = office.queues.queues[queue].popleft()
        was_stopped = stopped(getattr(office, station), Stops(at, after), body)
        office.queues.queues[queue].append(body)
        office.pump()
        office.call_again()
        everything_is_done(office, trace, refused=BACK if "back" in str(office.opened(trace).event) else [])
        if not was_stopped:
            assert at > least
            return
    pytest.fail("more calls than are walked")


def stopped(station: Any, stops: Stops, body: str) -> bool:
    """Carry out a message until the stop; say whether there was one."""
    ports: dict[str, Any] = {
        name: Stopping(getattr(station, name), stops)
        for name in ("raw", "transit", "ledger", "queues", "directory", "rule_sets", "open_calls")
        if hasattr(station, name)
    }
    try:
        replace(station, **ports).accept(body)
    except StoppedError:
        return True
    return False


def everything_is_done(office: Office, trace: str, *, refused: list[str]) -> None:
    """Check that each recipient has one end, one copy or one order to transmit, and that nothing else is open."""
    inside = [name for name in office.tables.mailboxes if name != "ann"]
    wanted = [name for name in inside if f"{name}@acme.test" in office.opened(trace).event["recipients"]]
    assert all(office.contents(name) == [PLAIN] for name in wanted)
    sent = dict.fromkeys((f"{name}@acme.test" for name in wanted), SENT)
    assert office.ends(trace) == sent | dict.fromkeys(refused, BOUNCED)
    open_transmissions = Counter(each for recipients in office.ways().values() for each in recipients)
    assert open_transmissions == {CARL: 1}
    assert {order.station for order in office.transit.open_orders(trace)} == {"transmit"}
    assert office.transit.is_clear(inside_trace(trace))
    assert list(office.parking.list()) == []
    assert office.contents("ann", "SENT_ITEMS") == [MAIL]
