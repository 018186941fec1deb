"""Messages of a newer version, after a rollback: parked as they are, and redriven by the version that reads them."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.contracts.audit_sending import AuditMessage
from postroom.contracts.orders import LISTED_FORMAT
from postroom.contracts.pointers import FactPointer
from postroom.errors import InvalidNotificationError, NewerFormError, PostroomError
from postroom.parking.dead_letters import DeadLetters
from postroom.parking.redrive import Redriving
from postroom.ports.transit import Commit
from tests.support.builders import ORG, TRACE, call, order, parked
from tests.support.memory_mail_system import MemoryMailSystem
from tests.upgrade.messages import RECORD

if TYPE_CHECKING:
    from postroom.ports.parked import Parked

NEWER: Final[dict[str, Any]] = json.loads(order().message) | {"version": LISTED_FORMAT + 1}
UNKNOWN: Final[dict[str, Any]] = {"version": 1, "kind": "NOT_YET", "trace": TRACE, "organization_id": ORG}
POINTER: Final = FactPointer(trace=TRACE, key="RULE_APPLIED:r-1", organization_id=ORG)


def redriving(system: MemoryMailSystem) -> Redriving:
    return Redriving(**{each.name: getattr(system.parking, each.name) for each in fields(Redriving)})


def only_parked(system: MemoryMailSystem) -> Parked:
    (found,) = system.parking.list()
    return found


@pytest.mark.parametrize("body", [NEWER, UNKNOWN], ids=["newer form", "unknown kind"])
def test_a_message_that_cannot_be_read_is_parked_as_it_is(body: dict[str, Any]) -> None:
    system, text = MemoryMailSystem(), json.dumps(body)
    with pytest.raises(InvalidNotificationError):
        system.deliver.accept(text)
    DeadLetters(system.parking).accept("dead", text, 5, InvalidNotificationError("not a delivery order").cause)
    found = only_parked(system)
    assert found.body == text
    assert "InvalidNotificationError" in found.cause


@pytest.mark.parametrize(
    ("body", "station"),
    [
        (order().message, "deliver"),
        (call().message, "run_sync_rule"),
        (POINTER.message, "retry_events"),
        (AuditMessage(ORG, [RECORD], "d1").message, "retry_audit"),
        ("[]", "ingest"),
    ],
)
def test_the_version_that_reads_it_sends_it_to_its_station(body: str, station: str) -> None:
    """A version that could not read it parked it as if it were a notification."""
    system = MemoryMailSystem()
    system.parking.park_arrival(body, "because")
    assert redriving(system).redrive(only_parked(system))
    assert {name: [*queue] for name, queue in system.queues.queues.items() if queue} == {station: [body]}
    assert not list(system.parking.list())


@pytest.mark.parametrize("key", ["order:ann", "expansion"])
def test_a_parked_entry_of_a_newer_version_stays_parked(key: str) -> None:
    system = MemoryMailSystem()
    system.transit.commit(Commit(orders=[order()]))
    system.parking.park_order(order(), "because")
    newer = replace(parked(key), body=json.dumps(UNKNOWN))
    with pytest.raises(NewerFormError, match="stays parked"):
        redriving(system).redrive(newer)
    assert only_parked(system).key == "order:ann"
    assert issubclass(NewerFormError, PostroomError)
