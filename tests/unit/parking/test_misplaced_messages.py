"""A message in the queue of another station ends nothing: it goes back, and becomes a dead letter that park reads."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import pytest

from postroom.contracts.pointers import FactPointer
from postroom.errors import PostroomError
from postroom.parking.dead_letters import DeadLetters
from postroom.ports.transit import Commit
from tests.support.builders import ORG, TRACE, bounce, calendar_order, call, notification, order, received
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ORDERS: Final = (
    order(),
    calendar_order(),
    bounce(),
    call(rule_id="r-sync"),
    call(rule_id="r-async", synchronous=False),
)
FACT: Final = FactPointer(trace=TRACE, key="MAILBOX_EMAIL_DELIVERED:ann", organization_id=ORG)
MESSAGES: Final[Mapping[str, str]] = {
    "ingest": notification("m1", ["ann@acme.test"]),
    "retry_events": FACT.message,
    **{each.station: each.message for each in ORDERS},
}
STATIONS: Final = ("ingest", "deliver", "update_calendar", "bounce", "run_sync_rule", "run_async_rule")


@pytest.mark.parametrize(("station", "queue"), [pair for pair in product(MESSAGES, STATIONS) if len(set(pair)) == 2])
def test_a_misplaced_message_ends_no_order(station: str, queue: str) -> None:
    system = MemoryMailSystem()
    system.user("ann")
    system.transit.commit(Commit(facts=[received()], orders=ORDERS))
    before = list(system.ledger.facts(TRACE))
    accepts: dict[str, Callable[[str], None]] = {
        "ingest": system.ingest.accept,
        "deliver": system.deliver.accept,
        "update_calendar": system.update_calendar.accept,
        "bounce": system.bouncer.accept,
        "run_sync_rule": system.run_sync_rule.accept,
        "run_async_rule": system.run_async_rule.accept,
    }
    try:
        accepts[queue](MESSAGES[station])
    except PostroomError:
        DeadLetters(system.parking).accept(f"{queue}-dead", MESSAGES[station], 5)
    parked = {each.key for each in system.parking.list()}
    assert {each.key for each in ORDERS} <= {each.key for each in system.transit.under_way(TRACE)} | parked
    assert parked, "a person hears of it"
    assert {fact.name for fact in system.ledger.facts(TRACE)} - {fact.name for fact in before} <= {"PARKED"}
    assert not system.contents("ann")
