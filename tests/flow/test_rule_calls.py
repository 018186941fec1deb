"""Rules that call functions, on the way of a message: waiting, parking, several ways to one mailbox."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from postroom.adapters.aws.transit import DynamoTransit
from postroom.model.facts import EventName, OwnFact, trace_of
from tests.faults.injector import Injector, Killed
from tests.faults.office import Office
from tests.faults.scenarios import ALL
from tests.faults.stories import acme, asked, fails
from tests.support.post import ORG, OTHER, notification
from tests.support.rule_callees import ALL as CALLED
from tests.support.rules import DEFAULT, rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.contracts.between_stations import Expansion
    from postroom.model.facts import Fact
    from tests.support.stack import Stack

LETTER = b"From: Bob <bob@example.org>\r\nSubject: plums\r\n\r\nten of them\r\n"


@contextmanager
def opened(stack: Stack, people: Any) -> Iterator[Office]:
    with Office(stack, Injector(frozenset()), ALL, people).open() as office:
        office.begin()
        yield office


def facts(office: Office, name: EventName | OwnFact, message_id: str = "m1") -> Sequence[Fact]:
    return [fact for fact in office.world.desk.ledger.facts(trace_of(message_id, ORG)) if fact.name is name]


def step(office: Office, minutes: float = 0) -> None:
    """Let time pass, and hand out what is due, no more."""
    office.hours(minutes / 60)
    while any(office._waiting(source)[0] for source in ("INGEST_QUEUE_URL", "RUN_SYNC_RULE_QUEUE_URL")):
        for source in ("INGEST_QUEUE_URL", "RUN_SYNC_RULE_QUEUE_URL"):
            office.hand_out(source)


def test_a_call_that_waits_for_hours_is_no_sweeps_business(stack: Stack) -> None:
    """Gaps double up to the longest that SQS can hold a message back, for the rule's 240 minutes."""
    with opened(stack, asked(fails)) as office:
        office.arrive("m1", "ann@acme.test", content=LETTER)
        for _ in range(24 * 4):
            step(office, 2.5)
            office.schedule("sweep")
        assert list(office.world.desk.parking.list()) == []
        assert office.world.contents("ann", "JUNK_EMAIL") == []
        office.pump()
        assert list(office.world.desk.parking.list()) == []
        assert office.world.contents("ann", "JUNK_EMAIL") == [LETTER]
        times = [fact.at / 60_000 for fact in facts(office, OwnFact.RULE_ATTEMPTED)]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert max(gaps[:-2]) <= 15 + 2.5  # what is due waits for our next step
        rounded = [round(gap, 1) for gap in gaps[:6]]
        assert rounded == sorted(rounded)
        assert len({event["invocationId"] for event in office.world.callees.events}) == 1
        assert len(facts(office, EventName.RULE_APPLIED)) == 1


def test_a_call_that_comes_early_is_held_back_without_a_call(stack: Stack) -> None:
    """As one whose gap is longer than SQS can hold a message back does."""
    with opened(stack, asked(fails)) as office:
        office.arrive("m1", "ann@acme.test", content=LETTER)
        step(office)
        assert len(office.world.callees.events) == 1
        (again,) = office.queued()["run_sync_rule"]
        office.stack.sqs.send_message(QueueUrl=office.stack.environment["RUN_SYNC_RULE_QUEUE_URL"], MessageBody=again)
        step(office)
        assert len(office.world.callees.events) == 1
        office.pump()
        assert office.world.contents("ann", "JUNK_EMAIL") == [LETTER]


def test_a_parked_call_goes_on_when_it_is_redriven(stack: Stack) -> None:
    with opened(stack, asked(lambda _: CALLED)) as office:
        desk = office.world.desk.parking
        office.arrive("m1", "ann@acme.test", content=LETTER)
        office.hand_out("INGEST_QUEUE_URL")
        office.bury("RUN_SYNC_RULE")
        office.pump()
        (parked,) = desk.list()
        assert (parked.key, parked.station) == ("call:r-tag", "run_sync_rule")
        assert office.world.callees.events == []
        assert desk.redrive(parked)
        office.pump()
        assert office.world.contents("ann") == [LETTER]
        assert list(desk.list()) == []


def test_a_parked_call_that_is_given_up_delivers_nothing(stack: Stack) -> None:
    with opened(stack, asked(lambda _: CALLED)) as office:
        desk = office.world.desk.parking
        office.arrive("m1", "ann@acme.test", content=LETTER)
        office.hand_out("INGEST_QUEUE_URL")
        (pointer,) = office.queued()["run_sync_rule"]
        office.bury("RUN_SYNC_RULE")
        office.pump()
        (parked,) = desk.list()
        assert desk.discard(parked)
        office.stack.sqs.send_message(QueueUrl=office.stack.environment["RUN_SYNC_RULE_QUEUE_URL"], MessageBody=pointer)
        office.pump()
        assert office.world.contents("ann") == []
        assert office.world.callees.events == []
        assert office.world.desk.transit.is_clear(trace_of("m1", ORG))


