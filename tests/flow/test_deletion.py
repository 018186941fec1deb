"""An organization that is deleted while its mail is delivered, parked, waiting and in flight, through the functions."""

from __future__ import annotations

import itertools
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest

from postroom.bootstrap import clock as system_clock
from postroom.contracts.pointers import FactPointer
from postroom.model.facts import RECEIVED, EventName, OwnFact, organization_trace, trace_of
from postroom.model.limits import DELETION_SETTLING_SECONDS
from postroom.model.records import Insert, OrganizationState, PasswordHash, SmtpGateway
from tests.support.builders import ORG, OTHER, arn
from tests.support.directory_records import availability
from tests.support.pipeline import CONTEXT, Pipeline, load
from tests.support.rules import DEFAULT, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.transit import Commit, Outcome, OverLimit
    from tests.support.stack import Stack

HASH: Final = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"
SEALED: Final = b"sealed password of the gateway"
EWS_PASSWORD: Final = "password of the EWS server"
SECRETS: Final = ("body of", HASH, "sealed password", EWS_PASSWORD)
"""Texts that must not be found anywhere."""


def message(name: str) -> bytes:
    return f"From: Bob <bob@example.org>\r\nSubject: about {name}\r\n\r\nbody of {name}\r\n".encode()


class Clock:
    """The real time, and what was skipped."""

    def __init__(self) -> None:
        self.skipped = 0

    def time_ns(self) -> int:
        return time.time_ns() + self.skipped * 1_000_000_000


