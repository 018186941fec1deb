"""An event of SES that was given up is parked in its message's flow, and a redrive sends it as it came."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from postroom.contracts.messages import read_message
from postroom.contracts.ses_events import SesEvent
from postroom.parking.dead_letters import DeadLetters
from postroom.parking.parking import NO_ORGANIZATION
from tests.support.builders import ORG, TRACE
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.ses_events import SES_ID, bounce_event

if TYPE_CHECKING:
    from postroom.ports.parked import Parked


def parked(body: str) -> tuple[MemoryMailSystem, Parked]:
    """Give up an event; return what is parked."""
    system = MemoryMailSystem()
    DeadLetters(system.parking).accept("dead-letters", body, 100)
    (found,) = system.parking.list()
    return system, found


def test_an_event_is_parked_in_the_flow_of_its_message() -> None:
    body = bounce_event("bob@example.org")
    _, found = parked(body)
    assert isinstance(read_message(body), SesEvent)
    assert (found.trace, found.key) == (TRACE, f"feedback:Bounce:{SES_ID}")
    assert (found.organization_id, found.station, found.body) == (ORG, "record_feedback", body)
    assert not found.in_transit


def test_a_redrive_sends_it_as_it_came() -> None:
    body = bounce_event("bob@example.org")
    system, found = parked(body)
    assert system.parking.redrive(found)
    assert list(system.queues.queues["record_feedback"]) == [body]
    assert list(system.parking.list()) == []


def test_an_event_without_tags_is_parked_without_a_flow() -> None:
    document = json.loads(bounce_event("bob@example.org"))
    del document["mail"]["tags"]
    _, found = parked(json.dumps(document))
    assert (found.trace, found.organization_id) == (f"feedback:{SES_ID}", NO_ORGANIZATION)
