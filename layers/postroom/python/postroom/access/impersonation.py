"""Finds the impersonation role of a Bearer token."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from postroom.model.impersonation import ImpersonationRole, ImpersonationToken, token_key, token_parts
from postroom.model.records import OrganizationState

if TYPE_CHECKING:
    from postroom.model.directory import OrganizationRef
    from postroom.ports.directory import ImpersonationRoles


class TokenRefusal(StrEnum):
    """Why a token is refused, as audit records say it. Ours."""

    MALFORMED = "MALFORMED_TOKEN"
    UNKNOWN = "UNKNOWN_TOKEN"
    EXPIRED = "TOKEN_EXPIRED"
    NO_ROLE = "ROLE_DELETED"


@dataclass(frozen=True, slots=True)
class CheckedToken:
    """What a token turned out to be.

    Attributes:
        organization: the active organization of which the token says it is; None if there is none.
        role_id: the role for which it was made, even if it has expired or the role is gone; empty if it was never made.
        role: the role, as far as it exists; a request is authenticated only if ``refusal`` is None.
        refusal: why the token is refused; None if it is right.
    """

    organization: OrganizationRef | None = None
    role_id: str = ""
    role: ImpersonationRole | None = None
    refusal: TokenRefusal | None = None


def check_token(token: str, directory: ImpersonationRoles, now_ms: int) -> CheckedToken:
    """Return the role of a token, or why it is refused.

    At most three keyed reads. The role is read each time, so a token ends with its role.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    parts = token_parts(token)
    organization = directory.organization(parts.organization_id) if parts else None
    if parts is None or organization is None or organization.state is not OrganizationState.ACTIVE:
        return CheckedToken(refusal=TokenRefusal.UNKNOWN if parts else TokenRefusal.MALFORMED)
    row = directory.owned(ImpersonationToken, organization.id, token_key(parts.role_id, parts.id))
    role = directory.owned(ImpersonationRole, organization.id, parts.role_id)
    if row is None or not row.is_of(token):
        return CheckedToken(organization.ref, refusal=TokenRefusal.UNKNOWN)
    refusal = None if role else TokenRefusal.NO_ROLE
    if not row.is_current(now_ms / 1000):
        refusal = TokenRefusal.EXPIRED
    return CheckedToken(organization.ref, parts.role_id, role, refusal)
