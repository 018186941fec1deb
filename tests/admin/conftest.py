"""The admin API on stores in memory: every call is validated and answered as by the API."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.admin_services import MemoryDomainServices, MemoryLogTargets, MemoryOrganizationKeys
from postroom.adapters.memory.audit_deliveries import MemoryAuditTargets
from postroom.adapters.memory.audit_trail import MemoryAuditTrail
from postroom.adapters.memory.availability_passwords import MemoryAvailabilityPasswords
from postroom.adapters.memory.availability_queries import MemoryAvailabilityQueries
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.adapters.memory.export_checks import MemoryExportBuckets
from postroom.adapters.memory.gateway_passwords import MemoryGatewayPasswords
from postroom.adapters.memory.import_sources import MemoryImportSources
from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.passwords import PlainPasswords
from postroom.adapters.memory.queues import MemoryQueues
from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.adapters.memory.role_arns import MemoryRoleArns
from postroom.adapters.memory.rule_functions import MemoryRuleFunctions
from postroom.adapters.memory.rule_sets import MemoryRuleSets
from postroom.adapters.memory.sealed_mail import MemorySealedMail
from postroom.adapters.memory.tables import Mailbox, MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.admin import api
from postroom.admin.context import AdminSettings, Context
from postroom.contracts import aws_json
from postroom.contracts.admin.models.shapes import OPERATIONS
from postroom.errors import KeyUnavailableError, SubmissionRefusedError
from postroom.model.mailbox import Head
from postroom.model.private_gateways import PrivateGateways
from postroom.model.private_servers import PrivateServers
from postroom.submission.submission import Submitted
from tests.support.deletion import memory_deletion

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.contracts.message_flow import S3Reference
    from postroom.model.out_of_office import Away
    from postroom.ports.mailboxes import MailboxOwner
    from postroom.submission.submission import Refusal, Submission

STACK_KEY = "arn:aws:kms:us-east-1:123456789012:key/stack"
EXPORT_ROLES = ("arn:aws:iam::123456789012:role/plan", "arn:aws:iam::123456789012:role/pack")
IMPORT_ROLE = "arn:aws:iam::123456789012:role/import"
START = 1_800_000_000_000
"""Milliseconds since the epoch at which every test begins."""


class ApiError(Exception):
    """An error that the API answered."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


@dataclass
class FewMailboxes:
    """Implements ``MailboxHeads``."""

    heads: dict[str, Head] = field(default_factory=dict)

    def create(
        self, mailbox_id: str, owner: MailboxOwner, *, wrapped_key: bytes, quota_bytes: int, now_ms: int
    ) -> bool:
        if mailbox_id in self.heads:
            return False
        self.heads[mailbox_id] = Head(
            mailbox_id=mailbox_id,
            organization_id=owner.organization_id,
            organization_arn=owner.organization_arn,
            kms_key_arn=owner.kms_key_arn,
            wrapped_key=wrapped_key,
            quota_bytes=quota_bytes,
            size=0,
            sequence=1,
            noticed=False,
            folders={},
        )
        return True

    def head(self, mailbox_id: str) -> Head | None:
        return self.heads.get(mailbox_id)

    def set_quota(self, mailbox_id: str, quota_bytes: int) -> bool:
        if mailbox_id not in self.heads:
            return False
        self.heads[mailbox_id] = replace(self.heads[mailbox_id], quota_bytes=quota_bytes)
        return True

    def set_away(self, mailbox_id: str, away: Away | None) -> bool:
        if mailbox_id not in self.heads:
            return False
        self.heads[mailbox_id] = replace(self.heads[mailbox_id], away=away)
        return True


@dataclass
class FewKeys:
    """The part of ``MailboxKeys`` that the admin API uses."""

    disabled: bool = False

    def new(self, kms_key_arn: str, organization_arn: str) -> bytes:
        if self.disabled:
            raise KeyUnavailableError("DisabledException")
        return f"{kms_key_arn}|{organization_arn}".encode()


@dataclass
class Submits:
    """Implements ``ObjectSubmits``: keeps what is submitted; refuses all, if there is a ``refusal``."""

    refusal: Refusal | None = None
    text: str = "because"
    found: list[tuple[Submission, S3Reference | None]] = field(default_factory=list)

    def submit(self, submission: Submission) -> Submitted:
        return self._done(submission, None)

    def submit_object(self, submission: Submission, reference: S3Reference) -> Submitted:
        return self._done(submission, reference)

    def _done(self, submission: Submission, reference: S3Reference | None) -> Submitted:
        if self.refusal is not None:
            raise SubmissionRefusedError(self.refusal, self.text)
        self.found.append((submission, reference))
        return Submitted("t-1", "<1@example.com>")


