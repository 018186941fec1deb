"""record_events is stopped before and after every AWS call it makes; then the stream's batch comes again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3

from postroom.adapters.aws import clients
from postroom.model.facts import trace_of
from tests.faults.test_crash_walk import LETTER, Stopped
from tests.support.post import ORG
from tests.support.world import CONTEXT, World, load

if TYPE_CHECKING:
    from tests.support.stack import Stack

GROUP = "/aws/workmail/emailevents/acme"


class Injector:
    """As in the walk of ingest and deliver, on the clients of this station."""

    def __init__(self) -> None:
        self.step, self.calls, self.fired = -1, 0, False
        for client in (clients.dynamodb, clients.logs, clients.events, clients.sqs):
            client().meta.events.register("before-call", self.before)
            client().meta.events.register("after-call", self.after)

    def before(self, **_: Any) -> None:
        self.maybe(2 * self.calls)

    def after(self, **_: Any) -> None:
        self.calls += 1
        self.maybe(2 * self.calls - 1)

    def maybe(self, here: int) -> None:
        if here == self.step:
            self.fired, self.step = True, -1
            raise Stopped


def logged(trace: str) -> set[str]:
    """Return the names of the events that the organization's log holds of one message."""
    logs = boto3.client("logs")
    lines = [json.loads(found["message"]) for found in logs.filter_log_events(logGroupName=GROUP)["events"]]
    return {line["event"]["eventName"] for line in lines if line["traceId"] == trace}


def test_every_fact_reaches_the_log_wherever_it_stops(stack: Stack) -> None:
    CONTEXT.get_remaining_time_in_millis = lambda: 60_000
    world = World(stack)
    world.organization()
    world.entity("ann")
    injector = Injector()
    for step in range(100):
        injector.step = -1
        world.arrive(f"letter-{step}", LETTER, "ann@acme.test", "nobody@acme.test")
        world.pump()
        trace = trace_of(f"letter-{step}", ORG)
        rows = [row for row in stack.rows("LEDGER_TABLE") if row["pk"]["S"] == trace]
        records = [
            {
                "eventID": f"{step}-{place}",
                "eventName": "INSERT",
                "eventSource": "aws:dynamodb",
                "dynamodb": {"NewImage": row, "SequenceNumber": str(step * 10 + place), "Keys": {}},
            }
            for place, row in enumerate(rows)
        ]
        app = load("record_events")
        injector.step, injector.calls, injector.fired = step, 0, False
        try:
            answer = app.handler({"Records": records}, CONTEXT)
        except Stopped:
            answer = load("record_events").handler({"Records": records}, CONTEXT)
        assert answer["batchItemFailures"] == []
        assert logged(trace) == {
            "ORGANIZATION_EMAIL_RECEIVED",
            "MAILBOX_EMAIL_DELIVERED",
            "INCOMING_EMAIL_BOUNCED",
        }
        assert stack.depth("RETRY_EVENTS_QUEUE_URL") == 0
        if not injector.fired:
            break
    assert 6 <= step < 99
