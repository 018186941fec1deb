"""Ports and settings of the operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.model.audit_targets import Place
from postroom.model.impersonation import TOKEN_SECONDS
from postroom.model.principals import Principals

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.model.private_gateways import PrivateGateways
    from postroom.model.private_servers import PrivateServers
    from postroom.ports.audit_targets import AuditTargets
    from postroom.ports.audit_trail import AuditTrail
    from postroom.ports.availability_passwords import AvailabilityPasswords
    from postroom.ports.availability_queries import ProviderTests
    from postroom.ports.directory import Directory
    from postroom.ports.domain_services import DomainServices
    from postroom.ports.export_checks import ExportBuckets
    from postroom.ports.gateway_passwords import GatewayPasswords
    from postroom.ports.import_sources import ImportObjects
    from postroom.ports.log_targets import LogTargets
    from postroom.ports.mailbox_keys import MailboxKeys
    from postroom.ports.mailboxes import MailboxHeads
    from postroom.ports.organization_keys import OrganizationKeys
    from postroom.ports.passwords import Passwords
    from postroom.ports.queues import Queues
    from postroom.ports.role_arns import RoleArns
    from postroom.ports.rule_functions import FunctionPolicies
    from postroom.ports.rule_sets import RuleSets
    from postroom.ports.transit import Transit
    from postroom.submission.submission import ObjectSubmits


@dataclass(frozen=True, slots=True)
class AdminSettings:
    """Settings of this deployment.

    Attributes:
        stack_key_arn: the KMS key of organizations that do not choose one.
        test_domain_suffix: test domains are ``<alias>.<suffix>``; lower-case.
        private_servers: EWS servers that a configuration may name though they are not public.
        private_gateways: SMTP gateways that an organization may name though they are not public.
        record_events_role_arn: the role that writes event logs; a customer's role must trust it.
        export_role_arns: the roles of the functions that export mailboxes; a customer's role must trust each of them.
        import_role_arn: the role of the function that imports into mailboxes, likewise.
        role_passers: callers that may name roles.
        impersonation_token_s: how long a token of an impersonation role is valid, in seconds.
        first_administrators: callers with full access, whatever grants say; if there are any, others need grants.
        own_targets: names of the stack's own buckets and of the API trail's log group, which take no audit records.
        first_organization_id: id of the first organization; if None, it is random like the others.
    """

    partition: str
    region: str
    account: str
    stack_key_arn: str
    test_domain_suffix: str
    record_events_role_arn: str
    private_servers: PrivateServers
    private_gateways: PrivateGateways
    export_role_arns: tuple[str, ...]
    import_role_arn: str
    role_passers: Principals = Principals(everyone=True)  # noqa: RUF009 - it is frozen
    impersonation_token_s: int = TOKEN_SECONDS
    first_administrators: Principals = Principals()  # noqa: RUF009 - it is frozen
    own_targets: frozenset[str] = frozenset()
    first_organization_id: str | None = None

    @property
    def place(self) -> Place:
        """Where the stack runs."""
        return Place(self.partition, self.region, self.account)

    def organization_arn(self, organization_id: str) -> str:
        """Return the ARN of an organization."""
        return f"{self.place.organization_arns}{organization_id}"


@dataclass(frozen=True, slots=True)
class Call:
    """What the event says of the call that is being answered; a text is empty if the event does not say it.

    Attributes:
        caller_arn: as in ``contracts.aws_json``.
    """

    request_id: str = ""
    unique_id: str = ""
    source_ip: str = ""
    user_agent: str = ""
    caller_arn: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """Ports and settings of the admin API.

    Attributes:
        transit: gets the orders that operations begin with.
        queues: the stations of these orders.
        submits: accepts messages that are sent.
        call: the call that is being answered; ``api.answer`` sets it.
        new_uuid: returns a new lower-case UUID with hyphens.
        random_bytes: returns a number of bytes that cannot be guessed.
    """

    directory: Directory
    mailboxes: MailboxHeads
    mailbox_keys: MailboxKeys
    domain_services: DomainServices
    organization_keys: OrganizationKeys
    log_targets: LogTargets
    role_arns: RoleArns
    audit_targets: AuditTargets
    audit_trail: AuditTrail
    passwords: Passwords
    rule_sets: RuleSets
    function_policies: FunctionPolicies
    gateway_passwords: GatewayPasswords
    availability_passwords: AvailabilityPasswords
    provider_tests: ProviderTests
    export_buckets: ExportBuckets
    import_objects: ImportObjects
    transit: Transit
    queues: Queues
    submits: ObjectSubmits
    settings: AdminSettings
    new_uuid: Callable[[], str]
    random_bytes: Callable[[int], bytes]
    call: Call = Call()


def seconds(milliseconds: int | None) -> float | None:
    """Return a date in the API's form: seconds since the epoch, with a fraction (contracts 7.1)."""
    return None if milliseconds is None else milliseconds / 1000


def present(**members: object) -> dict[str, object]:
    """Return the members that have a value; the API leaves out the others and never writes null."""
    return {name: value for name, value in members.items() if value is not None}