class Scenario:
    """Two organizations, one of which is deleted."""

    def __init__(self, pipeline: Pipeline, clock: Clock) -> None:
        self.pipeline, self.clock, self.stack = pipeline, clock, pipeline.stack
        pipeline.organization()
        pipeline.organization(OTHER, "zenith.test")
        for name in ("ann", "ben", "cleo"):
            pipeline.entity(name)
        pipeline.entity("group", "ann", "ben")
        pipeline.entity("zoe", organization_id=OTHER, domain="zenith.test")
        pipeline.directory.commit(
            [
                Insert(PasswordHash(organization_id=ORG, user_id="ann", hash=HASH)),
                Insert(
                    SmtpGateway(
                        organization_id=ORG,
                        id="g",
                        name="relay",
                        host="relay.example.org",
                        port=587,
                        user_name="u",
                        sealed_password=SEALED,
                    )
                ),
                Insert(availability("partner.example", of=ORG)),
            ]
        )
        for place, value in ((f"{ORG}/partner.example", EWS_PASSWORD), (f"{OTHER}/partner.example", "another")):
            name = f"{self.stack.environment['AVAILABILITY_SECRET_PREFIX']}{place}/ews"
            boto3.client("secretsmanager").create_secret(Name=name, SecretString=value)
        pipeline.apply_rules(rule(DEFAULT))
        self.app = load("delete_organizations")

    def send(self, name: str, *recipients: str) -> str:
        """Let a message arrive; return its trace."""
        self.pipeline.arrive(
            name, message(name), *(each if "@" in each else f"{each}@acme.test" for each in recipients)
        )
        return trace_of(name, ORG)

    def minute(self) -> dict[str, int]:
        """Let a minute pass: the schedule's run, and everything that follows from it."""
        counts: dict[str, int] = self.app.handler({}, CONTEXT)
        self.pipeline.pump()
        self.clock.skipped += 60
        return counts

    def delete(self) -> int:
        """Delete acme; return how many minutes it took until it was Deleted."""
        self.pipeline.delete_organization()
        for minutes in itertools.count(1):
            self.minute()
            if self.state() is OrganizationState.DELETED:
                return minutes
            assert minutes < 10
        raise AssertionError

    def settle(self) -> None:
        """Let the time pass after which the organization is not read any more."""
        self.clock.skipped += DELETION_SETTLING_SECONDS
        self.minute()
        self.minute()

    def state(self) -> OrganizationState:
        organization = self.pipeline.directory.organization(ORG)
        assert organization is not None
        return organization.state

    def facts(self, name: str, of: EventName | OwnFact) -> list[Any]:
        return [fact for fact in self.pipeline.operator.ledger.facts(trace_of(name, ORG)) if fact.name is of]

    def bounced(self, name: str) -> list[str]:
        """Return the recipients that bounced."""
        found = self.facts(name, EventName.INCOMING_EMAIL_BOUNCED)
        return sorted(fact.event["bouncedRecipient"]["emailAddress"] for fact in found)

    def told(self) -> set[str]:
        """Return the messages for which the sender got a bounce message."""
        return {answer["original"] for answer in self.pipeline.answered}

    def everything(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the content of every row, object and secret."""
        for table in ("DIRECTORY_TABLE", "LEDGER_TABLE", "TRANSIT_TABLE", "MAILBOX_TABLE"):
            for row in self.stack.rows(table):
                yield f"{table} {row['pk']['S']} {row['sk']['S']}", str(row)
        for bucket in ("INBOUND_BUCKET", "MAIL_BUCKET"):
            for key, content in self.stack.objects(bucket).items():
                yield f"{bucket} {key}", content.decode("latin-1")
        secrets = boto3.client("secretsmanager")
        for each in secrets.list_secrets()["SecretList"]:
            yield f"SECRET {each['Name']}", secrets.get_secret_value(SecretId=each["Name"])["SecretString"]

    def left(self) -> set[str]:
        """Return everything of acme that still exists, except facts and counts of bounce messages per sender."""
        mine = {"ann", "ben", "cleo", "group"}
        found = set()
        for name, content in self.everything():
            place = name.split(" ", 1)[1]
            of_acme = ORG in place or ORG in content or "acme.test" in content or mine & set(place.split())
            if of_acme and not name.startswith(("LEDGER_TABLE", "TRANSIT_TABLE bounces:")):
                found.add(name)
        return found


@pytest.fixture
def scenario(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    clock = Clock()
    monkeypatch.setattr(system_clock, "time", SimpleNamespace(time_ns=clock.time_ns, sleep=lambda _: None))
    return Scenario(Pipeline(stack), clock)


ORGANIZATION_ROWS: Final = {f"DIRECTORY_TABLE ORG#{ORG} ORG", f"DIRECTORY_TABLE ORGS {ORG}"}
"""The row that stays: the organization can be described for ever."""


def fails(_: Any) -> Any:
    raise ValueError("no good")


def test_nothing_of_it_can_be_read_no_function_is_called_and_every_message_ends(scenario: Scenario) -> None:
    pipeline = scenario.pipeline
    scenario.send("delivered", "ann", "group")
    pipeline.pump()
    boto3.client("kms").disable_key(KeyId=pipeline.kms_key)
    scenario.send("parked", "cleo")
    pipeline.pump()
    boto3.client("kms").enable_key(KeyId=pipeline.kms_key)
    pipeline.apply_rules(pipeline.callees.rule(fails), version=2)
    scenario.send("waiting", "ann", "cleo")
    pipeline.pump()
    pipeline.apply_rules(pipeline.callees.rule(fails, synchronous=False), version=3)
    scenario.send("in-flight", "ann", "nobody")
    pipeline._batch("INGEST_QUEUE_URL", "ingest")
    pipeline.point_at_rules(99)
    scenario.send("unreadable", "ben")
    pipeline._batch("INGEST_QUEUE_URL", "ingest")
    scenario.send("in-the-queue", "ben")
    pointer = FactPointer(trace=trace_of("delivered", ORG), key=RECEIVED, organization_id=ORG)
    pipeline.operator.parking.park_pointer(pointer, "its log group is gone")
    asked = len(pipeline.callees.events)

    assert scenario.delete() <= 3
    assert len(pipeline.callees.events) == asked
    assert [name for name, content in scenario.everything() if any(secret in content for secret in SECRETS)] == []
    assert scenario.left() == ORGANIZATION_ROWS
    assert scenario.stack.objects("MAIL_BUCKET") == scenario.stack.objects("INBOUND_BUCKET") == {}
    assert {row["pk"]["S"] for row in scenario.stack.rows("MAILBOX_TABLE")} == {"zoe"}
    assert [name for name, _ in scenario.everything() if name.startswith("SECRET ") and OTHER in name] != []
    assert list(pipeline.operator.transit_scans.of_organization(ORG)) == []
    assert list(pipeline.operator.parking.list()) == []

    assert scenario.bounced("parked") == ["cleo@acme.test"]
    assert scenario.bounced("waiting") == ["ann@acme.test", "cleo@acme.test"]
    assert scenario.bounced("in-flight") == ["ann@acme.test", "nobody@acme.test"]
    assert scenario.told() == {"parked", "waiting", "in-flight"}
    assert [len(scenario.facts(name, OwnFact.RULE_CALL_DROPPED)) for name in ("waiting", "in-flight")] == [1, 1]
    for name in ("unreadable", "in-the-queue"):
        given_up = [fact.name for fact in pipeline.operator.ledger.facts(f"arrival:{name}")]
        assert given_up[-1] is OwnFact.DISCARDED
    names = [str(fact.name) for fact in pipeline.operator.ledger.facts(organization_trace(ORG))]
    assert sorted(names) == [*["MAILBOX_REMOVED"] * 3, "ORGANIZATION_DELETED", "ORGANIZATION_DELETING"]


def test_a_message_that_another_organization_got_too_stays(scenario: Scenario) -> None:
    pipeline = scenario.pipeline
    scenario.send("shared", "ann", "zoe@zenith.test")
    pipeline.pump()
    scenario.send("shared-in-flight", "ann", "zoe@zenith.test")
    pipeline._batch("INGEST_QUEUE_URL", "ingest")
    scenario.delete()
    scenario.settle()
    assert set(scenario.stack.objects("INBOUND_BUCKET")) == {"inbound/shared", "inbound/shared-in-flight"}
    assert scenario.bounced("shared-in-flight") == ["ann@acme.test"]
    assert sorted(pipeline.contents("zoe")) == [message("shared"), message("shared-in-flight")]
    pipeline.delete_organization(OTHER)
    scenario.minute()
    scenario.minute()
    assert scenario.stack.objects("INBOUND_BUCKET") == {}


def test_a_stored_message_stays_until_its_other_flow_is_open(scenario: Scenario) -> None:
    """Ingest stopped between the two flows: the notification comes again after acme is deleted."""
    pipeline = scenario.pipeline
    body = pipeline.arrive("both", message("both"), "ann@acme.test", "zoe@zenith.test")
    real = type(pipeline.operator.transit).commit

    def only_acme(transit: Any, commit: Commit) -> Outcome | OverLimit:
        if commit.facts[0].organization_id == OTHER:
            raise KeyboardInterrupt
        return real(transit, commit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(pipeline.operator.transit), "commit", only_acme)
        with pytest.raises(KeyboardInterrupt):
            pipeline._batch("INGEST_QUEUE_URL", "ingest")
    pipeline._batch("DELIVER_QUEUE_URL", "deliver")
    pipeline.delete_organization()
    for_now = {"inbound/both"}
    scenario.stack.sqs.purge_queue(QueueUrl=scenario.stack.environment["INGEST_QUEUE_URL"])
    scenario.minute()
    assert set(scenario.stack.objects("INBOUND_BUCKET")) == for_now
    pipeline.announce(body)
    pipeline.pump()
    assert pipeline.contents("zoe") == [message("both")]


def test_the_stored_message_is_removed_when_no_other_flow_can_be_opened_any_more(scenario: Scenario) -> None:
    scenario.pipeline.organization("m-" + "c" * 32, "vega.test")
    scenario.send("both", "ann", "nobody@nowhere.test")
    scenario.pipeline._batch("INGEST_QUEUE_URL", "ingest")
    scenario.pipeline._batch("DELIVER_QUEUE_URL", "deliver")
    scenario.stack.sqs.purge_queue(QueueUrl=scenario.stack.environment["INGEST_QUEUE_URL"])
    scenario.pipeline.delete_organization()
    scenario.minute()
    assert set(scenario.stack.objects("INBOUND_BUCKET")) == {"inbound/both"}
    scenario.settle()
    assert scenario.stack.objects("INBOUND_BUCKET") == {}
    assert scenario.state() is OrganizationState.DELETED


def test_its_alias_domain_and_addresses_are_free_for_another_organization(scenario: Scenario) -> None:
    scenario.delete()
    directory = scenario.pipeline.directory
    assert directory.domain_record("acme.test") is None
    assert directory.organization_with_alias("acme") is None
    assert directory.addresses_in("acme.test", 1) == []
    scenario.pipeline.organization("m-" + "d" * 32, "acme.test")
    scenario.pipeline.entity("ann-2", organization_id="m-" + "d" * 32, email="ann@acme.test")
    scenario.settle()
    scenario.send("new", "ann")
    scenario.pipeline.pump()
    assert scenario.pipeline.contents("ann-2") == [message("new")]
    assert set(scenario.stack.objects("INBOUND_BUCKET")) == {"inbound/new"} | {
        key for key in scenario.stack.objects("INBOUND_BUCKET") if key.startswith("transit/")
    }


def test_mail_that_does_not_end_by_itself_is_given_up_within_the_hour(scenario: Scenario) -> None:
    """No function reads the queues: orders that are sent again are not carried out."""
    scenario.send("in-flight", "ann", "nobody")
    scenario.pipeline._batch("INGEST_QUEUE_URL", "ingest")
    scenario.pipeline.delete_organization()
    scenario.app.handler({}, CONTEXT)
    assert scenario.state() is OrganizationState.DELETING
    assert set(scenario.stack.objects("INBOUND_BUCKET")) == {"inbound/in-flight"}
    scenario.clock.skipped += DELETION_SETTLING_SECONDS
    scenario.app.handler({}, CONTEXT)
    assert scenario.state() is OrganizationState.DELETED
    assert scenario.stack.objects("INBOUND_BUCKET") == {}
    assert [fact.data["what"] for fact in scenario.facts("in-flight", OwnFact.DISCARDED)] == [
        "bounce:nobody@acme.test",
        "order:ann",
    ]
    scenario.pipeline.pump()  # the messages in the queues find nothing to do
    assert scenario.bounced("in-flight") == ["nobody@acme.test"]
    assert scenario.left() == ORGANIZATION_ROWS


def test_an_organization_that_was_deleted_before_this_was_built_is_emptied_too(scenario: Scenario) -> None:
    scenario.send("delivered", "ann")
    scenario.pipeline.pump()
    organization = scenario.pipeline.directory.organization(ORG)
    assert organization is not None
    row = {**arn_and_state(organization.arn), "state": {"S": "Deleted"}}
    del row["former_domains"]
    scenario.stack.dynamodb.put_item(TableName=scenario.stack.environment["DIRECTORY_TABLE"], Item=row)
    scenario.minute()
    assert scenario.stack.objects("MAIL_BUCKET") == scenario.stack.objects("INBOUND_BUCKET") == {}
    assert scenario.pipeline.directory.password(ORG, "ann") is None


def arn_and_state(organization_arn: str) -> dict[str, Any]:
    client = boto3.client("dynamodb")
    key = {"pk": {"S": f"ORG#{ORG}"}, "sk": {"S": "ORG"}}
    row: dict[str, Any] = dict(client.get_item(TableName="directory_table", Key=key)["Item"])
    assert row["arn"]["S"] == organization_arn == arn()
    return row


def test_a_last_check_finds_what_came_too_late_and_there_is_no_further_check(scenario: Scenario) -> None:
    scenario.delete()
    late = f"mail/{ORG}/ann/{'0' * 32}"
    scenario.stack.s3.put_object(Bucket="mail-bucket", Key=late, Body=b"sealed by a worker that was stopped")
    scenario.minute()
    assert scenario.stack.objects("MAIL_BUCKET") == {}
    scenario.settle()
    organization = scenario.pipeline.directory.organization(ORG)
    assert organization is not None
    assert organization.cleared is not None
    assert organization.former_domains == ()
    assert scenario.minute() == {"deleted": 0, "unfinished": 0}


def test_runs_at_the_same_time_have_the_same_end_and_remove_nothing_twice(scenario: Scenario) -> None:
    for number in range(7):
        scenario.pipeline.entity(f"u{number:02}")
        scenario.send(f"to-{number}", f"u{number:02}")
    scenario.pipeline.pump()
    scenario.send("in-flight", "ann", "nobody")
    scenario.pipeline._batch("INGEST_QUEUE_URL", "ingest")
    scenario.pipeline.delete_organization()
    counts: list[dict[str, int]] = []

    def run() -> None:
        counts.append(scenario.app.deletion.run(lambda: 300_000))

    for _ in range(4):
        threads = [threading.Thread(target=run) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        scenario.pipeline.pump()
        scenario.clock.skipped += 60
    assert len(counts) == 12, "none of them failed"
    assert scenario.state() is OrganizationState.DELETED
    assert scenario.stack.objects("MAIL_BUCKET") == scenario.stack.objects("INBOUND_BUCKET") == {}
    assert {row["pk"]["S"] for row in scenario.stack.rows("MAILBOX_TABLE")} == {"zoe"}
    names = [str(fact.name) for fact in scenario.pipeline.operator.ledger.facts(organization_trace(ORG))]
    assert sorted(names) == [*["MAILBOX_REMOVED"] * 10, "ORGANIZATION_DELETED", "ORGANIZATION_DELETING"]
    assert scenario.bounced("in-flight") == ["ann@acme.test", "nobody@acme.test"]
