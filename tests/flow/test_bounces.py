"""From a recipient that fails to the message that tells the sender, through the functions' own handlers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import boto3
import pytest

from postroom.bounce.decide import UNCONFIRMED
from postroom.model.directory import EntityState
from postroom.model.facts import OwnFact, trace_of
from tests.support.memory_post import MemoryPost
from tests.support.post import NOON, ORG
from tests.support.world import World

if TYPE_CHECKING:
    from tests.support.stack import Stack

LETTER = b"From: Bob <bob@example.org>\nTo: x\nBcc: secret@example.org\nSubject: plums\n\nhello\n"
FORGED = {"spf": "FAIL", "dkim": "GRAY", "dmarc": "FAIL"}


@pytest.fixture
def world(stack: Stack) -> World:
    made = World(stack)
    made.organization()
    made.entity("ann")
    return made


def told(world: World) -> list[list[str]]:
    return [[each["address"] for each in answer["recipients"]] for answer in world.answered]


def silences(world: World, message_id: str) -> list[str]:
    facts = world.desk.ledger.facts(trace_of(message_id, ORG))
    return [fact.data["reason"] for fact in facts if fact.name is OwnFact.BOUNCE_SUPPRESSED]


def test_unknown_disabled_and_full_recipients_are_told_in_one_message(world: World) -> None:
    world.entity("off", state=EntityState.DISABLED)
    world.entity("tim", quota=10)
    world.arrive("m1", LETTER, *(f"{name}@acme.test" for name in ("nobody", "off", "tim", "ann")))
    world.pump()
    assert told(world) == [["nobody@acme.test", "off@acme.test", "tim@acme.test"]]
    assert [each["fields"]["Status"] for each in world.answered[0]["recipients"]] == ["5.1.1", "5.2.1", "5.2.2"]
    assert world.answered[0]["original"] == "m1"
    assert world.desk.transit.is_clear(trace_of("m1", ORG))
    assert world.contents("ann") == [LETTER]


@pytest.mark.parametrize("to", [("tim", "group-both"), ("group-both", "tim")])
def test_who_was_addressed_by_name_is_told_of_though_a_group_reached_others(world: World, to: tuple[str, str]) -> None:
    world.entity("tim", quota=10)
    world.entity("group-both", "tim", "ann")
    world.arrive("m1", LETTER, *(f"{name}@acme.test" for name in to))
    world.pump()
    assert told(world) == [["tim@acme.test"]]


def test_a_message_that_ses_has_forgotten_is_answered_raw(world: World) -> None:
    world.arrive("m1", LETTER, "nobody@acme.test", at=NOON - 48 * 3_600_000)
    world.pump()
    (report,) = world.raw_bounces
    assert report.get_content_type() == "multipart/report"
    assert report["To"] == "bob@example.org"
    assert "secret" not in report.as_string()


def test_a_group_of_130_full_mailboxes_is_one_message_that_names_the_group_and_no_member(world: World) -> None:
    names = [f"u{number:03}" for number in range(130)]  # more than a transaction, and three chunks, hold
    for name in names:
        world.entity(name, quota=10)
    world.entity("group-all", *names)
    world.arrive("m1", LETTER, "group-all@acme.test")
    world.pump()
    assert told(world) == [["group-all@acme.test"]]
    assert "u0" not in repr(world.answered)
    assert world.fact_names(trace_of("m1", ORG)).count("INCOMING_EMAIL_BOUNCED") == 130
    assert world.desk.transit.is_clear(trace_of("m1", ORG))
    assert world.stack.depth("BOUNCE_QUEUE_URL") == 0


def test_a_flood_with_forged_senders_sends_nothing() -> None:
    post = MemoryPost()
    for number in range(2000):
        source = f"victim{number}@example.org"
        post.arrive(f"f{number}", LETTER, f"x{number}@acme.test", source=source, verdicts=FORGED)
    assert (post.sender.answered, post.sender.sent) == ([], [])
    facts = [fact for number in range(2000) for fact in post.ledger.facts(trace_of(f"f{number}", ORG))]
    assert sum(fact.name is OwnFact.BOUNCE_SUPPRESSED for fact in facts) == 2000
    assert post.books.transit == {}


def test_forged_senders_are_not_answered_on_aws_either(world: World) -> None:
    for number in range(20):
        world.arrive(f"f{number}", LETTER, f"x{number}@acme.test", source=f"v{number}@example.org", verdicts=FORGED)
    world.pump()
    assert world.answered == []
    assert world.raw_bounces == []
    assert silences(world, "f0") == [UNCONFIRMED]


def test_a_hundred_failures_of_one_honest_sender_are_twenty_messages(world: World) -> None:
    for number in range(30):
        world.arrive(f"m{number}", LETTER, "nobody@acme.test")
    world.pump()
    assert len(world.answered) == 20
    assert sum(bool(silences(world, f"m{number}")) for number in range(30)) == 10


def test_a_bounce_that_bounces_ends_there(world: World) -> None:
    world.arrive("m1", LETTER, "mailer-daemon@acme.test", source="")
    world.pump()
    assert world.answered == []
    assert silences(world, "m1") == ["the message came from the null sender: a bounce is never bounced"]


def test_what_ses_refuses_is_parked_and_sent_once_it_takes_it(world: World) -> None:
    ses = boto3.client("ses")
    ses.delete_identity(Identity="acme.test")
    world.arrive("m1", LETTER, "nobody@acme.test")
    world.pump()
    (parked,) = world.desk.parking.list()
    assert (parked.station, parked.key) == ("bounce", "bounce:nobody@acme.test")
    assert "RefusedByServiceError" in parked.cause
    ses.verify_domain_identity(Domain="acme.test")
    assert world.desk.parking.redrive(parked)
    world.pump()
    assert told(world) == [["nobody@acme.test"]]
    assert world.desk.transit.is_clear(trace_of("m1", ORG))


def test_a_dead_letter_of_bounce_is_parked_as_what_it_is(world: World) -> None:
    world.arrive("m1", LETTER, "nobody@acme.test")
    world._batch("INGEST_QUEUE_URL", "ingest")
    (body,) = [
        each["Body"]
        for each in world.stack.sqs.receive_message(QueueUrl=world.stack.environment["BOUNCE_QUEUE_URL"])["Messages"]
    ]
    world.stack.sqs.send_message(QueueUrl=world.stack.environment["BOUNCE_DLQ_URL"], MessageBody=body)
    world._batch("BOUNCE_DLQ_URL", "park")
    (parked,) = world.desk.parking.list()
    assert (parked.station, parked.cause.startswith("gave up after")) == ("bounce", True)


def test_a_forgotten_bounce_is_sent_again_by_the_sweep(world: World) -> None:
    world.arrive("m1", LETTER, "nobody@acme.test")
    world._batch("INGEST_QUEUE_URL", "ingest")
    world.stack.sqs.purge_queue(QueueUrl=world.stack.environment["BOUNCE_QUEUE_URL"])
    sweep = world.apps["sweep"].sweep
    later = sweep.now() + 2 * 3_600_000
    assert dataclasses.replace(sweep, now=lambda: later).run()["sent"] == 1
    world.pump()
    assert told(world) == [["nobody@acme.test"]]


def test_a_large_flow_tells_everybody_in_one_message(world: World) -> None:
    world.arrive("m1", LETTER, *(f"n{number:03}@acme.test" for number in range(100)))
    world.pump()
    (report,) = world.raw_bounces  # more than SES answers for
    assert report.as_string().count("Final-Recipient:") == 100
    assert world.answered == []
