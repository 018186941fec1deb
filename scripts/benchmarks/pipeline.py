"""A message through all stations in this process: template.yaml's functions and mappings, on moto, each call metered.

Every queue returns one message at a time, the ledger's stream the facts of one transaction: the most expensive case.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import time
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from benchmarks.meter import KB, Meter, chunks
from benchmarks.prices import Unit
from local.mail.ses_notification import Verdicts, notification
from postroom.adapters.aws.directory_rows import to_item
from postroom.adapters.aws.rule_sets import S3RuleSets
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.facts import trace_of
from postroom.model.records import (
    AddressClaim,
    Domain,
    DomainState,
    Entity,
    NameClaim,
    Organization,
    OrganizationState,
)
from postroom.ports.mailboxes import MailboxOwner
from tests.support.in_process import InProcessStack, deployed
from tests.support.rule_callees import Callees

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from local.template.project import EventSource
    from postroom.model.journaling import Journaling
    from postroom.model.rules import Rule

MESSAGE: Final = (Path(__file__).parent / "newsletter.eml").read_bytes()
"""25 KB of multipart/alternative under 2.6 KB of header block."""

DOMAIN: Final = "acme-widgets.test"
SENDER: Final = "newsletter-bounces+ann=acme-widgets.test@lists.example.org"
ORGANIZATION: Final = Organization(
    id="m-" + "5f" * 16,
    arn="arn:aws:workmail:us-east-1:123456789012:organization/m-" + "5f" * 16,
    alias="acme-widgets",
    state=OrganizationState.ACTIVE,
    directory_id="d-0123456789",
    kms_key_arn="",
    default_domain=DOMAIN,
    fingerprint="0" * 64,
    created=1_795_521_600_000,
)
"""Of usual sizes; its key is made with the account."""

KEPT: Final = {"AuditSettingsSeconds": "900"}
"""Parameters: what functions read of settings is read before the calls that count, and kept until their end."""

WRITTEN_AT_ONCE: Final = 25
"""Most rows of one BatchWriteItem. Source: DynamoDB's API reference."""


