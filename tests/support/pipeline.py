"""The way of a message in this process: the functions' own handlers, with queues between them."""

from __future__ import annotations

import dataclasses
import email
import importlib.util
import json
import logging
import time
from dataclasses import dataclass, field
from email import policy
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import RawMessage, ses_backends

from postroom.adapters.aws import clients
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.rule_sets import S3RuleSets
from postroom.admin import organizations
from postroom.bootstrap import admin_api, clock, operator
from postroom.contracts import orders
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.out_of_office import OutOfOffice
from postroom.model.records import (
    AddressClaim,
    Domain,
    DomainState,
    Entity,
    Insert,
    Membership,
    Organization,
    OrganizationState,
    Replace,
)
from postroom.ports.mailboxes import MailboxOwner
from tests.support.builders import NOON, ORG, arn, notification
from tests.support.rule_callees import Callees

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import Message
    from types import ModuleType

    from postroom.model.journaling import Journaling
    from postroom.model.rules import Rule
    from tests.support.stack import Stack

FUNCTIONS: Final = Path(__file__).parents[2] / "functions"
CONTEXT: Final = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:f",
    aws_request_id="r",
    log_stream_name="s",
    get_remaining_time_in_millis=lambda: 300_000,
)
_ASIDE: Final = {"retry_events", "write_audit_log", "retry_audit"}
_NOT_BUILT: Final = {name for name in orders.STATIONS if not (FUNCTIONS / name).is_dir()} - _ASIDE
_ON_THE_WAY: Final = {
    name: station.queue for name, station in orders.STATIONS.items() if name not in _ASIDE | _NOT_BUILT
}
STATIONS: Final = (
    *((queue, name) for name, queue in _ON_THE_WAY.items()),
    ("DEAD_LETTER_QUEUE_URL", "park"),
)
"""Queues (variables' names) and the functions that read them."""


