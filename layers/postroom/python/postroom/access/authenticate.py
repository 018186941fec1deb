"""Finds the user or impersonation role that sends a request, by its Authorization header, or by SASL's credentials.

HTTP Basic has the password of a user, or a personal access token in its place; Bearer an impersonation role's token.
Protocols without HTTP hand over credentials.

Every attempt with a password costs the same number of password hashes, whether the user exists, may log in, has to
wait, or has another password. What has the form of a token is compared as a token alone, whatever the user name. Names
of an active organization cost the same number of reads.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from postroom.access import tokens
from postroom.access.accounts import find
from postroom.access.guesses import Guesses, Pair, pair_of
from postroom.access.impersonation import check_token
from postroom.contracts import http_basic, http_bearer
from postroom.model.callers import Caller
from postroom.model.identity import IDENTITY_PROVIDER_KEY, AuthenticationMode, IdentityProvider
from postroom.model.logins import FailedReason, Method, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.access.accounts import Account
    from postroom.contracts.http_basic import Credentials
    from postroom.model.directory import OrganizationRef
    from postroom.model.identity import PersonalAccessToken
    from postroom.model.logins import Attempt
    from postroom.ports.directory import Accounts
    from postroom.ports.passwords import Passwords


def authenticate(attempt: Attempt, accounts: Accounts, passwords: Passwords) -> Outcome:
    """Return the caller of a request, or why there is none.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    token = http_bearer.token(attempt.authorization)
    if token is not None:
        return _bearer(token, attempt, accounts)
    return check(http_basic.readings(attempt.authorization), attempt, accounts, passwords)


def check(readings: Iterable[Credentials], attempt: Attempt, accounts: Accounts, passwords: Passwords) -> Outcome:
    """Return the user that credentials are of, or why there is none.

    Bytes may have two readings; the first with a caller counts, else the first that names a user, or at least an
    organization.

    Args:
        readings: what the client's bytes may mean; together they are one attempt.
        attempt: its header is not read.
        accounts: of all organizations.
        passwords: compares them.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    checks = _Checks(attempt, accounts, passwords)
    outcomes = []
    for credentials in readings:
        outcomes.append(checks.outcome(credentials))
        if outcomes[-1].caller:
            return outcomes[-1]
    return max(outcomes, key=lambda each: (bool(each.user_id), each.organization is not None), default=Outcome())


def _bearer(token: str, attempt: Attempt, accounts: Accounts) -> Outcome:
    """Return the outcome of an impersonation token. Its caller is a role; the request says which user it acts as.

    The record of the attempt has the role in place of a user (ours): its id, and its name unless it is deleted.
    """
    checked = check_token(token, accounts, attempt.at_ms)
    organization, role = checked.organization, checked.role
    name = role.name if role else ""
    known = Outcome(organization, name, checked.role_id, Method.BEARER, reason=checked.refusal)
    if organization is None or role is None or checked.refusal:
        return known
    return replace(known, caller=Caller(organization.id, "", "", "", impersonation_role_id=role.id))


@dataclass(frozen=True, slots=True)
class _Checks:
    """Checks the readings of one attempt; together they count as one failure."""

    attempt: Attempt
    accounts: Accounts
    passwords: Passwords
    guesses: dict[Pair, Guesses] = field(default_factory=dict)

    def outcome(self, credentials: Credentials) -> Outcome:
        account = find(credentials.user_name, self.accounts)
        if tokens.id_in(credentials.password):
            return self._with_token(account, credentials)
        return _outcome(account, credentials, self._password_refusal(account, credentials))

    def _password_refusal(self, account: Account, credentials: Credentials) -> FailedReason | None:
        organization = account.organization
        if organization is None or not organization.active:
            self._is_right(credentials, None)
            return account.refusal
        provider = self._provider(organization)
        if provider and provider.mode is AuthenticationMode.ONLY:
            self._is_right(credentials, None)
            return FailedReason.PASSWORDS_NOT_ALLOWED
        user_id = account.user.id if account.user else ""
        stored = self.accounts.password(organization.id, user_id)
        guesses = self._guesses_of(pair_of(organization.id, user_id, credentials.user_name, self.attempt.source_ip))
        if not guesses.may_try:
            self._is_right(credentials, None)
            return FailedReason.TOO_MANY_FAILURES
        if self._is_right(credentials, stored.hash if stored and not account.refusal else None):
            guesses.succeeded()
            return None
        guesses.failed()
        return account.refusal or FailedReason.WRONG_PASSWORD

    def _with_token(self, account: Account, credentials: Credentials) -> Outcome:
        organization, user = account.organization, account.user
        if organization is None:
            return _outcome(account, credentials, account.refusal)
        token = tokens.find(self.accounts, organization.id, credentials.password)
        provider, now_ms = self._provider(organization), self.attempt.at_ms
        if user is None or account.refusal:
            return _outcome(account, credentials, account.refusal)
        own = token if token and token.user_id == user.id else None
        reason = tokens.refusal(own, user, provider, self.attempt.protocol, now_ms)
        if own and not reason:
            tokens.note_use(self.accounts, own, now_ms)
        return _outcome(account, credentials, reason, own)

    def _provider(self, organization: OrganizationRef) -> IdentityProvider | None:
        return self.accounts.owned(IdentityProvider, organization.id, IDENTITY_PROVIDER_KEY)

    def _guesses_of(self, pair: Pair) -> Guesses:
        if pair not in self.guesses:
            self.guesses[pair] = Guesses.read(self.accounts, pair, self.attempt.at_ms)
        return self.guesses[pair]

    def _is_right(self, credentials: Credentials, hashed: str | None) -> bool:
        """Compare a password, also where there is no hash: it takes the same time.

        The policy's characters have one form each in NFC, whichever form a client sends. Source: RFC 8265, 4.2.
        """
        return self.passwords.matches(unicodedata.normalize("NFC", credentials.password), hashed)


def _outcome(
    account: Account,
    credentials: Credentials,
    reason: FailedReason | None,
    token: PersonalAccessToken | None = None,
) -> Outcome:
    organization, user = account.organization, account.user
    caller = None
    if organization and user and user.email and not reason:
        caller = Caller(
            organization.id,
            user.id,
            user.email,
            user.name,
            personal_access_token_id=token.id if token else "",
            scopes=token.scopes if token else (),
        )
    return Outcome(
        organization=organization,
        user=credentials.user_name,
        user_id=user.id if user else "",
        personal_access_token_id=token.id if token else "",
        caller=caller,
        reason=reason,
    )
