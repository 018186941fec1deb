"""`postroom audit`, in this process, on a stack that moto's CloudFormation knows by its outputs."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cli import running
from cli.log_tail import LogTail
from cli.repository import repository_root
from postroom.adapters.aws.digest_objects import S3DigestObjects
from postroom.adapters.aws.digest_signatures import KmsDigestSigner
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.written_objects import DynamoWrittenObjects
from postroom.bootstrap import operator
from postroom.contracts import audit_formats, audit_objects
from postroom.contracts.audit_log import FIELDS, AuditRecord
from postroom.model.audit_deliveries import AuditDelivery, AuditLogDelivery, DestinationKind, LogType, OutputFormat
from postroom.model.limits import HOUR_MS
from postroom.model.log_lines import LogLine
from postroom.model.records import AliasClaim, Insert, NameClaim, OrganizationState
from tests.support.audit_digests import AMPLE_MS, Audited, other_signer, written
from tests.support.audit_targets import BUCKET, GROUP, PLACE, REGION, TARGETS
from tests.support.builders import NOON, ORG, OTHER
from tests.support.directory_records import claim, organization, user

if TYPE_CHECKING:
    from pathlib import Path

    from postroom.ports.digest_signatures import DigestSigner
    from postroom.ports.written_objects import WrittenObject
    from tests.support.stack import Stack
    from tests.unit.cli.conftest import Run

NAME: Final = "mail"
LATER: Final = NOON + 3 * HOUR_MS


class Deployed:
    """A deployed stack with one organization."""

    def __init__(self, stack: Stack) -> None:
        self.key_arn = boto3.client("kms").create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        names = {"TransitTableName": "TRANSIT_TABLE", "DirectoryTableName": "DIRECTORY_TABLE"}
        outputs = {output: stack.environment[name] for output, name in names.items()}
        template = {
            "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
            "Outputs": {
                key: {"Value": value} for key, value in {**outputs, "AuditSigningKeyArn": self.key_arn}.items()
            },
        }
        boto3.client("cloudformation").create_stack(StackName=NAME, TemplateBody=json.dumps(template))
        self.s3, self.logs = boto3.client("s3"), boto3.client("logs")
        self.s3.create_bucket(Bucket=BUCKET)
        self.logs.create_log_group(logGroupName=GROUP)
        self.rows = DynamoWrittenObjects(stack.dynamodb, stack.environment["TRANSIT_TABLE"])
        self.directory = DynamoDirectory(DirectoryTable(stack.dynamodb, stack.environment["DIRECTORY_TABLE"]))
        ann = user("ann-id")
        self.directory.commit([Insert(organization()), Insert(AliasClaim(alias="acme", organization_id=ORG))])
        name = NameClaim(organization_id=ORG, name=ann.name.lower(), entity_id=ann.id, kind=ann.kind)
        self.directory.commit([Insert(ann), Insert(name), Insert(claim("ann@acme.test", ann))])

    def deliver(self, kind: DestinationKind, log_type: LogType, **settings: Any) -> AuditDelivery:
        """Configure a delivery."""
        made = AuditDelivery(
            f"{kind}{log_type}"[:40], log_type, kind, TARGETS[kind], OutputFormat.JSON, FIELDS[log_type]
        )
        made = replace(made, **settings)
        made = replace(made, id=f"d{len(self.directory.owned_page(AuditLogDelivery, ORG, None, 99).items)}")
        record = AuditLogDelivery(organization_id=ORG, delivery=made, created=NOON, modified=NOON)
        self.directory.commit([Insert(record)])
        return made

    def store(self, delivery: AuditDelivery, *records: AuditRecord) -> str:
        """Store records as one object, with its rows, as the writer does; return its key."""
        found = zip(records, audit_formats.lines(records, delivery), strict=True)
        lines = [LogLine(record.id, record.at_ms, text) for record, text in found]
        body = audit_objects.content(audit_formats.header(delivery), lines)
        key = audit_objects.key_of(delivery, ORG, PLACE, lines, body)
        one = replace(
            written(), bucket=BUCKET, key=key, sha256=hashlib.sha256(body).hexdigest(), at_ms=records[0].at_ms
        )
        self.put(one, body)
        return key

    def put(self, one: WrittenObject, body: bytes) -> None:
        self.rows.intend([one])
        self.s3.put_object(Bucket=one.bucket, Key=one.key, Body=body)
        self.rows.complete([one])

    def log(self, delivery: AuditDelivery, *records: AuditRecord, organization_id: str = ORG) -> None:
        """Put records into the log group, as the writer does."""
        stream = f"{organization_id}/{delivery.log_type}/2026-11-24/one"
        self.logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        lines = audit_formats.lines(records, delivery)
        events: Any = [{"timestamp": each.at_ms, "message": line} for each, line in zip(records, lines, strict=True)]
        self.logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)

    def write_digests(self, signer: DigestSigner | None = None) -> None:
        """Write what is due, with the stack's key or another."""
        writing = replace(
            Audited().digests(),
            chains=self.rows,
            objects=S3DigestObjects(self.s3, PLACE.account),
            signer=signer or KmsDigestSigner(boto3.client("kms"), self.key_arn),
            now=lambda: LATER,
        )
        writing.run(lambda: AMPLE_MS)


