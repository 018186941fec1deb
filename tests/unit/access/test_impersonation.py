"""Tokens of impersonation roles: what is refused, and why. What the rules of a role say."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.access.impersonation import CheckedToken, TokenRefusal, check_token
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.contracts import http_bearer
from postroom.model.access_effect import AccessEffect
from postroom.model.impersonation import (
    CLOCK_SKEW_SECONDS,
    RANDOM_BYTES,
    TOKEN_SECONDS,
    ImpersonationRole,
    ImpersonationRule,
    ImpersonationToken,
    RoleType,
    TokenParts,
    new_token,
    token_parts,
)
from postroom.model.records import Insert, OrganizationState, Remove, Replace
from tests.support.directory_records import organization

NOW = 1_800_000_000
ROLE = "12345678-1234-4234-8234-123456789012"
RANDOM = bytes(range(RANDOM_BYTES))
USERS = ("ann", "bob", "eve")
OAUTH_CREDENTIALS = re.compile(r"[A-Za-z0-9-_]+\.[A-Za-z0-9-_]+\.[A-Za-z0-9-_]*")
"""What EWS Managed API's OAuthCredentials, and ews-javascript-api's, take. Source: their constructors."""


def role(*rules: ImpersonationRule, organization_id: str = "m-1", id: str = ROLE) -> ImpersonationRole:  # noqa: A002
    return ImpersonationRole(
        organization_id=organization_id,
        id=id,
        name="Sync",
        type=RoleType.READ_ONLY,
        created=1,
        modified=1,
        rules=rules,
    )


class Tokens:
    """Two organizations with a role of the same id; the first has a token."""

    def __init__(self) -> None:
        acme = organization("m-1", alias="acme")
        self.organization = acme.ref
        self.directory = MemoryDirectory()
        self.token, row = self.issue()
        self.directory.commit(
            [
                Insert(acme),
                Insert(organization("m-2", alias="other")),
                Insert(role()),
                Insert(role(organization_id="m-2")),
                Insert(row),
            ]
        )

    @staticmethod
    def issue(organization_id: str = "m-1", random: bytes = RANDOM, now_s: int = NOW) -> tuple[str, ImpersonationToken]:
        return new_token(organization_id, ROLE, random, now_s=now_s, seconds=TOKEN_SECONDS)

    def checked(self, token: str | None = None, *, at: float = NOW) -> CheckedToken:
        return check_token(self.token if token is None else token, self.directory, int(at * 1000))


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


def test_a_token_is_of_its_role_and_organization(tokens: Tokens) -> None:
    assert tokens.checked() == CheckedToken(tokens.organization, ROLE, role(), None)


@pytest.mark.parametrize(
    ("at", "refusal"),
    [
        (0, None),
        (TOKEN_SECONDS - 1, None),
        (TOKEN_SECONDS + CLOCK_SKEW_SECONDS - 0.001, None),
        (TOKEN_SECONDS + CLOCK_SKEW_SECONDS, TokenRefusal.EXPIRED),
        (10 * TOKEN_SECONDS, TokenRefusal.EXPIRED),
        (-CLOCK_SKEW_SECONDS, None),
        (-CLOCK_SKEW_SECONDS - 0.001, TokenRefusal.EXPIRED),
    ],
)
def test_clocks_may_differ_by_some_seconds_and_no_more(tokens: Tokens, at: float, refusal: TokenRefusal | None) -> None:
    assert tokens.checked(at=NOW + at).refusal is refusal


def test_a_token_whose_secret_differs_is_unknown_though_its_row_exists(tokens: Tokens) -> None:
    for place in (16, RANDOM_BYTES - 1):
        changed = bytearray(RANDOM)
        changed[place] ^= 1
        token, row = Tokens.issue(random=bytes(changed))
        assert tokens.directory.owned(ImpersonationToken, "m-1", row.key) is not None
        assert tokens.checked(token) == CheckedToken(tokens.organization, refusal=TokenRefusal.UNKNOWN)


def test_a_token_of_another_organization_is_no_token_of_this_one(tokens: Tokens) -> None:
    token, row = Tokens.issue("m-2")
    assert token_parts(token) == TokenParts("m-2", ROLE, row.id)
    assert tokens.checked(token).refusal is TokenRefusal.UNKNOWN


@pytest.mark.parametrize("state", [state for state in OrganizationState if state is not OrganizationState.ACTIVE])
def test_an_organization_that_is_not_active_has_no_tokens(tokens: Tokens, state: OrganizationState) -> None:
    stored = tokens.directory.organization("m-1")
    assert stored is not None
    tokens.directory.commit([Replace(replace(stored, state=state))])
    assert tokens.checked() == CheckedToken(refusal=TokenRefusal.UNKNOWN)


def test_a_token_ends_with_its_role(tokens: Tokens) -> None:
    tokens.directory.commit([Remove(role())])
    assert tokens.checked() == CheckedToken(tokens.organization, ROLE, None, TokenRefusal.NO_ROLE)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a" * 300,
        f"m-1.{ROLE}",
        f"m-1.{ROLE}." + "a" * 63,
        f"m-1.{ROLE}." + "a" * 65,
        f"m-1.{ROLE}." + "a" * 63 + "=",
        f"m-1.{ROLE}." + "a" * 64 + "\n",
        f"m-1.{ROLE}.x." + "a" * 64,
        f".{ROLE}." + "a" * 64,
        "m-1.." + "a" * 64,
        "m-1." + "r" * 65 + "." + "a" * 64,
        "m-1.r#1." + "a" * 64,
        "m-\u0661.r." + "a" * 64,
    ],
)
def test_what_has_not_the_form_of_a_token_is_refused_without_a_read(token: str) -> None:
    class Unread:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    assert check_token(token, Unread(), NOW * 1000) == CheckedToken(refusal=TokenRefusal.MALFORMED)


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading(text: str) -> None:
    parts = token_parts(text)
    assert parts is None or parts.organization_id


@given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
def test_every_token_is_read_back_and_is_short_enough(random: bytes) -> None:
    token, row = new_token(f"m-{0:032x}", ROLE, random, now_s=NOW, seconds=TOKEN_SECONDS)
    assert re.fullmatch(r"[\x21-\x7e]{1,256}", token)
    assert OAUTH_CREDENTIALS.fullmatch(token)
    parts = token_parts(token)
    assert parts is not None
    assert (parts.organization_id, parts.role_id, parts.id) == (row.organization_id, row.role_id, row.id)
    assert row.is_of(token)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bEARER  abc ", "abc"),
        ("Bearer", ""),
        ("Basic abc", None),
        ("", None),
        ("Bearerabc", None),
    ],
)
def test_bearer_headers(header: str, token: str | None) -> None:
    assert http_bearer.token(header) == token


class TestEffect:
    CONDITIONS = tuple(itertools.product([(), ("ann",), ("ann", "bob")], [(), ("ann",), ("eve",)]))
    """Targets and excluded users."""

    @pytest.mark.parametrize(("targets", "not_targets"), CONDITIONS)
    @pytest.mark.parametrize("user", USERS)
    def test_a_rule_matches_if_both_conditions_hold(
        self, targets: tuple[str, ...], not_targets: tuple[str, ...], user: str
    ) -> None:
        rule = ImpersonationRule("r", AccessEffect.ALLOW, targets=targets, not_targets=not_targets)
        expected = (targets == () or user in targets) and user not in not_targets
        found = role(rule).effect(user)
        assert (found.allowed, found.matched) == (expected, (rule,) if expected else ())

    @given(
        st.lists(
            st.builds(
                ImpersonationRule,
                id=st.uuids().map(str),
                effect=st.sampled_from(AccessEffect),
                targets=st.lists(st.sampled_from(USERS), unique=True).map(tuple),
                not_targets=st.lists(st.sampled_from(USERS), unique=True).map(tuple),
            ),
            max_size=10,
        ),
        st.sampled_from(USERS),
        st.integers(0, 9),
    )
    def test_a_deny_never_grants_and_its_removal_never_denies(
        self, rules: list[ImpersonationRule], user: str, at: int
    ) -> None:
        whole = role(*rules).effect(user)
        matching = [rule for rule in rules if rule.matches(user)]
        assert whole.allowed is (bool(matching) and all(rule.effect is AccessEffect.ALLOW for rule in matching))
        assert list(whole.matched) == [rule for rule in matching if rule.effect is whole.effect]
        with_deny = [*rules[:at], ImpersonationRule("deny", AccessEffect.DENY, targets=(user,)), *rules[at:]]
        assert not role(*with_deny).effect(user).allowed
        without = [rule for rule in rules if rule.effect is AccessEffect.ALLOW]
        assert role(*without).effect(user).allowed or not whole.allowed