def test_another_organizations_rule_waits_alone(stack: Stack) -> None:
    def people(world: Any) -> None:
        asked(fails)(world)
        world.organization(OTHER, "zenith.test")
        world.entity("zed", organization_id=OTHER, domain="zenith.test")

    with opened(stack, people) as office:
        office.arrive("m1", "ann@acme.test", "zed@zenith.test", content=LETTER)
        step(office)
        office.hand_out("DELIVER_QUEUE_URL")
        assert office.world.contents("zed") == [LETTER]
        assert office.world.contents("ann", "JUNK_EMAIL") == []
        office.pump()
        assert office.world.contents("ann", "JUNK_EMAIL") == [LETTER]
        assert len(office.world.contents("zed")) == 1


@pytest.mark.parametrize("delivered_before", [False, True])
def test_recipients_announced_later_are_asked_about_apart(stack: Stack, *, delivered_before: bool) -> None:
    with opened(stack, asked(lambda _: CALLED)) as office:
        office.arrive("m1", "ann@acme.test", content=LETTER)
        if delivered_before:
            office.pump()
        office.announce(notification("m1", ["ben@acme.test", "ann@acme.test"]))
        office.pump()
        told = [[each["address"] for each in event["envelope"]["recipients"]] for event in office.world.callees.events]
        assert told == [["ann@acme.test"], ["ben@acme.test"]]
        assert len({event["invocationId"] for event in office.world.callees.events}) == 2
        assert [office.world.contents(name) for name in ("ann", "ben")] == [[LETTER], [LETTER]]


@pytest.mark.parametrize("first", ["DELIVER_QUEUE_URL", "RUN_SYNC_RULE_QUEUE_URL"])
def test_one_copy_where_a_group_and_a_rule_lead_to_the_same_mailbox(stack: Stack, first: str) -> None:
    with opened(stack, asked(lambda _: CALLED)) as office:
        office.arrive("m1", "ann@acme.test", "group@acme.test", content=LETTER)
        office.hand_out("INGEST_QUEUE_URL")
        office.hand_out(first)
        office.pump()
        assert [office.world.contents(name) for name in ("ann", "ben")] == [[LETTER], [LETTER]]
        assert list(office.world.desk.parking.list()) == []


def test_one_copy_where_the_group_takes_several_transactions(stack: Stack) -> None:
    """The rule's verdict waits until all of ingest's own orders are made."""

    def people(world: Any) -> None:
        acme(world)
        members = [f"u{number}" for number in range(60)]
        for name in members:
            world.entity(name)
        world.entity("zoe")  # the last of them
        world.entity("group-all", *members, "zoe")
        world.apply_rules(world.callees.rule(lambda _: CALLED), rule(DEFAULT, recipients="group-all@acme.test"))

    expand = DynamoTransit.expand

    def stopped(self: DynamoTransit, before: Expansion, *rest: Any) -> bool:
        if before.done == 1:
            raise Killed
        return expand(self, before, *rest)

    with opened(stack, people) as office:
        office.arrive("m1", "zoe@acme.test", "group-all@acme.test", content=LETTER)
        with patch.object(DynamoTransit, "expand", stopped):
            office.hand_out("INGEST_QUEUE_URL")
        for source in ("RUN_SYNC_RULE_QUEUE_URL", "DELIVER_QUEUE_URL") * 5:
            office.hand_out(source)
        office.pump()
        assert len(office.world.contents("zoe")) == len(office.world.contents("u59")) == 1
        assert list(office.world.desk.parking.list()) == []


def test_two_rules_that_ask_about_one_letter(stack: Stack) -> None:
    """Two authors, and a rule for one recipient that keeps the first author's from him."""

    def people(world: Any) -> None:
        acme(world)
        world.apply_rules(
            world.callees.rule(lambda _: CALLED, name="one", senders="bob@example.org"),
            world.callees.rule(lambda _: CALLED, name="two", senders="eve@example.org"),
            world.callees.rule(
                lambda _: None, name="three", synchronous=False, senders="bob@example.org", recipients="ben@acme.test"
            ),
        )

    with opened(stack, people) as office:
        letter = LETTER.replace(b"<bob@example.org>", b"<bob@example.org>, eve@example.org")
        office.arrive("m1", "ann@acme.test", "ben@acme.test", content=letter)
        office.pump()
        assert [office.world.contents(name) for name in ("ann", "ben")] == [[letter], [letter]]
        assert list(office.world.desk.parking.list()) == []
        assert len(facts(office, EventName.RULE_APPLIED)) == 2
