"""What operations may ask of the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.ports.directory import Directory
    from postroom.ports.domain_services import DomainServices
    from postroom.ports.gateway_passwords import GatewayPasswords
    from postroom.ports.log_targets import LogTargets
    from postroom.ports.mailbox_keys import MailboxKeys
    from postroom.ports.mailboxes import Mailboxes
    from postroom.ports.organization_keys import OrganizationKeys
    from postroom.ports.passwords import Passwords
    from postroom.ports.rule_functions import FunctionPolicies
    from postroom.ports.rule_sets import RuleSets


@dataclass(frozen=True, slots=True)
class AdminSettings:
    """This deployment.

    Attributes:
        stack_key_arn: the KMS key of organizations that choose none.
        test_domain_suffix: test domains are ``<alias>.<suffix>``; lower-case.
        record_events_role_arn: who writes event logs, and must be trusted by a customer's role.
        first_organization_id: the id of the first organization; random as all others where it is absent.
    """

    partition: str
    region: str
    account: str
    stack_key_arn: str
    test_domain_suffix: str
    record_events_role_arn: str
    first_organization_id: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Ports and settings of the admin API. ``new_uuid`` gives a fresh lower-case UUID in its usual form."""

    directory: Directory
    mailboxes: Mailboxes
    mailbox_keys: MailboxKeys
    domain_services: DomainServices
    organization_keys: OrganizationKeys
    log_targets: LogTargets
    passwords: Passwords
    rule_sets: RuleSets
    function_policies: FunctionPolicies
    gateway_passwords: GatewayPasswords
    settings: AdminSettings
    new_uuid: Callable[[], str]


def seconds(milliseconds: int | None) -> float | None:
    """Return a date as the API writes it: epoch seconds with a fraction (contracts 7.1)."""
    return None if milliseconds is None else milliseconds / 1000


def known(**members: object) -> dict[str, object]:
    """Return those members that have a value; the API leaves absent ones out rather than writing null."""
    return {name: value for name, value in members.items() if value is not None}
