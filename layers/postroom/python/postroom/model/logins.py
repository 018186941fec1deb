"""Attempts to authenticate, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postroom.model.callers import Caller
    from postroom.model.directory import OrganizationRef


class Method(StrEnum):
    """How a caller authenticates. WorkMail's log has ``basic`` alone (guide, ZH:1707); ``bearer`` is ours."""

    BASIC = "basic"
    BEARER = "bearer"


class FailedReason(StrEnum):
    """Why an attempt failed: ``auth_failed_reason`` of its record. Ours; WorkMail's texts are not public.

    The caller learns none of them: each is the same 401, after as many password hashes. Reasons of Bearer tokens are
    those of ``access/impersonation.py``.
    """

    ORGANIZATION_NOT_ACTIVE = "ORGANIZATION_NOT_ACTIVE"
    UNKNOWN_USER = "UNKNOWN_USER"
    USER_NOT_ENABLED = "USER_NOT_ENABLED"
    REMOTE_USER = "REMOTE_USER"
    WRONG_PASSWORD = "WRONG_PASSWORD"  # noqa: S105 - a reason
    PASSWORDS_NOT_ALLOWED = "PASSWORDS_NOT_ALLOWED"
    """The organization takes no passwords of the directory."""
    TOO_MANY_FAILURES = "TOO_MANY_FAILURES"
    """The password was not compared: the user's attempts from this address have to wait (``access/guesses.py``)."""
    UNKNOWN_TOKEN = "UNKNOWN_TOKEN"  # noqa: S105 - a reason
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105 - a reason
    TOKENS_NOT_ALLOWED = "TOKENS_NOT_ALLOWED"
    """The organization takes no personal access tokens."""
    USER_NOT_ASSOCIATED = "USER_NOT_ASSOCIATED"
    """The token's user is not associated with a user of IAM Identity Center."""
    OUT_OF_SCOPE = "OUT_OF_SCOPE"
    """The token was not made for this protocol."""


@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """A request with an Authorization header. It has no representation, so that no log has the header.

    Attributes:
        authorization: the header's value; empty if there is none.
        protocol: the name that audit records give the protocol.
        source_ip: the client's address; empty if it is not known.
    """

    authorization: str
    protocol: str
    source_ip: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt: a caller, or the reason why there is none.

    Attributes:
        organization: None if the header names none; such an attempt leaves no record.
        user: the user name as it was sent, or an impersonation role's name.
        user_id: the user that has the name, or the role; empty if there is none.
        personal_access_token_id: of the token that was sent, if it is the user's, whether it is good or not.
        reason: a member of ``FailedReason`` or ``access.impersonation.TokenRefusal``; None if there is a caller.
    """

    organization: OrganizationRef | None = None
    user: str = ""
    user_id: str = ""
    method: Method = Method.BASIC
    personal_access_token_id: str = ""
    caller: Caller | None = None
    reason: StrEnum | None = None
