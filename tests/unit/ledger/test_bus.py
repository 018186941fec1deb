"""Events on the bus: all facts with their ids, without internal data."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.adapters.memory.event_bus import MemoryEventBus
from postroom.ledger.bus import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    MAX_DETAIL_BYTES,
    BusProjection,
    batches,
    bus_event,
    entry_bytes,
)
from postroom.model.facts import EventName, Fact, OwnFact
from postroom.ports.event_bus import BusEvent
from tests.support.builders import provider_call
from tests.support.facts import ACME, NOON, fact, own, plenty, received


def test_an_announcement_names_its_fact_and_tells_the_event() -> None:
    told = bus_event(own(OwnFact.MESSAGE_BLOCKED, recipients=["b@example.com"], reason="virus verdict FAIL"))
    assert (told.id, told.name, told.at_ms) == ("t1/MESSAGE_BLOCKED", "MESSAGE_BLOCKED", NOON)
    assert json.loads(told.detail) == {
        "factId": "t1/MESSAGE_BLOCKED",
        "traceId": "t1",
        "organizationId": ACME,
        "at": NOON,
        "event": {},
        "data": {"recipients": ["b@example.com"], "reason": "virus verdict FAIL"},
    }
    assert json.loads(bus_event(fact(received())).detail)["event"] == received().fields()


def test_listeners_learn_which_function_failed_and_nothing_that_it_said() -> None:
    data = {"functionArn": "arn:f", "attempt": 2, "failure": "FUNCTION_ERROR", "error": "ValueError: Dear Ada"}
    told = bus_event(Fact("t1", ACME, OwnFact.RULE_ATTEMPTED, "k", NOON, data=data))
    assert json.loads(told.detail)["data"] == {"functionArn": "arn:f", "attempt": 2, "failure": "FUNCTION_ERROR"}


def test_a_call_of_a_provider_is_announced_flat_and_without_what_it_said() -> None:
    ended = provider_call().ended(NOON, "FUNCTION_ERROR: the function raised an error", error="Dear Ada", failure="x")
    detail = json.loads(bus_event(ended).detail)
    assert detail["event"]["error_message"] == "FUNCTION_ERROR: the function raised an error"
    assert detail["data"] == {"mailboxes": 2, "failure": "x"}
    assert not [value for value in detail["event"].values() if isinstance(value, dict | list)]


def test_where_bytes_lie_and_data_that_nobody_listed_stay_inside() -> None:
    data: dict[str, Any] = {"raw": {"bucket": "b", "key": "inbound/1"}, "blob": "m/1", "new": "?", "size": 3}
    told = bus_event(Fact("t1", ACME, EventName.MAILBOX_EMAIL_DELIVERED, "k", NOON, data=data))
    assert json.loads(told.detail)["data"] == {"size": 3}


def test_a_detail_that_is_too_long_is_cut_and_stays_json() -> None:
    told = bus_event(fact(received(*(f"{n:0250}@example.com" for n in range(2000)))))
    assert len(told.detail.encode()) <= MAX_DETAIL_BYTES
    assert json.loads(told.detail)["factId"] == "t1/ORGANIZATION_EMAIL_RECEIVED"
    assert len(json.loads(told.detail)["event"]["recipients"]) > 400


details = st.one_of(st.text(max_size=20), st.integers(0, MAX_DETAIL_BYTES).map("x".__mul__))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from([*EventName, *OwnFact]), details), max_size=50))
def test_calls_stay_within_every_limit_lose_nothing_and_keep_the_order(given: list[tuple[str, str]]) -> None:
    events = [BusEvent(str(place), str(name), NOON, detail) for place, (name, detail) in enumerate(given)]
    cut = list(batches(events))
    assert [event for batch in cut for event in batch] == events
    for batch in cut:
        assert 1 <= len(batch) <= MAX_BATCH_EVENTS
        assert sum(map(entry_bytes, batch)) <= MAX_BATCH_BYTES


def test_what_the_bus_refuses_is_named_and_the_rest_announced() -> None:
    bus = MemoryEventBus(refusing={"t2/ORGANIZATION_EMAIL_RECEIVED": "MalformedDetail"})
    facts = [fact(received(), f"t{n}") for n in range(25)]
    assert BusProjection(bus).write(facts, plenty) == {"t2/ORGANIZATION_EMAIL_RECEIVED": "MalformedDetail"}
    assert [event.id for event in bus.announced] == [each.id for each in facts if each.trace != "t2"]


def test_a_bus_that_does_not_answer_is_asked_once() -> None:
    calls = []

    class Away(MemoryEventBus):
        def publish(self, events: Any) -> Any:
            calls.append(len(events))
            return super().publish(events)

    facts = [fact(received(), f"t{n}") for n in range(25)]
    refused = BusProjection(Away(away=True)).write(facts, plenty)
    assert refused.keys() == {each.id for each in facts}
    assert calls == [10]


def test_nothing_is_announced_once_time_is_short() -> None:
    bus = MemoryEventBus()
    assert BusProjection(bus).write([fact(received())], lambda: 1_000).keys() == {"t1/ORGANIZATION_EMAIL_RECEIVED"}
    assert not bus.announced


def test_the_parking_of_an_event_is_not_retried_or_it_would_be_parked_for_ever() -> None:
    parked = own(OwnFact.PARKED, station="events", what="event:k", cause="gave up")
    assert BusProjection(MemoryEventBus(away=True)).write([parked], plenty) == {}
