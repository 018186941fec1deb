"""Personal access tokens in place of passwords, and the modes of an identity provider."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import pytest

from postroom.access import tokens
from postroom.admin.passwords import MAX_CHARACTERS
from postroom.model.directory import EntityState
from postroom.model.identity import AuthenticationMode, TokenStatus
from postroom.model.logins import FailedReason
from postroom.model.records import Remove
from tests.support.logins import ADA, NOW_MS, TOKEN_ID, Logins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.records import Change

ONLY, BOTH = AuthenticationMode.ONLY, AuthenticationMode.AND_DIRECTORY
WITH_TOKEN = dataclasses.replace(ADA, personal_access_token_id=TOKEN_ID)


@pytest.fixture
def logins() -> Logins:
    made = Logins()
    made.configure(BOTH)
    return made


@pytest.mark.parametrize(
    ("mode", "status", "is_associated"),
    [*itertools.product([None, ONLY, BOTH], TokenStatus, [False, True])],
)
def test_the_truth_table_of_modes(
    logins: Logins, mode: AuthenticationMode | None, status: TokenStatus, *, is_associated: bool
) -> None:
    """Passwords are right without a provider, or with both; tokens while they are active, for associated users."""
    token = logins.token()
    logins.configure(mode, status)
    if not is_associated:
        logins.change_ada(attributes={})
    assert logins.asked().reason == (FailedReason.PASSWORDS_NOT_ALLOWED if mode is ONLY else None)
    expected = None if is_associated else FailedReason.USER_NOT_ASSOCIATED
    if mode is None or status is TokenStatus.INACTIVE:
        expected = FailedReason.TOKENS_NOT_ALLOWED
    outcome = logins.asked(password=token)
    assert (outcome.reason, outcome.personal_access_token_id) == (expected, TOKEN_ID)
    assert outcome.caller == (None if expected else WITH_TOKEN)


@pytest.mark.parametrize("name", ["ada@acme.example", "nobody@acme.example"])
def test_where_no_passwords_are_allowed_none_is_compared_or_counted(logins: Logins, name: str) -> None:
    logins.configure(ONLY)
    for _ in range(9):
        assert logins.asked(name, "wrong").reason is FailedReason.PASSWORDS_NOT_ALLOWED
    assert (logins.failures(), logins.passwords.compared) == ([], 9)


def test_a_token_is_its_owners_alone(logins: Logins) -> None:
    token = logins.token()
    logins.add(logins.person("grace", attributes={"IdentityProviderUserId": "x"}))
    for name, reason in (("grace", FailedReason.UNKNOWN_TOKEN), ("nobody", FailedReason.UNKNOWN_USER)):
        outcome = logins.asked(f"{name}@acme.example", token)
        assert (outcome.reason, outcome.personal_access_token_id) == (reason, "")
    assert logins.asked("ada@other.example", token).organization is None


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_changed_token_is_unknown(logins: Logins, place: int) -> None:
    token = logins.token()
    changed = token[:place] + ("B" if token[place] != "B" else "C") + token[place:][1:]
    outcome = logins.asked(password=changed)
    assert outcome.caller is None
    assert outcome.personal_access_token_id == ""


def test_a_deleted_token_is_unknown(logins: Logins) -> None:
    token = logins.token()
    logins.directory.commit([Remove(logins.stored_token())])
    assert logins.asked(password=token).reason is FailedReason.UNKNOWN_TOKEN


def test_a_token_ends_when_it_expires_and_without_a_time_never(logins: Logins) -> None:
    for expires, reason in ((NOW_MS, FailedReason.TOKEN_EXPIRED), (NOW_MS + 1, None), (None, None)):
        token = logins.token(expires_ms=expires)
        assert logins.asked(password=token).reason is reason
        logins.directory.commit([Remove(logins.stored_token())])
    token = logins.token()
    logins.now_ms += 10**12
    assert logins.asked(password=token).caller == WITH_TOKEN


def test_a_token_ends_with_the_registration_of_its_user(logins: Logins) -> None:
    token = logins.token()
    logins.change_ada(state=EntityState.DISABLED)
    assert logins.asked(password=token).reason is FailedReason.USER_NOT_ENABLED
    logins.change_ada(state=EntityState.ENABLED, enabled=NOW_MS + 1)
    assert logins.asked(password=token).reason is FailedReason.UNKNOWN_TOKEN


@pytest.mark.parametrize(
    ("scopes", "protocol", "is_allowed"),
    [((), "EWS", True), (("EWS", "IMAP"), "EWS", True), (("IMAP",), "EWS", False), (("IMAP",), "AutoDiscover", True)],
)
def test_a_token_is_good_for_the_protocols_in_its_scopes_and_autodiscover(
    logins: Logins, scopes: tuple[str, ...], protocol: str, *, is_allowed: bool
) -> None:
    outcome = logins.asked(password=logins.token(scopes=scopes), protocol=protocol)
    assert outcome.reason == (None if is_allowed else FailedReason.OUT_OF_SCOPE)
    assert outcome.caller is None or outcome.caller.scopes == scopes


def test_no_password_can_have_the_form_of_a_token_and_no_token_costs_a_hash(logins: Logins) -> None:
    token = logins.token()
    assert len(token) > MAX_CHARACTERS
    assert tokens.id_in(token) == TOKEN_ID
    assert {logins.hashes(name, token) for name in ("ada@acme.example", "nobody@acme.example", "a@b.example")} == {0}


def test_failures_of_passwords_do_not_make_a_token_wait(logins: Logins) -> None:
    token = logins.token()
    for _ in range(7):
        logins.asked(password="wrong")
    assert logins.asked().reason is FailedReason.TOO_MANY_FAILURES
    assert logins.asked(password=token).caller == WITH_TOKEN
    assert logins.asked().reason is FailedReason.TOO_MANY_FAILURES, "a token does not clear failures"


def test_the_last_use_is_written_once_per_hour(logins: Logins) -> None:
    token, versions = logins.token(), []
    for minutes in (0, 1, 59, 60, 61):
        logins.now_ms = NOW_MS + minutes * 60_000
        logins.asked(password=token)
        versions.append((logins.stored_token().version, logins.stored_token().last_used))
    assert versions == [(2, NOW_MS)] * 3 + [(3, NOW_MS + 3_600_000)] * 2


def test_a_refused_token_is_not_used(logins: Logins) -> None:
    logins.asked(password=logins.token(expires_ms=NOW_MS))
    assert logins.stored_token().last_used is None


def test_a_token_that_is_deleted_while_it_is_used_stays_deleted(
    logins: Logins, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, commit = logins.token(), logins.directory.commit

    def late(changes: Sequence[Change]) -> None:
        monkeypatch.setattr(logins.directory, "commit", commit)
        commit([Remove(logins.stored_token())])
        commit(changes)

    monkeypatch.setattr(logins.directory, "commit", late)
    assert logins.asked(password=token).caller == WITH_TOKEN
    assert logins.asked(password=token).reason is FailedReason.UNKNOWN_TOKEN