def login(number: int, name: str = "ann@acme.test", at_ms: int = NOON, **more: Any) -> AuditRecord:
    fields = {
        "event_timestamp": at_ms + number,
        "organization_arn": f"arn:aws:workmail:{REGION}:123456789012:organization/{ORG}",
        "user": name,
        "protocol": "EWS",
        "auth_successful": True,
        **more,
    }
    return AuditRecord(f"{number:032x}", ORG, LogType.AUTHENTICATION, at_ms + number, fields)


def access(number: int, **more: Any) -> AuditRecord:
    fields = {"event_timestamp": NOON + number, "user_id": "bob-id", "action": "read", "action_allowed": True, **more}
    return AuditRecord(f"{number:032x}", ORG, LogType.MAILBOX_ACCESS, NOON + number, fields)


@pytest.fixture
def deployed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    monkeypatch.setattr(operator, "now_ms", lambda: LATER)
    monkeypatch.setattr("postroom.bootstrap.clock.now_ms", lambda: LATER)
    running.session.cache_clear()
    return Deployed(stack)


def verify(run: Run, *arguments: object) -> Any:
    return run("--stack", NAME, "audit", "verify", *arguments)


def search(run: Run, *arguments: object) -> Any:
    return run("--stack", NAME, "audit", "search", "--since", "2026-11-24", *arguments)


def test_an_unchanged_bucket_is_said_to_be_so_and_open_hours_to_be_open(deployed: Deployed, run: Run) -> None:
    delivery = deployed.deliver(DestinationKind.S3, LogType.AUTHENTICATION)
    deployed.store(delivery, login(1), login(2))
    deployed.write_digests()
    deployed.store(delivery, login(3, at_ms=LATER))
    result = verify(run)
    assert result.exit_code == 0, result.output
    assert "proved   2026-11-24T12:00:00.000Z to 2026-11-24T14:00:00.000Z: 2 digests, 2 objects" in result.output
    assert "open     since 2026-11-24T14:00:00.000Z: 1 objects that no digest lists yet" in result.output
    assert "all of it is as it was written" in result.output


def test_what_was_deleted_is_named_and_the_exit_status_is_1(deployed: Deployed, run: Run) -> None:
    delivery = deployed.deliver(DestinationKind.S3, LogType.AUTHENTICATION)
    key = deployed.store(delivery, login(1))
    deployed.write_digests()
    newest = deployed.rows.chains()[0].key
    for each in (key, newest):
        deployed.s3.delete_object(Bucket=BUCKET, Key=each)
    result = verify(run, "--json", "--organization", "acme")
    assert result.exit_code == 1
    assert "2 findings" in str(result.exception)
    (row,) = json.loads(result.stdout)
    assert {(each["kind"], each["key"]) for each in row["findings"]} == {
        ("OBJECT_DELETED", key),
        ("DIGEST_DELETED", newest),
    }
    assert (row["organizationId"], row["bucket"], row["digests"], row["provedTo"]) == (
        ORG,
        BUCKET,
        1,
        "2026-11-24T13:00:00.000Z",
    )
    assert f"OBJECT_DELETED  {key}" in verify(run).output


