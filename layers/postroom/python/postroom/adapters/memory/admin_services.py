"""Services of AWS for the admin API, in memory: domains that verify at once, KMS keys, roles, log groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postroom.errors import RefusedByServiceError
from postroom.ports.domain_services import DomainStatus, DomainTokens, Verification
from postroom.ports.log_targets import RoleFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postroom.ports.organization_keys import KeyFacts


@dataclass(slots=True)
class MemoryDomainServices:
    """Implements ``DomainServices``.

    Attributes:
        routed: domains with a receipt rule.
        unverified: domains whose DNS records are not published yet.
        refuses: SES's reason by domain that it refuses.
    """

    routed: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    unverified: set[str] = field(default_factory=set)
    refuses: dict[str, str] = field(default_factory=dict)

    def identify(self, domain: str) -> DomainTokens:
        self.known.add(domain)
        return DomainTokens(f"token-{domain}", (f"a-{domain}", f"b-{domain}", f"c-{domain}"))

    def status(self, domain: str) -> DomainStatus:
        waiting = domain not in self.known or domain in self.unverified
        verification = Verification.PENDING if waiting else Verification.VERIFIED
        return DomainStatus(ownership=verification, dkim=verification)

    def receipt_rules(self) -> int:
        return 1 if self.routed else 0

    def route(self, domain: str) -> None:
        self._refuse(domain)
        self.routed.add(domain)

    def unroute(self, domain: str, still: Callable[[], bool]) -> None:
        self._refuse(domain)
        if still():
            self.routed.discard(domain)

    def _refuse(self, domain: str) -> None:
        if domain in self.refuses:
            raise RefusedByServiceError(self.refuses[domain])


@dataclass(slots=True)
class MemoryOrganizationKeys:
    """Implements ``OrganizationKeys``. ``keys`` holds the account's keys by key or alias ARN."""

    keys: dict[str, KeyFacts] = field(default_factory=dict)

    def describe(self, key_arn: str) -> KeyFacts | None:
        return self.keys.get(key_arn)


@dataclass(slots=True)
class MemoryLogTargets:
    """Implements ``LogTargets``.

    Attributes:
        roles: trust policies by role ARN.
        tags: tags of roles by role ARN.
        groups: names of log groups.
    """

    roles: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    tags: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def role(self, role_arn: str) -> RoleFacts | None:
        trust = self.roles.get(role_arn)
        return None if trust is None else RoleFacts(role_arn, trust, self.tags.get(role_arn, {}))

    def log_group_exists(self, name: str) -> bool:
        return name in self.groups
