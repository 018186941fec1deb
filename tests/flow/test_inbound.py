"""From SES's notification to the mailbox, through the functions' own handlers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from postroom.contracts.orders import OrderKind
from postroom.errors import UnknownEnvelopeError, UnreadableMailError
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.facts import trace_of
from postroom.ports.transit import Commit
from postroom.sealing import open_message
from tests.support.builders import ORG, OTHER, arn, order
from tests.support.pipeline import Pipeline

if TYPE_CHECKING:
    from postroom.parking.sweep import Sweep
    from tests.support.stack import Stack

MESSAGE = b"From: Bob <bob@example.org>\nTo: x\nSubject: plum pudding\n\nsecret recipe\n\xff.\r\n"
SAMPLES = sorted((Path(__file__).parents[3] / "shared" / "data" / "mail").rglob("*.eml"))
HOUR = 3_600_000


@pytest.fixture
def pipeline(stack: Stack) -> Pipeline:
    made = Pipeline(stack)
    made.organization()
    made.entity("ann", aliases=["annie@acme.test"])
    made.entity("ben")
    return made


def bounces(pipeline: Pipeline, message_id: str) -> dict[str, str]:
    facts = pipeline.operator.ledger.facts(trace_of(message_id, ORG))
    found = [fact.event["bouncedRecipient"] for fact in facts if fact.name == "INCOMING_EMAIL_BOUNCED"]
    return {bounced["emailAddress"]: bounced["status"] for bounced in found}


def later(pipeline: Pipeline, milliseconds: int) -> dict[str, int]:
    """Run the sweep as it runs after that much time."""
    sweep: Sweep = pipeline.apps["sweep"].sweep
    now = sweep.now() + milliseconds
    return dataclasses.replace(sweep, now=lambda: now).run()


def test_alias_group_and_tag_are_delivered_as_one_copy_byte_for_byte(pipeline: Pipeline) -> None:
    pipeline.entity("group-in", "ann", "group-out")
    pipeline.entity("group-out", "group-in", "ben")  # a cycle
    pipeline.arrive(
        "m1",
        MESSAGE,
        "annie@acme.test",
        "group-in@acme.test",
        "Ann+News@ACME.test",
        "ann@acme.test",
        "group-out@acme.test",
    )
    pipeline.pump()
    assert pipeline.contents("ann") == [MESSAGE]
    assert pipeline.contents("ben") == [MESSAGE]
    assert pipeline.operator.transit.is_clear(trace_of("m1", ORG))


def test_two_organizations_are_two_flows(pipeline: Pipeline) -> None:
    pipeline.organization(OTHER, "umbrella.test")
    pipeline.entity("zoe", organization_id=OTHER, domain="umbrella.test")
    pipeline.arrive("m1", MESSAGE, "ann@acme.test", "zoe@umbrella.test")
    pipeline.pump()
    assert pipeline.contents("ann") == pipeline.contents("zoe") == [MESSAGE]
    assert len(pipeline.operator.ledger.facts(trace_of("m1", ORG))) == 2
    assert len(pipeline.operator.ledger.facts(trace_of("m1", OTHER))) == 2


def test_a_message_that_is_received_twice_is_two_copies_a_notification_that_comes_twice_is_one(
    pipeline: Pipeline,
) -> None:
    message = b"Message-ID: <1@x>\n" + MESSAGE
    body = pipeline.arrive("m1", message, "ann@acme.test")
    pipeline.arrive("m2", message, "ann@acme.test")
    pipeline.announce(body)
    pipeline.pump()
    pipeline.announce(body)
    pipeline.pump()
    assert pipeline.contents("ann") == [message, message]


def test_spam_goes_to_junk_and_a_virus_is_not_delivered(pipeline: Pipeline) -> None:
    pipeline.arrive("spam", MESSAGE, "ann@acme.test", verdicts={"spam": "FAIL"})
    pipeline.arrive("virus", MESSAGE, "ann@acme.test", verdicts={"virus": "FAIL"})
    pipeline.pump()
    assert pipeline.contents("ann") == []
    assert pipeline.contents("ann", "JUNK_EMAIL") == [MESSAGE]
    assert pipeline.fact_names(trace_of("virus", ORG)) == ["MESSAGE_BLOCKED", "ORGANIZATION_EMAIL_RECEIVED"]


def test_mail_to_a_resource_is_delivered_to_its_mailbox(pipeline: Pipeline) -> None:
    room: dict[str, Any] = {"kind": EntityKind.RESOURCE, "role": Role.RESOURCE}
    pipeline.entity("room", **room)
    pipeline.entity("closed", state=EntityState.DISABLED, **room)
    pipeline.arrive("m1", MESSAGE, "room@acme.test", "closed@acme.test")
    pipeline.pump()
    assert pipeline.contents("room") == [MESSAGE]
    assert bounces(pipeline, "m1") == {"closed@acme.test": "5.2.1"}


def test_a_recipient_that_cannot_receive_bounces_with_a_reason(pipeline: Pipeline) -> None:
    pipeline.entity("off", state=EntityState.DISABLED)
    pipeline.entity("far", role=Role.REMOTE_USER)
    pipeline.entity("group-none")
    pipeline.entity("group-mixed", "off", "ann")
    pipeline.arrive("m1", MESSAGE, *(f"{n}@acme.test" for n in ("who", "off", "far", "group-none", "group-mixed")))
    pipeline.pump()
    assert bounces(pipeline, "m1") == {
        "who@acme.test": "5.1.1",
        "off@acme.test": "5.2.1",
        "far@acme.test": "5.4.4",
        "group-none@acme.test": "5.2.4",
    }
    assert "RECIPIENT_SKIPPED" in pipeline.fact_names(trace_of("m1", ORG))
    assert pipeline.contents("ann") == [MESSAGE]


def test_a_mailbox_gets_one_notice_and_bounces_when_it_is_full(pipeline: Pipeline) -> None:
    pipeline.entity("tim", quota=1000)
    for number, size in enumerate((850, 100, 40, 500)):
        pipeline.arrive(f"m{number}", b"x" * size, "tim@acme.test")
        pipeline.pump()
    found = pipeline.contents("tim")
    assert [len(content) for content in found if content.startswith(b"x")] == [850, 100]
    assert sum(b"almost full" in content for content in found) == 1
    assert bounces(pipeline, "m3") == {"tim@acme.test": "5.2.2"}


@pytest.mark.parametrize("body", ["", "{}", "[]", "null", "\u2028", '{"Type":"Notification","Message":1}', "9" * 5000])
def test_a_malformed_notification_is_parked(pipeline: Pipeline, body: str) -> None:
    pipeline.apps["ingest"].ingest.accept(body)
    (parked,) = pipeline.operator.parking.list()
    assert (parked.station, parked.body) == ("ingest", body)


def test_a_missing_object_and_an_unknown_organization_are_parked_and_the_rest_is_delivered(pipeline: Pipeline) -> None:
    pipeline.stack.s3.delete_object(Bucket="inbound-bucket", Key="inbound/m1")
    pipeline.arrive("gone", MESSAGE, "ann@acme.test")
    pipeline.stack.s3.delete_object(Bucket="inbound-bucket", Key="inbound/gone")
    pipeline.arrive("half", MESSAGE, "ann@acme.test", "x@nowhere.test")
    pipeline.pump()
    assert {parked.trace for parked in pipeline.operator.parking.list()} == {"arrival:gone", "arrival:half"}
    assert pipeline.contents("ann") == [MESSAGE]


def test_a_disabled_key_parks_and_a_redrive_delivers_once_it_is_enabled(pipeline: Pipeline) -> None:
    kms = boto3.client("kms")
    kms.disable_key(KeyId=pipeline.kms_key)
    pipeline.arrive("m1", MESSAGE, "ann@acme.test")
    pipeline.pump()
    (parked,) = pipeline.operator.parking.list()
    assert "KeyUnavailableError" in parked.cause
    assert bounces(pipeline, "m1") == {}
    kms.enable_key(KeyId=pipeline.kms_key)
    assert pipeline.operator.parking.redrive(parked)
    pipeline.pump()
    assert pipeline.contents("ann") == [MESSAGE]
    assert list(pipeline.operator.parking.list()) == []


def test_a_dead_letter_is_parked(pipeline: Pipeline) -> None:
    pipeline.stack.sqs.send_message(QueueUrl=pipeline.stack.environment["DELIVER_QUEUE_URL"], MessageBody="no order")
    pipeline.pump()
    (parked,) = pipeline.operator.parking.list()
    assert (parked.body, parked.cause.startswith("gave up after")) == ("no order", True)


def test_the_sweep_parks_an_orphan_once(pipeline: Pipeline) -> None:
    pipeline.stack.s3.put_object(Bucket="inbound-bucket", Key="inbound/orphan", Body=MESSAGE)
    assert later(pipeline, HOUR // 2)["parked"] == 0
    assert later(pipeline, 2 * HOUR)["parked"] == 1
    assert later(pipeline, 3 * HOUR)["parked"] == 0
    (parked,) = pipeline.operator.parking.list()
    assert parked.id == "arrival:orphan/orphan"
    with pytest.raises(UnknownEnvelopeError, match="its recipients are unknown"):
        pipeline.operator.parking.redrive(parked)
    assert list(pipeline.operator.parking.list()) == [parked]


def test_an_orphan_that_is_announced_after_all_is_not_parked_any_more(pipeline: Pipeline) -> None:
    pipeline.stack.s3.put_object(Bucket="inbound-bucket", Key="inbound/late", Body=MESSAGE)
    assert later(pipeline, 2 * HOUR)["parked"] == 1
    pipeline.arrive("late", MESSAGE, "ann@acme.test")
    pipeline.pump()
    later(pipeline, 3 * HOUR)
    assert pipeline.contents("ann") == [MESSAGE]
    assert list(pipeline.operator.parking.list()) == []
    assert pipeline.fact_names("arrival:late") == ["ANNOUNCED", "PARKED"]


def test_recipients_that_an_orphans_notification_could_not_reach_are_parked_in_its_place(pipeline: Pipeline) -> None:
    pipeline.stack.s3.put_object(Bucket="inbound-bucket", Key="inbound/late", Body=MESSAGE)
    later(pipeline, 2 * HOUR)
    pipeline.arrive("late", MESSAGE, "ann@acme.test", "x@nowhere.test")
    pipeline.pump()
    later(pipeline, 3 * HOUR)
    (parked,) = pipeline.operator.parking.list()
    assert parked.id.startswith("arrival:late/arrival:")


def test_a_notice_whose_mailbox_was_removed_ends_without_a_bounce(pipeline: Pipeline) -> None:
    notice = order("gone", kind=OrderKind.QUOTA_NOTICE, trace="t")
    pipeline.operator.transit.commit(Commit(orders=[notice]))
    pipeline.operator.parking.queues.send([notice])
    pipeline.pump()
    assert pipeline.fact_names("t") == ["QUOTA_NOTICE_DROPPED"]
    assert pipeline.operator.transit.is_clear("t")


def test_an_order_that_was_lost_is_sent_again_and_then_parked(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", MESSAGE, "ann@acme.test")
    pipeline._batch("INGEST_QUEUE_URL", "ingest")
    pipeline.stack.sqs.purge_queue(QueueUrl=pipeline.stack.environment["DELIVER_QUEUE_URL"])
    for hours in (2, 4, 6):
        assert later(pipeline, hours * HOUR)["sent"] == 1
    pipeline.pump()
    assert pipeline.contents("ann") == [MESSAGE]
    pipeline.operator.transit.commit(Commit(orders=[order("ben")]))
    assert [later(pipeline, hours * HOUR)["parked"] for hours in (8, 10, 12, 14)] == [0, 0, 0, 1]


def test_raw_mail_stays_until_30_days_after_it_is_final(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", MESSAGE, "ann@acme.test")
    pipeline._batch("INGEST_QUEUE_URL", "ingest")
    assert later(pipeline, 40 * 24 * HOUR)["retired"] == 0  # an order is open: that sweep stores it, which is a fact
    pipeline.pump()
    assert later(pipeline, 69 * 24 * HOUR)["retired"] == 0
    assert later(pipeline, 71 * 24 * HOUR)["retired"] == 1
    assert pipeline.stack.objects("INBOUND_BUCKET") == {}
    assert pipeline.contents("ann") == [MESSAGE]


@pytest.mark.skipif(not SAMPLES, reason="the shared samples are not here")
def test_every_sample_arrives_byte_for_byte(pipeline: Pipeline) -> None:
    messages = {f"s{number}": path.read_bytes() for number, path in enumerate(SAMPLES)}
    for name, message in messages.items():
        pipeline.arrive(name, message, "ann@acme.test")
    pipeline.pump()
    assert sorted(pipeline.contents("ann")) == sorted(messages.values())
    assert list(pipeline.operator.parking.list()) == []


def test_a_group_of_130_gets_one_copy_each(pipeline: Pipeline) -> None:
    names = [f"u{number:03}" for number in range(130)]  # more than a transaction, and more than three chunks
    for name in names:
        pipeline.entity(name)
    pipeline.entity("group-all", *names)
    body = pipeline.arrive("m1", MESSAGE, "group-all@acme.test")
    pipeline.pump()
    pipeline.announce(body)
    pipeline.pump()
    assert [len(pipeline.operator.mailboxes.items(name, "INBOX")) for name in names] == [1] * 130
    assert len(pipeline.fact_names(trace_of("m1", ORG))) == 131


def test_nothing_at_rest_or_in_the_logs_is_plain(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.restart()  # with loggers that write to the stream that capsys reads
    pipeline.arrive("m1", MESSAGE, "ann@acme.test")
    pipeline.stack.sqs.send_message(QueueUrl=pipeline.stack.environment["DELIVER_QUEUE_URL"], MessageBody="bob@ recipe")
    pipeline.pump()
    logs = "".join(capsys.readouterr())
    assert "not a delivery order" in logs
    kept = b"".join(pipeline.stack.objects("MAIL_BUCKET").values())
    seen = kept + repr(pipeline.stack.rows("MAILBOX_TABLE")).encode() + logs.encode()
    assert len(kept) > len(MESSAGE)
    for word in (b"plum", b"recipe", b"bob@", b"ann@acme"):
        assert word not in seen


def test_a_ciphertext_moved_elsewhere_does_not_open(pipeline: Pipeline) -> None:
    pipeline.organization(OTHER, "umbrella.test")
    pipeline.entity("zoe", organization_id=OTHER, domain="umbrella.test")
    pipeline.arrive("m1", MESSAGE, "ann@acme.test")
    pipeline.pump()
    ((place, sealed),) = pipeline.stack.objects("MAIL_BUCKET").items()
    for name, organization in (("ben", ORG), ("zoe", OTHER)):
        head = pipeline.operator.mailboxes.head(name)
        assert head is not None
        key = pipeline.operator.keys.unwrap(head.wrapped_key, pipeline.kms_key, arn(organization))
        with pytest.raises(UnreadableMailError):
            list(open_message(sealed, mailbox_key=key, place=place))
    head = pipeline.operator.mailboxes.head("ann")
    assert head is not None
    own = pipeline.operator.keys.unwrap(head.wrapped_key, pipeline.kms_key, arn())
    with pytest.raises(UnreadableMailError):
        list(open_message(sealed, mailbox_key=own, place="mail/elsewhere"))
