"""Personal access tokens: what mail clients send in place of a password.

A token is ``pat-<id>-<secret>``, with 32 random bytes in Base64 (URL-safe). It has more characters than a password may
have, so no password is taken for a token, and a token is never compared as a password. Its form is ours.

It cannot be guessed, so failures are not counted, and a caller that has to wait with passwords may still use it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.errors import ConflictError
from postroom.model.identity import PersonalAccessToken, TokenStatus, is_over
from postroom.model.limits import HOUR_MS
from postroom.model.logins import FailedReason
from postroom.model.records import Replace

if TYPE_CHECKING:
    from postroom.model.identity import IdentityProvider
    from postroom.model.records import Entity
    from postroom.ports.directory import Accounts

SECRET_BYTES: Final = 32

LAST_USED_STEP_MS: Final = HOUR_MS
"""Shortest time between two writes of a token's DateLastUsed, in milliseconds. Ours: not each request writes it."""

ALWAYS_IN_SCOPE: Final = "AutoDiscover"
"""Protocol that every token may use: it tells a client where the others are. Ours."""

_FORM: Final = re.compile(r"pat-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[A-Za-z0-9_-]{43}")


def text_of(token_id: str, secret: bytes) -> str:
    """Return a token's text.

    Args:
        token_id: a UUID.
        secret: ``SECRET_BYTES`` random bytes.
    """
    return f"pat-{token_id}-{base64.urlsafe_b64encode(secret).rstrip(b'=').decode()}"


def id_in(password: str) -> str | None:
    """Return the id in a token's text; None for any other password."""
    found = _FORM.fullmatch(password)
    return found[1] if found else None


def digest_of(text: str) -> bytes:
    """Return the SHA-256 of a token's text, which is what is stored."""
    return hashlib.sha256(text.encode()).digest()


def find(accounts: Accounts, organization_id: str, text: str) -> PersonalAccessToken | None:
    """Return the token whose text this is, in one keyed read; None if there is none.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    found = accounts.owned(PersonalAccessToken, organization_id, id_in(text) or "")
    return found if found and hmac.compare_digest(found.digest, digest_of(text)) else None


def refusal(
    token: PersonalAccessToken | None, user: Entity, provider: IdentityProvider | None, protocol: str, now_ms: int
) -> FailedReason | None:
    """Return why a token does not let a user in; None if it does.

    A token works while tokens are active, and for users that are associated with a user of IAM Identity Center. It ends
    with the registration of its user, also if the user is registered again. Source: guide, ZH:6385-6412; ours: the end.
    """
    if provider is None or provider.token_status is not TokenStatus.ACTIVE:
        return FailedReason.TOKENS_NOT_ALLOWED
    if token is None or token.user_id != user.id or token.created < (user.enabled or 0):
        return FailedReason.UNKNOWN_TOKEN
    if is_over(token, now_ms):
        return FailedReason.TOKEN_EXPIRED
    if not user.attributes.get("IdentityProviderUserId"):
        return FailedReason.USER_NOT_ASSOCIATED
    if token.scopes and protocol not in {*token.scopes, ALWAYS_IN_SCOPE}:
        return FailedReason.OUT_OF_SCOPE
    return None


def note_use(accounts: Accounts, token: PersonalAccessToken, now_ms: int) -> None:
    """Write when a token was used, unless that was written within ``LAST_USED_STEP_MS``.

    A token that is changed or deleted meanwhile stays as it is.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    if token.last_used is None or token.last_used + LAST_USED_STEP_MS <= now_ms:
        with contextlib.suppress(ConflictError):
            accounts.commit([Replace(replace(token, last_used=now_ms))])
