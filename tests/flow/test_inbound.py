"""From SES's notification to the mailbox, through the functions' own handlers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from postroom.contracts.between_stations import OrderKind
from postroom.errors import UnknownEnvelopeError, UnreadableMailError
from postroom.model.directory import EntityState, Role
from postroom.model.facts import trace_of
from postroom.sealing import open_message
from tests.support.post import ORG, OTHER, arn, order
from tests.support.world import World

if TYPE_CHECKING:
    from postroom.parking.sweep import Sweep
    from tests.support.stack import Stack

LETTER = b"From: Bob <bob@example.org>\nTo: x\nSubject: plum pudding\n\nsecret recipe\n\xff.\r\n"
SAMPLES = sorted((Path(__file__).parents[3] / "shared" / "data" / "mail").rglob("*.eml"))
HOUR = 3_600_000


@pytest.fixture
def world(stack: Stack) -> World:
    made = World(stack)
    made.organization()
    made.entity("ann", aliases=["annie@acme.test"])
    made.entity("ben")
    return made


def bounces(world: World, message_id: str) -> dict[str, str]:
    facts = world.desk.ledger.facts(trace_of(message_id, ORG))
    found = [fact.event["bouncedRecipient"] for fact in facts if fact.name == "INCOMING_EMAIL_BOUNCED"]
    return {bounced["emailAddress"]: bounced["status"] for bounced in found}


def later(world: World, milliseconds: int) -> dict[str, int]:
    """Run the sweep as if that much time had passed."""
    sweep: Sweep = world.apps["sweep"].sweep
    now = sweep.now() + milliseconds
    return dataclasses.replace(sweep, now=lambda: now).run()


def test_alias_group_and_tag_lead_to_one_copy_byte_for_byte(world: World) -> None:
    world.entity("group-in", "ann", "group-out")
    world.entity("group-out", "group-in", "ben")  # a cycle
    world.arrive(
        "m1",
        LETTER,
        "annie@acme.test",
        "group-in@acme.test",
        "Ann+News@ACME.test",
        "ann@acme.test",
        "group-out@acme.test",
    )
    world.pump()
    assert world.contents("ann") == [LETTER]
    assert world.contents("ben") == [LETTER]
    assert world.desk.transit.is_clear(trace_of("m1", ORG))


def test_two_organizations_are_two_flows(world: World) -> None:
    world.organization(OTHER, "umbrella.test")
    world.entity("zoe", organization_id=OTHER, domain="umbrella.test")
    world.arrive("m1", LETTER, "ann@acme.test", "zoe@umbrella.test")
    world.pump()
    assert world.contents("ann") == world.contents("zoe") == [LETTER]
    assert len(world.desk.ledger.facts(trace_of("m1", ORG))) == 2
    assert len(world.desk.ledger.facts(trace_of("m1", OTHER))) == 2


def test_one_message_id_received_twice_is_two_copies_one_notification_twice_is_one(world: World) -> None:
    letter = b"Message-ID: <1@x>\n" + LETTER
    body = world.arrive("m1", letter, "ann@acme.test")
    world.arrive("m2", letter, "ann@acme.test")
    world.announce(body)
    world.pump()
    world.announce(body)
    world.pump()
    assert world.contents("ann") == [letter, letter]


def test_spam_goes_to_junk_and_a_virus_to_nobody(world: World) -> None:
    world.arrive("spam", LETTER, "ann@acme.test", verdicts={"spam": "FAIL"})
    world.arrive("virus", LETTER, "ann@acme.test", verdicts={"virus": "FAIL"})
    world.pump()
    assert world.contents("ann") == []
    assert world.contents("ann", "JUNK_EMAIL") == [LETTER]
    assert world.fact_names(trace_of("virus", ORG)) == ["MESSAGE_BLOCKED", "ORGANIZATION_EMAIL_RECEIVED"]


def test_who_cannot_receive_is_bounced_with_a_reason(world: World) -> None:
    world.entity("off", state=EntityState.DISABLED)
    world.entity("far", role=Role.REMOTE_USER)
    world.entity("group-none")
    world.entity("group-mixed", "off", "ann")
    world.arrive("m1", LETTER, *(f"{n}@acme.test" for n in ("who", "off", "far", "group-none", "group-mixed")))
    world.pump()
    assert bounces(world, "m1") == {
        "who@acme.test": "5.1.1",
        "off@acme.test": "5.2.1",
        "far@acme.test": "5.4.4",
        "group-none@acme.test": "5.2.4",
    }
    assert "RECIPIENT_SKIPPED" in world.fact_names(trace_of("m1", ORG))
    assert world.contents("ann") == [LETTER]


def test_a_mailbox_gets_one_notice_and_bounces_when_it_is_full(world: World) -> None:
    world.entity("tim", quota=1000)
    for number, size in enumerate((850, 100, 40, 500)):
        world.arrive(f"m{number}", b"x" * size, "tim@acme.test")
        world.pump()
    found = world.contents("tim")
    assert [len(content) for content in found if content.startswith(b"x")] == [850, 100]
    assert sum(b"almost full" in content for content in found) == 1
    assert bounces(world, "m3") == {"tim@acme.test": "5.2.2"}


@pytest.mark.parametrize("body", ["", "{}", "[]", "null", "\u2028", '{"Type":"Notification","Message":1}', "9" * 5000])
def test_a_malformed_notification_is_parked(world: World, body: str) -> None:
    world.apps["ingest"].ingest.accept(body)
    (parked,) = world.desk.parking.list()
    assert (parked.station, parked.body) == ("ingest", body)
    assert world.stack.depth("PARKED_QUEUE_URL") == 1


def test_a_missing_object_and_an_unknown_organization_are_parked_and_the_rest_is_delivered(world: World) -> None:
    world.stack.s3.delete_object(Bucket="inbound-bucket", Key="inbound/m1")
    world.arrive("gone", LETTER, "ann@acme.test")
    world.stack.s3.delete_object(Bucket="inbound-bucket", Key="inbound/gone")
    world.arrive("half", LETTER, "ann@acme.test", "x@nowhere.test")
    world.pump()
    assert {parked.trace for parked in world.desk.parking.list()} == {"arrival:gone", "arrival:half"}
    assert world.contents("ann") == [LETTER]


def test_a_disabled_key_parks_and_a_redrive_delivers_once_it_is_enabled(world: World) -> None:
    kms = boto3.client("kms")
    kms.disable_key(KeyId=world.kms_key)
    world.arrive("m1", LETTER, "ann@acme.test")
    world.pump()
    (parked,) = world.desk.parking.list()
    assert "KeyUnavailableError" in parked.cause
    assert bounces(world, "m1") == {}
    kms.enable_key(KeyId=world.kms_key)
    assert world.desk.parking.redrive(parked)
    world.pump()
    assert world.contents("ann") == [LETTER]
    assert list(world.desk.parking.list()) == []


def test_a_dead_letter_is_parked(world: World) -> None:
    world.stack.sqs.send_message(QueueUrl=world.stack.environment["DELIVER_QUEUE_URL"], MessageBody="no order")
    world.pump()
    (parked,) = world.desk.parking.list()
    assert (parked.body, parked.cause.startswith("gave up after")) == ("no order", True)


def test_the_sweep_parks_an_orphan_once(world: World) -> None:
    world.stack.s3.put_object(Bucket="inbound-bucket", Key="inbound/orphan", Body=LETTER)
    assert later(world, HOUR // 2)["parked"] == 0
    assert later(world, 2 * HOUR)["parked"] == 1
    assert later(world, 3 * HOUR)["parked"] == 0
    (parked,) = world.desk.parking.list()
    assert parked.id == "arrival:orphan/orphan"
    with pytest.raises(UnknownEnvelopeError, match="nobody knows whom it is for"):
        world.desk.parking.redrive(parked)
    assert list(world.desk.parking.list()) == [parked]


def test_an_orphan_that_is_announced_after_all_is_parked_no_longer(world: World) -> None:
    world.stack.s3.put_object(Bucket="inbound-bucket", Key="inbound/late", Body=LETTER)
    assert later(world, 2 * HOUR)["parked"] == 1
    world.arrive("late", LETTER, "ann@acme.test")
    world.pump()
    later(world, 3 * HOUR)
    assert world.contents("ann") == [LETTER]
    assert list(world.desk.parking.list()) == []
    assert world.fact_names("arrival:late") == ["ANNOUNCED", "PARKED"]


def test_what_an_orphans_notification_could_not_reach_is_parked_in_its_place(world: World) -> None:
    world.stack.s3.put_object(Bucket="inbound-bucket", Key="inbound/late", Body=LETTER)
    later(world, 2 * HOUR)
    world.arrive("late", LETTER, "ann@acme.test", "x@nowhere.test")
    world.pump()
    later(world, 3 * HOUR)
    (parked,) = world.desk.parking.list()
    assert parked.id.startswith("arrival:late/arrival:")


def test_a_notice_whose_mailbox_is_gone_ends_without_a_bounce(world: World) -> None:
    notice = order("gone", kind=OrderKind.QUOTA_NOTICE, trace="t")
    world.desk.transit.open([], [notice], None)
    world.desk.parking.onward.send([notice])
    world.pump()
    assert world.fact_names("t") == ["QUOTA_NOTICE_DROPPED"]
    assert world.desk.transit.is_clear("t")


def test_a_forgotten_order_is_sent_again_and_then_parked(world: World) -> None:
    world.arrive("m1", LETTER, "ann@acme.test")
    world._batch("INGEST_QUEUE_URL", "ingest")
    world.stack.sqs.purge_queue(QueueUrl=world.stack.environment["DELIVER_QUEUE_URL"])
    for hours in (2, 4, 6):
        assert later(world, hours * HOUR)["sent"] == 1
    world.pump()
    assert world.contents("ann") == [LETTER]
    world.desk.transit.open([], [order("ben")], None)
    assert [later(world, hours * HOUR)["parked"] for hours in (8, 10, 12, 14)] == [0, 0, 0, 1]


def test_raw_mail_stays_until_30_days_after_it_is_final(world: World) -> None:
    world.arrive("m1", LETTER, "ann@acme.test")
    world._batch("INGEST_QUEUE_URL", "ingest")
    assert later(world, 40 * 24 * HOUR)["retired"] == 0  # an order is open
    world.pump()
    assert later(world, 29 * 24 * HOUR)["retired"] == 0
    assert later(world, 31 * 24 * HOUR)["retired"] == 1
    assert world.stack.objects("INBOUND_BUCKET") == {}
    assert world.contents("ann") == [LETTER]


@pytest.mark.skipif(not SAMPLES, reason="the shared samples are not here")
def test_every_sample_arrives_byte_for_byte(world: World) -> None:
    letters = {f"s{number}": path.read_bytes() for number, path in enumerate(SAMPLES)}
    for name, letter in letters.items():
        world.arrive(name, letter, "ann@acme.test")
    world.pump()
    assert sorted(world.contents("ann")) == sorted(letters.values())
    assert list(world.desk.parking.list()) == []


def test_a_group_of_130_gets_one_copy_each(world: World) -> None:
    names = [f"u{number:03}" for number in range(130)]  # more than a transaction, and three chunks, hold
    for name in names:
        world.entity(name)
    world.entity("group-all", *names)
    body = world.arrive("m1", LETTER, "group-all@acme.test")
    world.pump()
    world.announce(body)
    world.pump()
    assert [len(world.desk.mailboxes.items(name, "INBOX")) for name in names] == [1] * 130
    assert len(world.fact_names(trace_of("m1", ORG))) == 131


def test_nothing_at_rest_or_in_the_logs_is_plain(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.restart()  # with loggers that write to what capsys reads
    world.arrive("m1", LETTER, "ann@acme.test")
    world.stack.sqs.send_message(QueueUrl=world.stack.environment["DELIVER_QUEUE_URL"], MessageBody="bob@ recipe")
    world.pump()
    logs = "".join(capsys.readouterr())
    assert "not a delivery order" in logs
    kept = b"".join(world.stack.objects("MAIL_BUCKET").values())
    seen = kept + repr(world.stack.rows("MAILBOX_TABLE")).encode() + logs.encode()
    assert len(kept) > len(LETTER)
    for word in (b"plum", b"recipe", b"bob@", b"ann@acme"):
        assert word not in seen


def test_a_ciphertext_moved_elsewhere_does_not_open(world: World) -> None:
    world.organization(OTHER, "umbrella.test")
    world.entity("zoe", organization_id=OTHER, domain="umbrella.test")
    world.arrive("m1", LETTER, "ann@acme.test")
    world.pump()
    ((place, sealed),) = world.stack.objects("MAIL_BUCKET").items()
    for name, organization in (("ben", ORG), ("zoe", OTHER)):
        head = world.desk.mailboxes.head(name)
        assert head is not None
        key = world.desk.keys.unwrap(head.wrapped_key, world.kms_key, arn(organization))
        with pytest.raises(UnreadableMailError):
            list(open_message(sealed, mailbox_key=key, place=place))
    head = world.desk.mailboxes.head("ann")
    assert head is not None
    own = world.desk.keys.unwrap(head.wrapped_key, world.kms_key, arn())
    with pytest.raises(UnreadableMailError):
        list(open_message(sealed, mailbox_key=own, place="mail/elsewhere"))