@dataclass
class Caller:
    """A client that calls the API. ``context`` may be exchanged between calls, and so may ``arn``, of the caller."""

    context: Any
    now: int = START
    arn: str = ""

    def settle(self, remaining: Callable[[], int] = lambda: 1 << 30) -> None:
        """Run the deletion of organizations once, as the schedule does."""
        tables, context = MemoryTables(), self.context
        transit, raw = MemoryTransit(tables, lambda: self.now), MemoryRawMail("inbound", lambda: self.now)
        for mailbox_id, head in context.mailboxes.heads.items():
            tables.mailboxes[mailbox_id] = Mailbox(head, {})
        ledger, sealed, queues = MemoryLedger(tables), MemorySealedMail(), MemoryQueues()
        services = context.domain_services
        secrets = context.availability_passwords
        memory_deletion(
            context.directory,
            services,
            transit,
            ledger,
            raw,
            sealed,
            tables,
            queues,
            lambda: self.now,
            availability_passwords=secrets,
        ).run(remaining)
        for gone in set(context.mailboxes.heads) - set(tables.mailboxes):
            del context.mailboxes.heads[gone]

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        """Make one call; the clock advances by a second.

        Raises:
            ApiError: the API answered with an error; it must be one of the operation's model.
        """
        self.now += 1000
        event = {
            "headers": {"X-Amz-Target": f"WorkMailService.{operation}", "User-Agent": "aws-cli/2"},
            "body": json.dumps(request),
            "requestContext": {"requestId": "r", "identity": {"sourceIp": "192.0.2.9", "userArn": self.arn}},
        }
        response = api.answer(event, self.context, now=self.now, request_id="").response
        body = json.loads(response["body"])
        if response["statusCode"] == 200:
            assert isinstance(body, dict)
            return body
        code = body["__type"]
        general = {
            aws_json.ACCESS_DENIED,
            aws_json.UNAVAILABLE,
            aws_json.SERIALIZATION,
            aws_json.UNKNOWN_OPERATION,
        }
        assert code in {*OPERATIONS[operation]["errors"], *general}, f"{operation} does not know {code}"
        raise ApiError(code, body["Message"])

    def refused(self, code: str, operation: str, **request: Any) -> str:
        """Make a call that must fail with a code; return the text of the error."""
        with pytest.raises(ApiError) as caught:
            self(operation, **request)
        assert caught.value.code == code, str(caught.value)
        return caught.value.text


@pytest.fixture
def context() -> Context:
    numbers = itertools.count(1)
    return Context(
        directory=MemoryDirectory(),
        mailboxes=FewMailboxes(),
        mailbox_keys=FewKeys(),  # type: ignore[arg-type]
        domain_services=MemoryDomainServices(),
        organization_keys=MemoryOrganizationKeys(),
        audit_targets=MemoryAuditTargets(),
        audit_trail=MemoryAuditTrail(),
        log_targets=MemoryLogTargets(),
        role_arns=MemoryRoleArns(),
        passwords=PlainPasswords(),
        rule_sets=MemoryRuleSets(),
        function_policies=MemoryRuleFunctions(),
        gateway_passwords=MemoryGatewayPasswords(),
        availability_passwords=MemoryAvailabilityPasswords(),
        provider_tests=MemoryAvailabilityQueries(),
        export_buckets=MemoryExportBuckets(),
        import_objects=MemoryImportSources(),
        transit=MemoryTransit(MemoryTables(), lambda: START),
        queues=MemoryQueues(),
        submits=Submits(),
        settings=AdminSettings(
            partition="aws",
            region="us-east-1",
            account="123456789012",
            stack_key_arn=STACK_KEY,
            test_domain_suffix="mail.test",
            record_events_role_arn="arn:aws:iam::123456789012:role/record-events",
            export_role_arns=EXPORT_ROLES,
            import_role_arn=IMPORT_ROLE,
            own_targets=frozenset({"mail-of-the-stack", "api-trail"}),
            private_servers=PrivateServers.read("https://exchange.corp.internal:8443, http://127.0.0.1:4568"),
            private_gateways=PrivateGateways.read("relay.corp.internal:587, 127.0.0.1:2526"),
        ),
        new_uuid=lambda: f"{next(numbers):08x}-0000-4000-8000-000000000000",
        random_bytes=lambda count: next(numbers).to_bytes(8, "big") * (count // 8),
    )


@pytest.fixture
def caller(context: Context) -> Caller:
    return Caller(context)


@pytest.fixture
def acme(caller: Caller) -> str:
    """An organization with the domain example.com."""
    organization: str = caller("CreateOrganization", Alias="acme", Domains=[{"DomainName": "example.com"}])[
        "OrganizationId"
    ]
    return organization


@pytest.fixture
def enable(caller: Caller, acme: str) -> Callable[..., str]:
    """Create an enabled user or group of acme and return its id."""

    def make(name: str, *, kind: str = "User", **more: Any) -> str:
        extra = {"DisplayName": name, **more} if kind == "User" else more
        made: str = caller(f"Create{kind}", OrganizationId=acme, Name=name, **extra)[f"{kind}Id"]
        caller("RegisterToWorkMail", OrganizationId=acme, EntityId=made, Email=f"{name}@example.com")
        return made

    return make


@pytest.fixture
def room(caller: Any, acme: str) -> str:
    """A disabled room."""
    made: str = caller("CreateResource", OrganizationId=acme, Name="Aurora", Type="ROOM")["ResourceId"]
    return made


@pytest.fixture
def user(caller: Any, acme: str) -> str:
    """A disabled user."""
    made: str = caller("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
    return made