def load(function: str) -> ModuleType:
    """Start a function as Lambda does: in a new environment, without any state."""
    logging.Logger.manager.loggerDict.pop(function, None)  # the former logger writes to the former output
    spec = importlib.util.spec_from_file_location(f"app_{function}", FUNCTIONS / function / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _at_once(station: Any) -> Any:
    """Return a station whose messages have no delay."""
    if hasattr(station, "shortened_s"):
        return dataclasses.replace(station, shortened_s=lambda _: 0)
    parts = {name: _at_once(getattr(station, name)) for name in ("queues", "parking") if hasattr(station, name)}
    return dataclasses.replace(station, **parts)


@dataclass
class Pipeline:
    """One organization with a stack of its own; queues are read with a client that has no faults."""

    stack: Stack
    kms_key: str = ""
    apps: dict[str, ModuleType] = field(default_factory=dict)
    callees: Callees = field(default_factory=Callees)
    """Customers' functions."""

    def __post_init__(self) -> None:
        self.callees.listen()
        self.kms_key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
        self.directory = DynamoDirectory(DirectoryTable(self.stack.dynamodb, self.stack.environment["DIRECTORY_TABLE"]))
        self.operator = operator.build(self.stack.environment)
        self.operator.parking = _at_once(self.operator.parking)
        self.restart()

    def restart(self) -> None:
        """Start every function again; their clients stay. Their delays are zero."""
        self.apps = {name: load(name) for name in (*dict.fromkeys(function for _, function in STATIONS), "sweep")}
        for name in ("ingest", "run_sync_rule", "run_async_rule", "deliver", "update_calendar", "sweep"):
            setattr(self.apps[name], name, _at_once(getattr(self.apps[name], name)))
        bounce: Any = self.apps["bounce"]
        once = dataclasses.replace(bounce.bouncer.once, redo_after_ms=0)
        bounce.bouncer = dataclasses.replace(bounce.bouncer, once=once, look_again_s=0, wait_for_others_ms=0)

    @property
    def answered(self) -> list[dict[str, Any]]:
        """The calls of SendBounce, oldest first."""
        return [json.loads(each.raw_data) for each in self._sent() if each.raw_data.startswith("{")]

    @property
    def raw_bounces(self) -> list[Message]:
        """Bounce messages that Postroom wrote itself, oldest first."""
        sent = [each.raw_data for each in self._sent() if not each.raw_data.startswith("{")]
        return [email.message_from_string(each, policy=policy.default) for each in sent]

    @property
    def sent(self) -> list[str]:
        """Every message that SES was given, as text, oldest first."""
        return [each.raw_data for each in self._sent()]

    def _sent(self) -> list[RawMessage]:
        return list(ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages)

    def organization(self, organization_id: str = ORG, domain: str = "acme.test") -> None:
        boto3.client("ses").verify_domain_identity(Domain=domain)
        made = Organization(
            id=organization_id,
            arn=arn(organization_id),
            alias=domain.partition(".")[0],
            state=OrganizationState.ACTIVE,
            directory_id="d-1",
            kms_key_arn=self.kms_key,
            default_domain=domain,
            fingerprint="f",
            created=NOON,
        )
        self.directory.commit(
            [
                Insert(made),
                Insert(Domain(name=domain, organization=made.ref, is_test=True, state=DomainState.ACTIVE)),
            ]
        )

    def entity(
        self,
        name: str,
        *members: str,
        organization_id: str = ORG,
        domain: str = "acme.test",
        quota: int = 1 << 30,
        aliases: Sequence[str] = (),
        **changes: Any,
    ) -> None:
        """Make a user with a mailbox or, with members, a group; ``changes`` may make a resource of it."""
        kind = EntityKind.GROUP if members or name.startswith("group") else EntityKind.USER
        made = Entity(
            **{
                "organization_id": organization_id,
                "id": name,
                "kind": kind,
                "name": name,
                "created": NOON,
                "state": EntityState.ENABLED,
                "role": Role.USER if kind is EntityKind.USER else None,
                "email": f"{name}@{domain}",
                "aliases": tuple(aliases),
                **changes,
            }
        )
        claims = [
            AddressClaim(address=address, organization_id=organization_id, entity_id=name, kind=made.kind)
            for address in made.addresses
        ]
        self.directory.commit([Insert(made), *map(Insert, claims)])
        for member in members:
            its_kind = EntityKind.GROUP if member.startswith("group") else EntityKind.USER
            membership = Membership(
                organization_id=organization_id, group_id=name, member_id=member, member_kind=its_kind
            )
            self.directory.commit([Insert(membership)])
        if made.addressee.has_mailbox:
            owner = MailboxOwner(organization_id, arn(organization_id), self.kms_key)
            wrapped = self.operator.keys.new(self.kms_key, arn(organization_id))
            self.operator.mailboxes.create(name, owner, wrapped_key=wrapped, quota_bytes=quota, now_ms=NOON)

    def away(self, name: str) -> None:
        """Give a user an out-of-office reply."""
        made = OutOfOffice(organization_id=ORG, user_id=name, text="I am away.", from_ms=0, modified=0)
        self.directory.commit([Insert(made)])
        assert self.operator.mailboxes.set_away(name, made.away)

    @property
    def admin_settings(self) -> admin_api.AdminApiSettings:
        """The settings of the function that answers the WorkMail API."""
        unused = {"STACK_KEY_ARN": "arn:aws:kms:us-east-1:123456789012:key/stack", "TEST_DOMAIN_SUFFIX": "mail.test"}
        unused |= {"INBOUND_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:t"}
        unused |= dict.fromkeys(
            ("RECORD_EVENTS_ROLE_ARN", "EXPORT_ROLE_ARNS", "IMPORT_ROLE_ARN"), "arn:aws:iam::123456789012:role/r"
        )
        return admin_api.AdminApiSettings.read({**self.stack.environment, **unused})

    def delete_organization(self, organization_id: str = ORG) -> None:
        """Begin to delete an organization, as DeleteOrganization does."""
        request: Any = {"OrganizationId": organization_id, "DeleteDirectory": True, "ForceDelete": True}
        organizations.delete(admin_api.context(self.admin_settings), request, clock.now_ms())

    def point_at_rules(self, version: int, *, enforced: bool = True) -> None:
        """Let the organization's domain point at a version of its rules, as an administrator's change does."""
        organization = self.directory.organization(ORG)
        domain = self.directory.domain_record("acme.test")
        assert isinstance(organization, Organization)
        assert domain is not None
        changes: dict[str, Any] = {"rules_version": version, "dmarc_enforced": enforced}
        self.directory.commit(
            [Replace(dataclasses.replace(organization, **changes)), Replace(dataclasses.replace(domain, **changes))]
        )

    def apply_rules(self, *rules: Rule, version: int = 1, journaling: Journaling | None = None) -> None:
        """Give the organization exactly these rules, and this journaling or none."""
        sets = S3RuleSets(self.stack.s3, self.stack.environment["INBOUND_BUCKET"])
        assert sets.keep(ORG, version, rules, journaling)
        self.point_at_rules(version)

    def arrive(self, message_id: str, content: bytes, *recipients: str, **more: Any) -> str:
        """Store a message and announce it, as SES does; return the notification."""
        self.stack.s3.put_object(Bucket="inbound-bucket", Key=f"inbound/{message_id}", Body=content)
        body = notification(message_id, recipients, **{"at": time.time_ns() // 1_000_000, **more})
        self.announce(body)
        return body

    def announce(self, body: str) -> None:
        self.stack.sqs.send_message(QueueUrl=self.stack.environment["INGEST_QUEUE_URL"], MessageBody=body)

    def pump(self) -> None:
        """Deliver messages until every queue is empty; failed ones are delivered again, at most as often as SQS does.

        Whatever stops a function puts its batch back: the visibility time-out is over at once.
        """
        while any(self._batch(queue, function) for queue, function in STATIONS):
            pass

    def carry_out(self, station: str) -> int:
        """Deliver one batch of a station's queue; return how many messages it had."""
        return self._batch(orders.STATIONS[station].queue, station)

    def _batch(self, queue: str, function: str) -> int:
        sqs, url = self.stack.sqs, self.stack.environment[queue]
        names: Any = ["All"]
        batch = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=names).get("Messages", [])
        records = [
            {
                "messageId": m["MessageId"],
                "receiptHandle": m["ReceiptHandle"],
                "body": m["Body"],
                "attributes": m["Attributes"],
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{queue.lower()}",
                "awsRegion": "us-east-1",
            }
            for m in batch
        ]
        unfinished = {m["MessageId"] for m in batch}
        try:
            if batch:
                answer = self.apps[function].handler({"Records": records}, CONTEXT)
                unfinished = {failed["itemIdentifier"] for failed in answer["batchItemFailures"]}
        finally:
            for m in batch:
                if m["MessageId"] in unfinished:
                    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"], VisibilityTimeout=0)
                else:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
        return len(batch)

    def contents(self, mailbox_id: str, folder: str = "INBOX") -> list[bytes]:
        """Return the messages of a folder, opened, by UID."""
        head = self.operator.mailboxes.head(mailbox_id)
        assert head is not None
        return [
            b"".join(self.operator.content(head, item)) for item in self.operator.mailboxes.items(mailbox_id, folder)
        ]

    def fact_names(self, trace: str) -> list[str]:
        return sorted(fact.name.value for fact in self.operator.ledger.facts(trace))


FAULTY: Final = (clients.dynamodb, clients.s3, clients.sqs, clients.kms, clients.ses_sending)
"""The clients that the stations use."""
