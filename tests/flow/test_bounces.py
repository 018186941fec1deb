"""From a recipient that fails to the bounce message for the sender, through the functions' own handlers."""

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

MESSAGE = b"From: Bob <bob@example.org>\nTo: x\nBcc: secret@example.org\nSubject: plums\n\nhello\n"
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


def test_one_bounce_message_names_unknown_disabled_and_full_recipients(pipeline: Pipeline) -> None:
    pipeline.entity("off", state=EntityState.DISABLED)
    pipeline.entity("tim", quota=10)
    pipeline.arrive("m1", MESSAGE, *(f"{name}@acme.test" for name in ("nobody", "off", "tim", "ann")))
    pipeline.pump()
    assert told(pipeline) == [["nobody@acme.test", "off@acme.test", "tim@acme.test"]]
    assert [each["fields"]["Status"] for each in pipeline.answered[0]["recipients"]] == ["5.1.1", "5.2.1", "5.2.2"]
    assert pipeline.answered[0]["original"] == "m1"
    assert pipeline.operator.transit.is_clear(trace_of("m1", ORG))
    assert pipeline.contents("ann") == [MESSAGE]


@pytest.mark.parametrize("to", [("tim", "group-both"), ("group-both", "tim")])
def test_a_recipient_that_was_addressed_itself_is_named_though_a_group_reached_others(
    pipeline: Pipeline, to: tuple[str, str]
) -> None:
    pipeline.entity("tim", quota=10)
    pipeline.entity("group-both", "tim", "ann")
    pipeline.arrive("m1", MESSAGE, *(f"{name}@acme.test" for name in to))
    pipeline.pump()
    assert told(pipeline) == [["tim@acme.test"]]


def test_a_bounce_for_a_message_that_ses_no_longer_has_is_sent_raw(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", MESSAGE, "nobody@acme.test", at=NOON - 48 * 3_600_000)
    pipeline.pump()
    (report,) = pipeline.raw_bounces
    assert report.get_content_type() == "multipart/report"
    assert report["To"] == "bob@example.org"
    assert "secret" not in report.as_string()


def test_a_group_of_130_full_mailboxes_is_one_bounce_message_that_names_the_group_and_no_member(
    pipeline: Pipeline,
) -> None:
    names = [f"u{number:03}" for number in range(130)]  # more than a transaction, and more than three chunks
    for name in names:
        pipeline.entity(name, quota=10)
    pipeline.entity("group-all", *names)
    pipeline.arrive("m1", MESSAGE, "group-all@acme.test")
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
        post.arrive(f"f{number}", MESSAGE, f"x{number}@acme.test", source=source, verdicts=FORGED)
    assert (post.sender.answered, post.sender.sent) == ([], [])
    facts = [fact for number in range(2000) for fact in post.ledger.facts(trace_of(f"f{number}", ORG))]
    assert sum(fact.name is OwnFact.BOUNCE_SUPPRESSED for fact in facts) == 2000
    assert post.tables.transit == {}


def test_forged_senders_get_no_bounce_message_on_aws_either(pipeline: Pipeline) -> None:
    for number in range(20):
        pipeline.arrive(f"f{number}", MESSAGE, f"x{number}@acme.test", source=f"v{number}@example.org", verdicts=FORGED)
    pipeline.pump()
    assert pipeline.answered == []
    assert pipeline.raw_bounces == []
    assert silences(pipeline, "f0") == [UNCONFIRMED]


def test_a_hundred_failures_of_one_confirmed_sender_are_twenty_bounce_messages(pipeline: Pipeline) -> None:
    for number in range(30):
        pipeline.arrive(f"m{number}", MESSAGE, "nobody@acme.test")
    pipeline.pump()
    assert len(pipeline.answered) == 20
    assert sum(bool(silences(pipeline, f"m{number}")) for number in range(30)) == 10


def test_a_bounce_message_that_bounces_causes_no_other(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", MESSAGE, "mailer-daemon@acme.test", source="")
    pipeline.pump()
    assert pipeline.answered == []
    assert silences(pipeline, "m1") == ["the message came from the null sender: a bounce is never bounced"]


def test_a_bounce_message_that_ses_refuses_is_parked_and_sent_by_a_redrive(pipeline: Pipeline) -> None:
    ses = boto3.client("ses")
    ses.delete_identity(Identity="acme.test")
    pipeline.arrive("m1", MESSAGE, "nobody@acme.test")
    pipeline.pump()
    (parked,) = pipeline.operator.parking.list()
    assert (parked.station, parked.key) == ("bounce", "bounce:nobody@acme.test")
    assert "RefusedByServiceError" in parked.cause
    ses.verify_domain_identity(Domain="acme.test")
    assert pipeline.operator.parking.redrive(parked)
    pipeline.pump()
    assert told(pipeline) == [["nobody@acme.test"]]
    assert pipeline.operator.transit.is_clear(trace_of("m1", ORG))


def test_a_dead_letter_of_bounce_is_parked_as_a_bounce_order(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", MESSAGE, "nobody@acme.test")
    pipeline._batch("INGEST_QUEUE_URL", "ingest")
    (body,) = [
        each["Body"]
        for each in pipeline.stack.sqs.receive_message(QueueUrl=pipeline.stack.environment["BOUNCE_QUEUE_URL"])[
            "Messages"
        ]
    ]
    pipeline.stack.sqs.send_message(QueueUrl=pipeline.stack.environment["DEAD_LETTER_QUEUE_URL"], MessageBody=body)
    pipeline._batch("DEAD_LETTER_QUEUE_URL", "park")
    (parked,) = pipeline.operator.parking.list()
    assert (parked.station, parked.cause.startswith("gave up after")) == ("bounce", True)


def test_the_sweep_sends_a_bounce_order_again_that_was_lost(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", MESSAGE, "nobody@acme.test")
    pipeline._batch("INGEST_QUEUE_URL", "ingest")
    pipeline.stack.sqs.purge_queue(QueueUrl=pipeline.stack.environment["BOUNCE_QUEUE_URL"])
    sweep = pipeline.apps["sweep"].sweep
    later = sweep.now() + 2 * 3_600_000
    assert dataclasses.replace(sweep, now=lambda: later).run()["sent"] == 1
    pipeline.pump()
    assert told(pipeline) == [["nobody@acme.test"]]


def test_one_bounce_message_names_all_failed_recipients_of_a_large_flow(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", MESSAGE, *(f"n{number:03}@acme.test" for number in range(100)))
    pipeline.pump()
    (report,) = pipeline.raw_bounces  # more recipients than SendBounce takes
    assert report.as_string().count("Final-Recipient:") == 100
    assert pipeline.answered == []
