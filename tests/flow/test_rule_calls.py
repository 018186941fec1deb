"""Rules that call functions, on the way of a message: waiting, parking, several ways to one mailbox."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.facts import EventName, OwnFact, trace_of
from tests.faults.harness import Harness
from tests.faults.injector import Injector, Killed
from tests.faults.organizations import acme, asked, fails
from tests.faults.scenario import ALL
from tests.support.builders import ORG, OTHER, notification
from tests.support.commits import before_chunks
from tests.support.rule_callees import ALL as CALLED
from tests.support.rules import DEFAULT, rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.contracts.expansions import Expansion
    from postroom.model.facts import Fact
    from tests.support.stack import Stack

MESSAGE = b"From: Bob <bob@example.org>\r\nSubject: plums\r\n\r\nten of them\r\n"


@contextmanager
def opened(stack: Stack, people: Any) -> Iterator[Harness]:
    with Harness(stack, Injector(frozenset()), ALL, people).open() as harness:
        harness.begin()
        yield harness


def facts(harness: Harness, name: EventName | OwnFact, message_id: str = "m1") -> Sequence[Fact]:
    return [fact for fact in harness.pipeline.operator.ledger.facts(trace_of(message_id, ORG)) if fact.name is name]


def step(harness: Harness, minutes: float = 0) -> None:
    """Let time pass, and deliver only the messages that are due."""
    harness.hours(minutes / 60)
    while any(harness._waiting(source)[0] for source in ("INGEST_QUEUE_URL", "RUN_SYNC_RULE_QUEUE_URL")):
        for source in ("INGEST_QUEUE_URL", "RUN_SYNC_RULE_QUEUE_URL"):
            harness.hand_out(source)


def test_the_sweep_does_not_touch_a_call_that_waits_for_hours(stack: Stack) -> None:
    """Gaps double up to the longest that SQS can hold a message back, for the rule's 240 minutes."""
    with opened(stack, asked(fails)) as harness:
        harness.arrive("m1", "ann@acme.test", content=MESSAGE)
        for _ in range(24 * 4):
            step(harness, 2.5)
            harness.schedule("sweep")
        assert list(harness.pipeline.operator.parking.list()) == []
        assert harness.pipeline.contents("ann", "JUNK_EMAIL") == []
        harness.pump()
        assert list(harness.pipeline.operator.parking.list()) == []
        assert harness.pipeline.contents("ann", "JUNK_EMAIL") == [MESSAGE]
        times = [fact.at / 60_000 for fact in facts(harness, OwnFact.RULE_ATTEMPTED)]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert max(gaps[:-2]) <= 15 + 2.5  # a message that is due waits for the next step of the test
        rounded = [round(gap, 1) for gap in gaps[:6]]
        assert rounded == sorted(rounded)
        assert len({event["invocationId"] for event in harness.pipeline.callees.events}) == 1
        assert len(facts(harness, EventName.RULE_APPLIED)) == 1


def test_a_message_that_comes_early_is_sent_again_without_a_call(stack: Stack) -> None:
    """This happens if a gap is longer than the longest delay of SQS."""
    with opened(stack, asked(fails)) as harness:
        harness.arrive("m1", "ann@acme.test", content=MESSAGE)
        step(harness)
        assert len(harness.pipeline.callees.events) == 1
        (again,) = harness.queued()["run_sync_rule"]
        harness.stack.sqs.send_message(QueueUrl=harness.stack.environment["RUN_SYNC_RULE_QUEUE_URL"], MessageBody=again)
        step(harness)
        assert len(harness.pipeline.callees.events) == 1
        harness.pump()
        assert harness.pipeline.contents("ann", "JUNK_EMAIL") == [MESSAGE]


def test_a_parked_call_continues_when_it_is_redriven(stack: Stack) -> None:
    with opened(stack, asked(lambda _: CALLED)) as harness:
        operator = harness.pipeline.operator.parking
        harness.arrive("m1", "ann@acme.test", content=MESSAGE)
        harness.hand_out("INGEST_QUEUE_URL")
        harness.make_dead_letters("RUN_SYNC_RULE")
        harness.pump()
        (parked,) = operator.list()
        assert (parked.key, parked.station) == ("call:r-tag", "run_sync_rule")
        assert harness.pipeline.callees.events == []
        assert operator.redrive(parked)
        harness.pump()
        assert harness.pipeline.contents("ann") == [MESSAGE]
        assert list(operator.list()) == []


def test_a_parked_call_that_is_given_up_delivers_nothing(stack: Stack) -> None:
    with opened(stack, asked(lambda _: CALLED)) as harness:
        operator = harness.pipeline.operator.parking
        harness.arrive("m1", "ann@acme.test", content=MESSAGE)
        harness.hand_out("INGEST_QUEUE_URL")
        (pointer,) = harness.queued()["run_sync_rule"]
        harness.make_dead_letters("RUN_SYNC_RULE")
        harness.pump()
        (parked,) = operator.list()
        assert operator.discard(parked)
        harness.stack.sqs.send_message(
            QueueUrl=harness.stack.environment["RUN_SYNC_RULE_QUEUE_URL"], MessageBody=pointer
        )
        harness.pump()
        assert harness.pipeline.contents("ann") == []
        assert harness.pipeline.callees.events == []
        assert harness.pipeline.operator.transit.is_clear(trace_of("m1", ORG))


