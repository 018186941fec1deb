"""A log that is written again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.contracts.pointers import Part
from postroom.errors import StoreUnavailableError
from postroom.ledger.rebuild import rebuild
from postroom.model.facts import OwnFact
from tests.support.builders import provider_call
from tests.support.facts import ACME, NOON, OTHER, delivered, fact, own, received

if TYPE_CHECKING:
    from .conftest import Pipeline


def test_every_event_of_one_organization_and_time_is_sent_to_its_log(pipeline: Pipeline) -> None:
    pipeline.ledger.all += [
        fact(received(), "before", NOON - 1),
        fact(received(), "first", NOON),
        fact(delivered(), "last", NOON + 9),
        fact(received(), "after", NOON + 10),
        fact(received(), "other", NOON, organization_id=OTHER),
        own(OwnFact.PARKED, "ours", NOON),
    ]
    assert rebuild(pipeline.ledger, pipeline.retries, ACME, since=NOON, until=NOON + 10) == 2
    assert [(pointer.trace, pointer.parts, delay) for pointer, delay in pipeline.retries.sent] == [
        ("first", (Part.LOG,), 0),
        ("last", (Part.LOG,), 0),
    ]


def test_audit_logs_get_deliveries_and_calls_of_providers_again(pipeline: Pipeline) -> None:
    asked = provider_call(organization_id=ACME).ended(NOON)
    pipeline.ledger.all += [fact(received(), "first", NOON), fact(delivered(), "second", NOON), asked]
    assert rebuild(pipeline.ledger, pipeline.retries, ACME, since=NOON, until=NOON + 1, part=Part.AUDIT) == 2
    assert [(pointer.trace, pointer.parts) for pointer, _ in pipeline.retries.sent] == [
        ("second", (Part.AUDIT,)),
        (asked.trace, (Part.AUDIT,)),
    ]


def test_a_queue_that_does_not_answer_is_heard_of(pipeline: Pipeline) -> None:
    pipeline.retries.away = True
    with pytest.raises(StoreUnavailableError):
        rebuild(pipeline.ledger, pipeline.retries, ACME, since=0, until=NOON)
