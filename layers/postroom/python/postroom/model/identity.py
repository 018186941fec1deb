"""How users of an organization authenticate: the identity provider's settings, and personal access tokens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from postroom.model.owned import Owned


class AuthenticationMode(StrEnum):
    """Which credentials are accepted. Source: botocore's model; guide, ZH:6355."""

    ONLY = "IDENTITY_PROVIDER_ONLY"
    AND_DIRECTORY = "IDENTITY_PROVIDER_AND_DIRECTORY"


class TokenStatus(StrEnum):
    """Whether personal access tokens may be made and used. Source: as above, ZH:6393."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


ACCOUNT: Final = "ACCOUNT"
"""In place of an organization's id, for records that belong to no organization."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityCenterApplication(Owned):
    """An application of the account, made by the API; ``organization_id`` is ``ACCOUNT``."""

    family: ClassVar[str] = "IDENTITY_CENTER_APPLICATION"
    arn: str
    name: str
    instance_arn: str

    @property
    def key(self) -> str:
        """Its ARN."""
        return self.arn


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider(Owned):
    """An organization's identity-provider configuration; there is at most one.

    Attributes:
        lifetime_days: of tokens that are created from now on; None: they never expire (guide, ZH:6401).
    """

    family: ClassVar[str] = "IDENTITY_PROVIDER"
    mode: AuthenticationMode
    instance_arn: str
    application_arn: str
    token_status: TokenStatus
    lifetime_days: int | None = None

    @property
    def key(self) -> str:
        """The same text in every organization."""
        return IDENTITY_PROVIDER_KEY


IDENTITY_PROVIDER_KEY: Final = "configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalAccessToken(Owned):
    """A token that its owner's mail clients send as a password. The token itself is shown once and not stored.

    Dates are milliseconds since the epoch.

    Attributes:
        digest: SHA-256 of the token's text: it has 256 random bits, so that a slow hash would add nothing.
        scopes: protocols for which it is good; empty: all of them.
        expires_ms: None: never.
        last_used: when it was used, to the hour (``access/tokens.py``); None: never.
    """

    family: ClassVar[str] = "PERSONAL_ACCESS_TOKEN"
    id: str
    user_id: str
    name: str
    digest: bytes
    created: int
    scopes: tuple[str, ...] = ()
    expires_ms: int | None = None
    last_used: int | None = None

    @property
    def key(self) -> str:
        """Its id."""
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOfUser(Owned):
    """The list entry of a token under its owner."""

    family: ClassVar[str] = "TOKEN_OF_USER"
    user_id: str
    token_id: str

    @property
    def key(self) -> str:
        """User and token; a user's entries begin with ``<user id>#``."""
        return f"{self.user_id}#{self.token_id}"


def is_over(token: PersonalAccessToken, now_ms: int) -> bool:
    """Say whether a token has expired."""
    return token.expires_ms is not None and token.expires_ms <= now_ms