def test_another_organizations_rule_waits_alone(stack: Stack) -> None:
    def people(pipeline: Any) -> None:
        asked(fails)(pipeline)
        pipeline.organization(OTHER, "zenith.test")
        pipeline.entity("zed", organization_id=OTHER, domain="zenith.test")

    with opened(stack, people) as harness:
        harness.arrive("m1", "ann@acme.test", "zed@zenith.test", content=MESSAGE)
        step(harness)
        harness.hand_out("DELIVER_QUEUE_URL")
        assert harness.pipeline.contents("zed") == [MESSAGE]
        assert harness.pipeline.contents("ann", "JUNK_EMAIL") == []
        harness.pump()
        assert harness.pipeline.contents("ann", "JUNK_EMAIL") == [MESSAGE]
        assert len(harness.pipeline.contents("zed")) == 1


@pytest.mark.parametrize("delivered_before", [False, True])
def test_recipients_that_are_announced_later_have_a_call_of_their_own(stack: Stack, *, delivered_before: bool) -> None:
    with opened(stack, asked(lambda _: CALLED)) as harness:
        harness.arrive("m1", "ann@acme.test", content=MESSAGE)
        if delivered_before:
            harness.pump()
        harness.announce(notification("m1", ["ben@acme.test", "ann@acme.test"]))
        harness.pump()
        told = [
            [each["address"] for each in event["envelope"]["recipients"]] for event in harness.pipeline.callees.events
        ]
        assert told == [["ann@acme.test"], ["ben@acme.test"]]
        assert len({event["invocationId"] for event in harness.pipeline.callees.events}) == 2
        assert [harness.pipeline.contents(name) for name in ("ann", "ben")] == [[MESSAGE], [MESSAGE]]


@pytest.mark.parametrize("first", ["DELIVER_QUEUE_URL", "RUN_SYNC_RULE_QUEUE_URL"])
def test_one_copy_where_a_group_and_a_rule_lead_to_the_same_mailbox(stack: Stack, first: str) -> None:
    with opened(stack, asked(lambda _: CALLED)) as harness:
        harness.arrive("m1", "ann@acme.test", "group@acme.test", content=MESSAGE)
        harness.hand_out("INGEST_QUEUE_URL")
        harness.hand_out(first)
        harness.pump()
        assert [harness.pipeline.contents(name) for name in ("ann", "ben")] == [[MESSAGE], [MESSAGE]]
        assert list(harness.pipeline.operator.parking.list()) == []


def test_one_copy_where_the_group_takes_several_transactions(stack: Stack) -> None:
    """The rule's decision waits until all of ingest's own orders are made."""

    def people(pipeline: Any) -> None:
        acme(pipeline)
        members = [f"u{number}" for number in range(60)]
        for name in members:
            pipeline.entity(name)
        pipeline.entity("zoe")  # the last member
        pipeline.entity("group-all", *members, "zoe")
        pipeline.apply_rules(pipeline.callees.rule(lambda _: CALLED), rule(DEFAULT, recipients="group-all@acme.test"))

    def stop_behind_the_first(expansion: Expansion) -> None:
        if expansion.done == 1:
            raise Killed

    with opened(stack, people) as harness:
        harness.arrive("m1", "zoe@acme.test", "group-all@acme.test", content=MESSAGE)
        with before_chunks(stop_behind_the_first):
            harness.hand_out("INGEST_QUEUE_URL")
        for source in ("RUN_SYNC_RULE_QUEUE_URL", "DELIVER_QUEUE_URL") * 5:
            harness.hand_out(source)
        harness.pump()
        assert len(harness.pipeline.contents("zoe")) == len(harness.pipeline.contents("u59")) == 1
        assert list(harness.pipeline.operator.parking.list()) == []


def test_two_rules_that_call_functions_for_one_message(stack: Stack) -> None:
    """Two authors, and a rule that wins over the first author's for one recipient."""

    def people(pipeline: Any) -> None:
        acme(pipeline)
        pipeline.apply_rules(
            pipeline.callees.rule(lambda _: CALLED, name="one", senders="bob@example.org"),
            pipeline.callees.rule(lambda _: CALLED, name="two", senders="eve@example.org"),
            pipeline.callees.rule(
                lambda _: None, name="three", synchronous=False, senders="bob@example.org", recipients="ben@acme.test"
            ),
        )

    with opened(stack, people) as harness:
        message = MESSAGE.replace(b"<bob@example.org>", b"<bob@example.org>, eve@example.org")
        harness.arrive("m1", "ann@acme.test", "ben@acme.test", content=message)
        harness.pump()
        assert [harness.pipeline.contents(name) for name in ("ann", "ben")] == [[message], [message]]
        assert list(harness.pipeline.operator.parking.list()) == []
        assert len(facts(harness, EventName.RULE_APPLIED)) == 2