def test_what_cannot_be_verified_is_refused_in_one_line(deployed: Deployed, run: Run, tmp_path: Path) -> None:
    assert "nothing to verify" in str(verify(run).exception)
    assert "no organization has the alias nobody" in str(verify(run, "--organization", "nobody").exception)
    assert "there is no stack other" in str(run("--stack", "other", "audit", "verify").exception)
    assert "not a time" in str(verify(run, "--since", "yesterday").exception)
    file = tmp_path / "key.pem"
    file.write_text("no key")
    assert "no public key in PEM" in str(verify(run, "--public-key", file).exception)
    deployed.store(deployed.deliver(DestinationKind.S3, LogType.AUTHENTICATION), login(1))
    deployed.s3.delete_object(
        Bucket=BUCKET, Key=next(deployed.rows.open_objects(deployed.rows.chains()[0])).written.key
    )
    deployed.s3.delete_bucket(Bucket=BUCKET)
    said = verify(run).output
    assert "BUCKET_REFUSES  audit-bucket" in said
    assert "proved" not in said


def test_the_members_are_those_that_are_documented(deployed: Deployed, run: Run) -> None:
    documented = (repository_root() / "docs" / "command-line.md").read_text("utf-8")
    deployed.store(deployed.deliver(DestinationKind.S3, LogType.AUTHENTICATION), login(1))
    for command, ask in (("verify", verify), ("search", search)):
        section = documented.partition(f"## audit {command}\n")[2].partition("\n## ")[0]
        (row,) = json.loads(ask(run, "--json").stdout)
        assert list(row) == re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_an_earlier_key_is_given_as_pem(deployed: Deployed, run: Run, tmp_path: Path) -> None:
    deployed.store(deployed.deliver(DestinationKind.S3, LogType.AUTHENTICATION), login(1))
    deployed.write_digests(other_signer())
    assert "DIGEST_UNKNOWN_KEY" in verify(run).output
    file = tmp_path / "key.pem"
    file.write_bytes(other_signer().key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert verify(run, "--public-key", file).exit_code == 0


def test_records_are_found_by_user_and_action_in_log_groups_first(deployed: Deployed, run: Run) -> None:
    logins = deployed.deliver(DestinationKind.CLOUDWATCH_LOGS, LogType.AUTHENTICATION)
    deployed.deliver(DestinationKind.S3, LogType.AUTHENTICATION)
    reads = deployed.deliver(DestinationKind.CLOUDWATCH_LOGS, LogType.MAILBOX_ACCESS)
    deployed.log(
        logins, login(1), login(2, "eve@acme.test", auth_successful=False, auth_failed_reason="wrong password")
    )
    deployed.log(reads, access(3), access(4, user_id="ann-id", action="create"), access(5, owner_id="ann-id"))
    deployed.log(logins, login(6), organization_id=OTHER)

    def found(*arguments: object) -> list[int]:
        rows = json.loads(search(run, "--json", *arguments).stdout)
        return [each["record"]["event_timestamp"] - NOON for each in rows]

    assert found() == [1, 2, 3, 4, 5]
    assert found("--user", "ann@acme.test") == [1, 4, 5]
    assert found("--user", "ann-id") == [4, 5], "the id"
    assert found("--user", "NAME-ann-ID") == [4, 5], "the name"
    assert found("--user", "EVE@acme.test") == [2]
    assert found("--action", "read") == [3, 5]
    assert found("--action", "authenticate", "--action", "create") == [1, 2, 4]
    assert found("--organization", ORG, "--user", "bob-id") == [3, 5]
    said = search(run, "--action", "authenticate")
    assert "NO  user=eve@acme.test protocol=EWS auth_failed_reason=wrong password" in said.stdout
    (line,) = said.stderr.splitlines()
    unread = "ACCESS_CONTROL_LOGS, WORKMAIL_AVAILABILITY_PROVIDER_LOGS, WORKMAIL_PERSONAL_ACCESS_TOKEN_LOGS"
    assert line == f"{ORG}: no record of {unread} is shown: there is no delivery"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"suffix_path": "by-day/{yyyy}{MM}{dd}"},
        {"hive": True},
        {"output_format": OutputFormat.PLAIN, "field_delimiter": "\t"},
        {"output_format": OutputFormat.W3C, "field_delimiter": " "},
    ],
    ids=["ours", "suffix path", "hive", "plain", "w3c"],
)
def test_records_are_read_from_buckets_in_every_form(deployed: Deployed, run: Run, settings: dict[str, Any]) -> None:
    delivery = deployed.deliver(DestinationKind.S3, LogType.AUTHENTICATION, **settings)
    odd = login(2, "a b\t%\n", user_agent="-")
    deployed.store(delivery, login(1), odd)
    deployed.store(delivery, login(3, at_ms=NOON - 30 * HOUR_MS))
    rows = json.loads(search(run, "--json").stdout)
    assert [each["record"] for each in rows] == [login(1).fields, odd.fields]
    assert rows[0]["timestamp"] == "2026-11-24T12:00:00.001Z"
    assert rows[0]["logType"] == "AUTHENTICATION_LOGS"