@dataclass
class Pipeline:
    """One organization in one stack. ``invocations`` and ``logged`` (bytes) count by function."""

    stack: InProcessStack
    meter: Meter
    organization: Organization
    callees: Callees = field(default_factory=Callees)
    """Customers' functions."""
    invocations: dict[str, int] = field(default_factory=dict)
    logged: dict[str, int] = field(default_factory=dict)
    _iterators: dict[str, str] = field(default_factory=dict)

    def add_user(self, name: str) -> str:
        """Write a user with a mailbox into the tables; return the address."""
        return self.add_mailbox(name).addresses[0]

    def add_mailbox(self, name: str) -> Entity:
        """Write a user with a mailbox into the tables."""
        entity, claims = user(self.organization, name)
        operator = self.stack.operator()
        for record in (entity, *claims):
            self.put([to_item(record)])
        owner = MailboxOwner(self.organization.id, self.organization.arn, self.organization.kms_key_arn)
        key = operator.keys.new(self.organization.kms_key_arn, self.organization.arn)
        made = operator.mailboxes.create(entity.id, owner, wrapped_key=key, quota_bytes=50 << 30, now_ms=_now())
        if not made:
            raise RuntimeError(f"{name} has a mailbox already")
        return entity

    def add_users(self, size: int) -> None:
        """Write users without mailboxes into the directory."""
        rows = [
            to_item(record)
            for number in range(size)
            for entity, claims in [user(self.organization, f"user-{number:05d}")]
            for record in (entity, *claims)
        ]
        for start in range(0, len(rows), WRITTEN_AT_ONCE):
            self.put(rows[start : start + WRITTEN_AT_ONCE])

    def keep_rules(self, rules: Iterable[Rule], journaling: Journaling | None = None) -> None:
        """Put rules, and journaling or none, into effect for the next message."""
        rule_sets = S3RuleSets(self.stack.client("s3"), self.stack.settings()["INBOUND_BUCKET"])
        rule_sets.keep(self.organization.id, 1, rules, journaling)
        self.put([to_item(replace(_domain(self.organization), rules_version=1))])

    def listen(self) -> None:
        """Create a rule on the event bus."""
        bus = self.stack.settings()["EVENT_BUS_NAME"]
        self.stack.client("events").put_rule(Name="all", EventBusName=bus, EventPattern='{"source": ["postroom"]}')

    def message(self, *recipients: str) -> str:
        """Send one message through all stations; return its trace.

        Raises:
            RuntimeError: a function failed; the counts are then without meaning.
        """
        ses_id = uuid.uuid4().hex + "01234567"
        bucket = self.stack.settings()["INBOUND_BUCKET"]
        self.stack.client("s3").put_object(Bucket=bucket, Key=f"inbound/{ses_id}", Body=MESSAGE)  # SES's own PUT
        action = {
            "type": "S3",
            "topicArn": self.stack.project.attribute("InboundTopic"),
            "bucketName": bucket,
            "objectKeyPrefix": "inbound/",
            "objectKey": f"inbound/{ses_id}",
        }
        announced = notification(
            message_id=ses_id,
            source=SENDER,
            recipients=recipients,
            content=MESSAGE,
            verdicts=Verdicts(),
            action=action,
            received=datetime.now(UTC),
            took_ms=412,
        )
        with self.meter.of("SES and SNS"):
            size = len(announced.encode())
            self.meter.add(Unit.SNS, chunks(size, 64 * KB))
            self.meter.add(Unit.SQS, chunks(size, 64 * KB))
        url = self.stack.project.attribute("IngestQueue")
        self.stack.client("sqs").send_message(QueueUrl=url, MessageBody=announced)
        self.settle()
        return trace_of(ses_id, self.organization.id)

    def submit(self, author: str, recipient: str, content: bytes, token: str) -> str:
        """Submit one message through all stations; return its trace.

        Args:
            author: id of the user.
            token: another one is another submission.

        Raises:
            RuntimeError: a function failed, or the message is refused.
        """
        event = {
            "organization_id": self.organization.id,
            "user_id": author,
            "token": token,
            "protocol": "API",
            "content": base64.b64encode(content).decode(),
            "recipients": [recipient],
        }
        with self.meter.of("SubmitFunction"), contextlib.redirect_stdout(io.StringIO()):
            answer = self.stack.functions.invoke("SubmitFunction", json.dumps(event).encode())["Payload"].read()
        trace = json.loads(answer).get("trace")
        if trace is None:
            raise RuntimeError(f"the message was not submitted: {answer.decode()}")
        self.settle()
        return str(trace)

    def settle(self) -> None:
        """Run functions until every queue and stream is empty.

        Raises:
            RuntimeError: a function failed; the counts are then without meaning.
        """
        while self._serve_all():
            pass

    def clear(self) -> None:
        """Forget what was counted."""
        self.meter.units.clear()
        self.meter.calls.clear()
        self.invocations.clear()
        self.logged.clear()

    def _serve_all(self) -> bool:
        """Run every function on what is in its queue, and the streams after each; say whether there was anything."""
        streams = [event for event in self.stack.project.events if event.kind == "DynamoDB"]
        served = False
        for event in self.stack.project.events:
            for each in (event, *streams):
                served |= self._serve(each)
        return served

    def _serve(self, event: EventSource) -> bool:
        """Run a function on what is in its queue or stream; say whether there was anything."""
        match event.kind:
            case "SQS":
                return self._serve_queue(event)
            case "DynamoDB":
                return self._serve_stream(event)
            case _:
                return False  # schedules and the API do not take part

    def _serve_queue(self, event: EventSource) -> bool:
        arn = event.properties["Queue"]
        sqs = self.stack.client("sqs")
        url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        names: Any = ["All"]
        found = sqs.receive_message(QueueUrl=url, AttributeNames=names, MessageAttributeNames=["All"])
        for message in found.get("Messages", []):
            record = {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "awsRegion": "us-east-1",
            }
            with self.meter.of(event.function.logical_id):
                requests = chunks(len(message["Body"].encode()), 64 * KB) + 1  # received and deleted
                self.meter.add(Unit.SQS, requests)
                if "MessageGroupId" in message["Attributes"]:
                    self.meter.add(Unit.SQS_FAIR, requests)
            self._invoke(event, [record])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bool(found.get("Messages"))

    def _serve_stream(self, event: EventSource) -> bool:
        records = self.added(event.properties["Stream"])
        if records:
            self._invoke(event, records)
        return bool(records)

    def added(self, stream: str) -> list[dict[str, Any]]:
        """Return the records of a table's stream for rows added since the last call."""
        streams = self.stack.client("dynamodbstreams")
        found: list[dict[str, Any]] = []
        for shard in streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
            name = shard["ShardId"]
            if name not in self._iterators:
                at = streams.get_shard_iterator(StreamArn=stream, ShardId=name, ShardIteratorType="TRIM_HORIZON")
                self._iterators[name] = at["ShardIterator"]
            answer = streams.get_records(ShardIterator=self._iterators[name])
            self._iterators[name] = answer["NextShardIterator"]
            found += [each for each in answer["Records"] if each["eventName"] == "INSERT"]
        return json.loads(json.dumps(found, default=str))  # type: ignore[no-any-return]

    def _invoke(self, event: EventSource, records: list[dict[str, Any]]) -> None:
        name = event.function.logical_id
        said = io.StringIO()
        with self.meter.of(name), contextlib.redirect_stdout(said):
            answer = self.stack.functions.invoke(name, json.dumps({"Records": records}).encode())
        body = answer["Payload"].read()
        if "FunctionError" in answer or json.loads(body)["batchItemFailures"]:
            raise RuntimeError(f"{name} failed: {body.decode()} {said.getvalue()}")
        self.invocations[name] = self.invocations.get(name, 0) + 1
        self.logged[name] = self.logged.get(name, 0) + len(said.getvalue().encode())

    def put(self, rows: list[dict[str, Any]]) -> None:
        """Write rows of the directory, at most ``WRITTEN_AT_ONCE``."""
        table = self.stack.settings()["DIRECTORY_TABLE"]
        self.stack.client("dynamodb").batch_write_item(
            RequestItems={table: [{"PutRequest": {"Item": row}} for row in rows]}
        )


