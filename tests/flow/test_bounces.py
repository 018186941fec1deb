"""From a recipient that fails to the message that tells the sender, through the functions' own handlers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import boto3
import pytest

from postroom.bounce.decide import UNCONFIRMED
from postroom.model.directory import EntityState
from postroom.model.facts import OwnFact, trace_of
from tests.support.builders import NOON, ORG
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.pipeline import Pipeline

if TYPE_CHECKING:
    from tests.support.stack import Stack

LETTER = b"From: Bob <bob@example.org>\nTo: x\nBcc: secret@example.org\nSubject: plums\n\nhello\n"
FORGED = {"spf": "FAIL", "dkim": "GRAY", "dmarc": "FAIL"}


@pytest.fixture
def pipeline(stack: Stack) -> Pipeline:
    made = Pipeline(stack)
    made.organization()
    made.entity("ann")
    return made


def told(pipeline: Pipeline) -> list[list[str]]:
    return [[each["address"] for each in answer["recipients"]] for answer in pipeline.answered]


def silences(pipeline: Pipeline, message_id: str) -> list[str]:
    facts = pipeline.operator.ledger.facts(trace_of(message_id, ORG))
    return [fact.data["reason"] for fact in facts if fact.name is OwnFact.BOUNCE_SUPPRESSED]


def test_unknown_disabled_and_full_recipients_are_told_in_one_message(pipeline: Pipeline) -> None:
    pipeline.entity("off", state=EntityState.DISABLED)
    pipeline.entity("tim", quota=10)
    pipeline.arrive("m1", LETTER, *(f"{name}@acme.test" for name in ("nobody", "off", "tim", "ann")))
    pipeline.pump()
    assert told(pipeline) == [["nobody@acme.test", "off@acme.test", "tim@acme.test"]]
    assert [each["fields"]["Status"] for each in pipeline.answered[0]["recipients"]] == ["5.1.1", "5.2.1", "5.2.2"]
    assert pipeline.answered[0]["original"] == "m1"
    assert pipeline.operator.transit.is_clear(trace_of("m1", ORG))
    assert pipeline.contents("ann") == [LETTER]


@pytest.mark.parametrize("to", [("tim", "group-both"), ("group-both", "tim")])
def test_who_was_addressed_by_name_is_told_of_though_a_group_reached_others(
    pipeline: Pipeline, to: tuple[str, str]
) -> None:
    pipeline.entity("tim", quota=10)
    pipeline.entity("group-both", "tim", "ann")
    pipeline.arrive("m1", LETTER, *(f"{name}@acme.test" for name in to))
    pipeline.pump()
    assert told(pipeline) == [["tim@acme.test"]]


def test_a_message_that_ses_has_forgotten_is_answered_raw(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", LETTER, "nobody@acme.test", at=NOON - 48 * 3_600_000)
    pipeline.pump()
    (report,) = pipeline.raw_bounces
    assert report.get_content_type() == "multipart/report"
    assert report["To"] == "bob@example.org"
    assert "secret" not in report.as_string()


def test_a_group_of_130_full_mailboxes_is_one_message_that_names_the_group_and_no_member(pipeline: Pipeline) -> None:
    names = [f"u{number:03}" for number in range(130)]  # more than a transaction, and three chunks, hold
    for name in names:
        pipeline.entity(name, quota=10)
    pipeline.entity("group-all", *names)
    pipeline.arrive("m1", LETTER, "group-all@acme.test")
    pipeline.pump()
    assert told(pipeline) == [["group-all@acme.test"]]
    assert "u0" not in repr(pipeline.answered)
    assert pipeline.fact_names(trace_of("m1", ORG)).count("INCOMING_EMAIL_BOUNCED") == 130
    assert pipeline.operator.transit.is_clear(trace_of("m1", ORG))
    assert pipeline.stack.depth("BOUNCE_QUEUE_URL") == 0


def test_a_flood_with_forged_senders_sends_nothing() -> None:
    post = MemoryMailSystem()
    for number in range(2000):
        source = f"victim{number}@example.org"
        post.arrive(f"f{number}", LETTER, f"x{number}@acme.test", source=source, verdicts=FORGED)
    assert (post.sender.answered, post.sender.sent) == ([], [])
    facts = [fact for number in range(2000) for fact in post.ledger.facts(trace_of(f"f{number}", ORG))]
    assert sum(fact.name is OwnFact.BOUNCE_SUPPRESSED for fact in facts) == 2000
    assert post.tables.transit == {}


def test_forged_senders_are_not_answered_on_aws_either(pipeline: Pipeline) -> None:
    for number in range(20):
        pipeline.arrive(f"f{number}", LETTER, f"x{number}@acme.test", source=f"v{number}@example.org", verdicts=FORGED)
    pipeline.pump()
    assert pipeline.answered == []
    assert pipeline.raw_bounces == []
    assert silences(pipeline, "f0") == [UNCONFIRMED]


def test_a_hundred_failures_of_one_honest_sender_are_twenty_messages(pipeline: Pipeline) -> None:
    for number in range(30):
        pipeline.arrive(f"m{number}", LETTER, "nobody@acme.test")
    pipeline.pump()
    assert len(pipeline.answered) == 20
    assert sum(bool(silences(pipeline, f"m{number}")) for number in range(30)) == 10


def test_a_bounce_that_bounces_ends_there(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", LETTER, "mailer-daemon@acme.test", source="")
    pipeline.pump()
    assert pipeline.answered == []
    assert silences(pipeline, "m1") == ["the message came from the null sender: a bounce is never bounced"]


def test_what_ses_refuses_is_parked_and_sent_once_it_takes_it(pipeline: Pipeline) -> None:
    ses = boto3.client("ses")
    ses.delete_identity(Identity="acme.test")
    pipeline.arrive("m1", LETTER, "nobody@acme.test")
    pipeline.pump()
    (parked,) = pipeline.operator.parking.list()
    assert (parked.station, parked.key) == ("bounce", "bounce:nobody@acme.test")
    assert "RefusedByServiceError" in parked.cause
    ses.verify_domain_identity(Domain="acme.test")
    assert pipeline.operator.parking.redrive(parked)
    pipeline.pump()
    assert told(pipeline) == [["nobody@acme.test"]]
    assert pipeline.operator.transit.is_clear(trace_of("m1", ORG))


def test_a_dead_letter_of_bounce_is_parked_as_what_it_is(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", LETTER, "nobody@acme.test")
    pipeline._batch("INGEST_QUEUE_URL", "ingest")
    (body,) = [
        each["Body"]
        for each in pipeline.stack.sqs.receive_message(QueueUrl=pipeline.stack.environment["BOUNCE_QUEUE_URL"])[
            "Messages"
        ]
    ]
    pipeline.stack.sqs.send_message(QueueUrl=pipeline.stack.environment["BOUNCE_DLQ_URL"], MessageBody=body)
    pipeline._batch("BOUNCE_DLQ_URL", "park")
    (parked,) = pipeline.operator.parking.list()
    assert (parked.station, parked.cause.startswith("gave up after")) == ("bounce", True)


def test_a_forgotten_bounce_is_sent_again_by_the_sweep(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", LETTER, "nobody@acme.test")
    pipeline._batch("INGEST_QUEUE_URL", "ingest")
    pipeline.stack.sqs.purge_queue(QueueUrl=pipeline.stack.environment["BOUNCE_QUEUE_URL"])
    sweep = pipeline.apps["sweep"].sweep
    later = sweep.now() + 2 * 3_600_000
    assert dataclasses.replace(sweep, now=lambda: later).run()["sent"] == 1
    pipeline.pump()
    assert told(pipeline) == [["nobody@acme.test"]]


def test_a_large_flow_tells_everybody_in_one_message(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", LETTER, *(f"n{number:03}@acme.test" for number in range(100)))
    pipeline.pump()
    (report,) = pipeline.raw_bounces  # more than SES answers for
    assert report.as_string().count("Final-Recipient:") == 100
    assert pipeline.answered == []