def test_an_action_that_no_record_has_is_refused(deployed: Deployed, run: Run) -> None:
    deployed.deliver(DestinationKind.CLOUDWATCH_LOGS, LogType.AUTHENTICATION)
    result = search(run, "--action", "frobnicate")
    assert "no record has the action frobnicate; actions are read, read_hierarchy" in str(result.exception)


def test_it_is_said_that_nothing_can_be_read(deployed: Deployed, run: Run) -> None:
    result = search(run)
    assert "nothing to read: no audit log goes to a log group or bucket" in str(result.exception)
    deployed.deliver(DestinationKind.FIREHOSE, LogType.AUTHENTICATION)
    result = search(run)
    assert "it goes to a Firehose stream alone, which cannot be read" in result.stderr
    assert result.exit_code == 1


def test_an_object_that_was_changed_is_not_shown_but_named(deployed: Deployed, run: Run) -> None:
    delivery = deployed.deliver(DestinationKind.S3, LogType.AUTHENTICATION)
    key = deployed.store(delivery, login(1))
    deployed.s3.put_object(Bucket=BUCKET, Key=key, Body=b"changed")
    assert f"{BUCKET}/{key} is no object of audit records: was it changed?" in str(search(run).exception)


def test_follow_shows_each_record_once(deployed: Deployed, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    logins = deployed.deliver(DestinationKind.CLOUDWATCH_LOGS, LogType.AUTHENTICATION)
    reads = deployed.deliver(DestinationKind.S3, LogType.MAILBOX_ACCESS)
    deployed.log(logins, login(1))
    turns = [True, False]

    def sleep(_: float) -> None:
        if not turns:
            raise KeyboardInterrupt
        if turns.pop(0):
            deployed.store(reads, access(2))

    monkeypatch.setattr("cli.commands.audit.time.sleep", sleep)
    result = run("--stack", NAME, "audit", "follow", "--since", "2026-11-24", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["record"]["event_timestamp"] - NOON for each in lines] == [1, 2]
    assert result.exit_code == 0


def test_moto_gives_events_of_streams_that_were_not_asked_for(deployed: Deployed) -> None:
    """Where this fails, ``LogTail`` need not look at the names of streams."""
    logins = deployed.deliver(DestinationKind.CLOUDWATCH_LOGS, LogType.AUTHENTICATION)
    deployed.log(logins, login(1), organization_id=OTHER)
    asked = deployed.logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix=f"{ORG}/")["events"]
    assert len(asked) == 1
    assert not list(LogTail(deployed.logs).new(GROUP, f"{ORG}/"))


def test_an_organization_that_is_not_active_is_not_searched_unless_it_is_named(deployed: Deployed, run: Run) -> None:
    deployed.directory.commit([Insert(organization(OTHER, alias="gone", state=OrganizationState.DELETED))])
    deployed.log(deployed.deliver(DestinationKind.CLOUDWATCH_LOGS, LogType.AUTHENTICATION), login(1))
    assert OTHER not in search(run).stderr
    assert OTHER in search(run, "--organization", OTHER).stderr
