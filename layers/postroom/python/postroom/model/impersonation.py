"""Impersonation roles: programs act as a user with a token of a role instead of the user's password.

A token is organization id, role id and 64 random characters with dots between them; the first 20 of these name its row,
which has the token's SHA-256. Source: guide, "Managing impersonation roles" (ZH:6953-7000) and "Using impersonation
roles" (ZH:7078-7106). The form is ours: EWS Managed API's OAuthCredentials take only tokens with two dots.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from postroom.model.access_effect import AccessEffect
from postroom.model.owned import Owned

TOKEN_SECONDS: Final = 900
"""How long a token is valid. Source: guide, 15 minutes (ZH:7080)."""

CLOCK_SKEW_SECONDS: Final = 10
"""Most that the clocks of the functions that make and check tokens may differ: a token is valid this much longer, and
one that was made further in the future is refused. Ours."""

RANDOM_BYTES: Final = 48
"""Random bytes of a token: 15 name its row, the rest is its secret. Ours."""

_NAME_CHARACTERS: Final = 20

_TOKEN: Final = re.compile(r"([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{64})")


class RoleType(StrEnum):
    """Source: model, ImpersonationRoleType."""

    FULL_ACCESS = "FULL_ACCESS"
    READ_ONLY = "READ_ONLY"


@dataclass(frozen=True, slots=True)
class ImpersonationRule:
    """A rule of a role.

    Attributes:
        id: unique in the role.
        targets: ids of the users that the rule matches; empty for all.
        not_targets: ids of users that it does not match. A rule with both lists needs both conditions (ours).
    """

    id: str
    effect: AccessEffect
    name: str | None = None
    description: str | None = None
    targets: tuple[str, ...] = ()
    not_targets: tuple[str, ...] = ()

    def matches(self, user_id: str) -> bool:
        """Say whether the rule matches a request to impersonate a user."""
        return (not self.targets or user_id in self.targets) and user_id not in self.not_targets


@dataclass(frozen=True, slots=True)
class RoleEffect:
    """What the rules of a role decide about a user; ``matched`` has the rules of that effect, in the role's order."""

    effect: AccessEffect
    matched: tuple[ImpersonationRule, ...]

    @property
    def allowed(self) -> bool:
        """Whether the user may be impersonated."""
        return self.effect is AccessEffect.ALLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpersonationRole(Owned):
    """A role. Dates are milliseconds since the epoch."""

    family: ClassVar[str] = "IMPERSONATION_ROLE"
    id: str
    name: str
    type: RoleType
    created: int
    modified: int
    description: str | None = None
    rules: tuple[ImpersonationRule, ...] = ()

    @property
    def key(self) -> str:
        """Its id."""
        return self.id

    def effect(self, user_id: str) -> RoleEffect:
        """Decide whether the role may impersonate a user.

        DENY wins over ALLOW; a user that no rule matches is denied. Source: guide, ZH:6960-6968.
        """
        matched = [rule for rule in self.rules if rule.matches(user_id)]
        denied = tuple(rule for rule in matched if rule.effect is AccessEffect.DENY)
        if denied or not matched:
            return RoleEffect(AccessEffect.DENY, denied)
        return RoleEffect(AccessEffect.ALLOW, tuple(matched))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpersonationToken(Owned):
    """The row of a token; the token itself is not stored.

    Attributes:
        id: names the row; part of the token.
        digest: SHA-256 of the token.
        issued: in seconds since the epoch.
        expires: in seconds since the epoch; some time later the row is deleted.
    """

    family: ClassVar[str] = "IMPERSONATION_TOKEN"
    role_id: str
    id: str
    digest: bytes
    issued: int
    expires: int

    @property
    def key(self) -> str:
        """Its role and its id."""
        return token_key(self.role_id, self.id)

    def is_current(self, now_s: float) -> bool:
        """Say whether the token is valid at a time, as far as two clocks may differ."""
        return self.issued - CLOCK_SKEW_SECONDS <= now_s < self.expires + CLOCK_SKEW_SECONDS

    def is_of(self, token: str) -> bool:
        """Say whether a token is the one of this row; takes the same time for every token."""
        return hmac.compare_digest(self.digest, _digest(token))


@dataclass(frozen=True, slots=True)
class TokenParts:
    """What a token says of itself; it proves nothing."""

    organization_id: str
    role_id: str
    id: str


def token_key(role_id: str, token_id: str) -> str:
    """Return the key of a token's row."""
    return f"{role_id}#{token_id}"


def new_token(
    organization_id: str, role_id: str, random: bytes, *, now_s: int, seconds: int
) -> tuple[str, ImpersonationToken]:
    """Return a new token and its row.

    Args:
        organization_id: of the role.
        role_id: id of the role.
        random: ``RANDOM_BYTES`` bytes.
        now_s: seconds since the epoch.
        seconds: how long the token is valid.
    """
    text = base64.urlsafe_b64encode(random).decode()
    token = f"{organization_id}.{role_id}.{text}"
    row = ImpersonationToken(
        organization_id=organization_id,
        role_id=role_id,
        id=text[:_NAME_CHARACTERS],
        digest=_digest(token),
        issued=now_s,
        expires=now_s + seconds,
    )
    return token, row


def token_parts(token: str) -> TokenParts | None:
    """Return the parts of a token; None if it has not the form of one."""
    found = _TOKEN.fullmatch(token)
    return TokenParts(found[1], found[2], found[3][:_NAME_CHARACTERS]) if found else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
