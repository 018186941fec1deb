"""The event bus, in memory and in EventBridge (moto)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from postroom.adapters.aws.event_bus import MAX_ATTEMPTS, EventBridgeBus
from postroom.adapters.memory.event_bus import MemoryEventBus
from postroom.errors import StoreUnavailableError
from postroom.ports.event_bus import BusEvent, EventBus
from tests.support.accounts import empty_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_events import EventBridgeClient

EVENTS = [BusEvent(f"t/{n}", "MAILBOX_EMAIL_DELIVERED", 1_795_000_000_123, f'{{"factId":"t/{n}"}}') for n in range(3)]


@pytest.fixture
def client() -> Iterator[EventBridgeClient]:
    with empty_account():
        yield boto3.client("events")


class TestEventBus:
    @pytest.fixture(params=["memory", "eventbridge"])
    def bus(self, request: pytest.FixtureRequest) -> EventBus:
        if request.param == "memory":
            return MemoryEventBus(refusing={"t/bad": "MalformedDetail"})
        client: EventBridgeClient = request.getfixturevalue("client")
        listen(client)
        return EventBridgeBus(client, "mail", lambda _: None, lambda: 0.0)

    def test_what_is_taken_is_not_named(self, bus: EventBus) -> None:
        assert bus.publish(EVENTS) == {}

    def test_what_is_not_taken_is_named_with_its_code(self, bus: EventBus) -> None:
        bad = BusEvent("t/bad", "MAILBOX_EMAIL_DELIVERED", 0, "no JSON")
        assert bus.publish([EVENTS[0], bad, EVENTS[1]]) == {"t/bad": "MalformedDetail"}


def listen(client: EventBridgeClient) -> None:
    client.create_event_bus(Name="mail")
    client.put_rule(Name="all", EventBusName="mail", EventPattern='{"source": ["postroom"]}')


def a_rule_exists(stub: Stubber) -> None:
    stub.add_response("list_rules", {"Rules": [{"Name": "all"}]}, {"EventBusName": "mail", "Limit": 1})


def answer(*codes: str) -> dict[str, Any]:
    entries = [{"ErrorCode": code, "ErrorMessage": "…"} if code else {"EventId": "1"} for code in codes]
    return {"FailedEntryCount": sum(map(bool, codes)), "Entries": entries}


def details(*places: int) -> dict[str, Any]:
    return {"Entries": [{**entry(place), "Time": ANY} for place in places]}


def entry(place: int) -> dict[str, Any]:
    event = EVENTS[place]
    return {"EventBusName": "mail", "Source": "postroom", "DetailType": event.name, "Detail": event.detail}


class TestEventBridge:
    def test_only_entries_that_failed_for_now_are_sent_again(self, client: EventBridgeClient) -> None:
        pauses: list[int] = []
        with Stubber(client) as stub:
            a_rule_exists(stub)
            stub.add_response("put_events", answer("ThrottlingException", "", "InvalidArgument"), details(0, 1, 2))
            stub.add_response("put_events", answer("InternalFailure"), details(0))
            stub.add_response("put_events", answer(""), details(0))
            assert EventBridgeBus(client, "mail", pauses.append, lambda: 0.0).publish(EVENTS) == {
                "t/2": "InvalidArgument"
            }
            stub.assert_no_pending_responses()
        assert pauses == [0, 1]

    def test_an_entry_that_keeps_failing_is_named_in_the_end(self, client: EventBridgeClient) -> None:
        with Stubber(client) as stub:
            a_rule_exists(stub)
            for _ in range(MAX_ATTEMPTS):
                stub.add_response("put_events", answer("InternalFailure"), details(0))
            bus = EventBridgeBus(client, "mail", lambda _: None, lambda: 0.0)
            assert bus.publish(EVENTS[:1]) == {"t/0": "InternalFailure"}
            stub.assert_no_pending_responses()

    def test_a_bus_that_does_not_answer_is_unavailable(self, client: EventBridgeClient) -> None:
        with Stubber(client) as stub:
            a_rule_exists(stub)
            stub.add_client_error("put_events", "ThrottlingException")
            with pytest.raises(StoreUnavailableError, match="ThrottlingException"):
                EventBridgeBus(client, "mail", lambda _: None, lambda: 0.0).publish(EVENTS)

    def test_listeners_get_the_facts_own_time_and_its_detail(self, client: EventBridgeClient) -> None:
        sqs = boto3.client("sqs")
        url = sqs.create_queue(QueueName="listener")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        listen(client)
        client.put_targets(Rule="all", EventBusName="mail", Targets=[{"Id": "1", "Arn": arn}])
        EventBridgeBus(client, "mail", lambda _: None, lambda: 0.0).publish(EVENTS[:1])
        (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
        heard = json.loads(message["Body"])
        assert heard["detail-type"] == "MAILBOX_EMAIL_DELIVERED"
        assert heard["detail"] == {"factId": "t/0"}
        assert heard["time"].startswith(datetime.fromtimestamp(1_795_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S"))

    def test_a_bus_without_rules_costs_nothing_until_it_has_one(self, client: EventBridgeClient) -> None:
        clock = iter([0.0, 59.9, 60.0, 119.9])
        no_rules: dict[str, Any] = {"Rules": []}
        with Stubber(client) as stub:
            stub.add_response("list_rules", no_rules)
            bus = EventBridgeBus(client, "mail", lambda _: None, lambda: next(clock))
            assert bus.publish(EVENTS) == {}
            assert bus.publish(EVENTS) == {}
            a_rule_exists(stub)
            stub.add_response("put_events", answer("", "", "InvalidArgument"), details(0, 1, 2))
            assert bus.publish(EVENTS) == {"t/2": "InvalidArgument"}
            stub.add_response("put_events", answer(""), details(0))
            assert bus.publish(EVENTS[:1]) == {}
            stub.assert_no_pending_responses()

    def test_a_bus_that_does_not_say_who_listens_is_told_everything(self, client: EventBridgeClient) -> None:
        with Stubber(client) as stub:
            for _ in range(2):
                stub.add_client_error("list_rules", "ThrottlingException")
                stub.add_response("put_events", answer(""), details(0))
            bus = EventBridgeBus(client, "mail", lambda _: None, lambda: 0.0)
            assert bus.publish(EVENTS[:1]) == {}
            assert bus.publish(EVENTS[:1]) == {}
            stub.assert_no_pending_responses()