@contextlib.contextmanager
def pipeline() -> Iterator[Pipeline]:
    """Deploy the template into an empty account, with one organization."""
    meter = Meter()
    with patch.dict(os.environ, {"AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled"}), deployed(**KEPT) as stack:
        meter.listen()
        organization = replace(ORGANIZATION, kms_key_arn=stack.client("kms").create_key()["KeyMetadata"]["Arn"])
        made = Pipeline(stack, meter, organization)
        made.callees.listen()
        made.put([to_item(organization), to_item(_domain(organization))])
        yield made


def user(organization: Organization, name: str) -> tuple[Entity, tuple[NameClaim, AddressClaim]]:
    """Return an enabled user, and the claims on name and address."""
    made = Entity(
        organization_id=organization.id,
        id=str(uuid.uuid4()),
        kind=EntityKind.USER,
        name=name,
        state=EntityState.ENABLED,
        created=_now(),
        role=Role.USER,
        email=f"{name}@{DOMAIN}",
        attributes={"DisplayName": name.title()},
        enabled=_now(),
        mailbox_provisioned=_now(),
    )
    where = {"organization_id": organization.id, "entity_id": made.id, "kind": EntityKind.USER}
    return made, (NameClaim(name=name, **where), AddressClaim(address=f"{name}@{DOMAIN}", **where))  # type: ignore[arg-type]


def _domain(organization: Organization) -> Domain:
    return Domain(name=DOMAIN, organization=organization.ref, is_test=False, state=DomainState.ACTIVE)


def _now() -> int:
    return time.time_ns() // 1_000_000
