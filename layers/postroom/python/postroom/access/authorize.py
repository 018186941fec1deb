"""Answers the authorizer's events: lets a request in or not, and leaves the record of the attempt before the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postroom.access.authenticate import authenticate
from postroom.contracts import audit_log, authorizer
from postroom.contracts.audit_log import Protocol
from postroom.model.logins import Attempt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.contracts.audit_log import AuditRecord
    from postroom.contracts.authorizer import Asked
    from postroom.model.directory import OrganizationRef
    from postroom.model.logins import Outcome
    from postroom.ports.audit_trail import AuditTrail
    from postroom.ports.directory import Accounts
    from postroom.ports.passwords import Passwords


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to an authorizer's event, with fields for the function's log: no names, no passwords.

    Attributes:
        response: for API Gateway.
        organization_id: empty if the attempt names no organization.
        reason: why the attempt failed; empty if it did not.
    """

    response: dict[str, Any]
    organization_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Authorize:
    """What every attempt needs."""

    accounts: Accounts
    passwords: Passwords
    trail: AuditTrail

    def answer(self, event: Mapping[str, Any], now_ms: int) -> Answered:
        """Answer one event. An attempt that names no organization leaves no record: it would belong to none.

        Raises:
            StoreUnavailableError: the directory did not answer, or the record may not be kept; API Gateway answers 500.
        """
        asked = authorizer.read(event)
        protocol = _protocol(asked.path)
        outcome = authenticate(
            Attempt(asked.authorization, protocol.value, asked.source_ip, now_ms), self.accounts, self.passwords
        )
        organization = outcome.organization
        if organization:
            self.trail.record([_record(asked, protocol, outcome, organization, now_ms)])
        return Answered(
            authorizer.answer(event, outcome.caller),
            organization.id if organization else "",
            outcome.reason.value if outcome.reason else "" if outcome.caller else "NO_CREDENTIALS",
        )


def _protocol(path: str) -> Protocol:
    """Return the protocol of a path; all paths but those of AutoDiscover are those of EWS, or do not exist."""
    return Protocol.AUTODISCOVER if "autodiscover" in path else Protocol.EWS


def _record(
    asked: Asked, protocol: Protocol, outcome: Outcome, organization: OrganizationRef, now_ms: int
) -> AuditRecord:
    request = audit_log.Request(
        id=asked.request_id,
        organization_id=organization.id,
        organization_arn=organization.arn,
        at_ms=now_ms,
        protocol=protocol,
        source_ip=asked.source_ip,
        user_agent=asked.user_agent,
        user_id=outcome.user_id,
        unique_id=asked.unique_id,
    )
    return audit_log.authentication(
        request,
        user=outcome.user,
        method=outcome.method,
        failed_reason=outcome.reason.value if outcome.reason else "",
        personal_access_token_id=outcome.personal_access_token_id,
    )
