"""Callers of the signed APIs, and patterns that name them."""

from __future__ import annotations

import pytest

from postroom.model.principals import Principal, PrincipalKind, Principals, matches, needs_role_arn

SESSION = "arn:aws:sts::123456789012:assumed-role/restyle/restyle-function"
ROLE = "arn:aws:iam::123456789012:role/rules/restyle"
USER = "arn:aws:iam::123456789012:user/mail/ann"
ROOT = "arn:aws:iam::123456789012:root"


@pytest.mark.parametrize(
    ("arn", "kind", "account", "name"),
    [
        (SESSION, PrincipalKind.ROLE, "123456789012", "restyle"),
        (USER, PrincipalKind.USER, "123456789012", "ann"),
        (ROOT, PrincipalKind.ROOT, "123456789012", ""),
        ("arn:aws:sts::123456789012:federated-user/eve", PrincipalKind.OTHER, "123456789012", ""),
        ("arn:aws:sts::123456789012:assumed-role/a/b/c", PrincipalKind.OTHER, "123456789012", ""),
        (ROLE, PrincipalKind.OTHER, "123456789012", ""),
        ("", PrincipalKind.OTHER, "", ""),
        ("ann", PrincipalKind.OTHER, "", ""),
    ],
)
def test_an_arn_says_which_principal_calls(arn: str, kind: PrincipalKind, account: str, name: str) -> None:
    principal = Principal(arn)
    assert (principal.kind, principal.account, principal.name) == (kind, account, name)


@pytest.mark.parametrize(
    ("role", "of"),
    [
        (ROLE, True),
        ("arn:aws:iam::123456789012:role/restyle", True),
        ("arn:aws:iam::999999999999:role/restyle", False),
        ("arn:aws-cn:iam::123456789012:role/restyle", False),
        ("arn:aws:iam::123456789012:role/restyle2", False),
        ("arn:aws:iam::123456789012:user/restyle", False),
        ("restyle", False),
        ("", False),
    ],
)
def test_a_session_belongs_to_the_role_of_its_name_and_account(role: str, of: bool) -> None:
    assert Principal(SESSION).is_session_of(role) is of
    assert not Principal(USER).is_session_of(role)
    assert not Principal().is_session_of(role)


@pytest.mark.parametrize(
    ("pattern", "principal", "expected"),
    [
        (ROLE, Principal(SESSION), True),
        ("arn:aws:iam::123456789012:role/other/restyle", Principal(SESSION), True),  # a role's name is unique
        (SESSION, Principal(SESSION), True),
        ("arn:aws:sts::123456789012:assumed-role/restyle/*", Principal(SESSION), True),
        ("arn:aws:sts::123456789012:assumed-role/restyle/ann", Principal(SESSION), False),
        ("arn:aws:iam::123456789012:role/rules/*", Principal(SESSION), False),
        ("arn:aws:iam::123456789012:role/rest*", Principal(SESSION), False),
        ("arn:aws:iam::123456789012:role/rules/*", Principal(SESSION, ROLE), True),
        ("arn:aws:iam::123456789012:role/rest*", Principal(SESSION, ROLE), False),
        (USER, Principal(USER), True),
        ("arn:aws:iam::123456789012:user/ann", Principal(USER), False),
        ("arn:aws:iam::123456789012:user/mail/*", Principal(USER), True),
        (ROOT, Principal(ROOT), True),
        (ROOT, Principal(USER), False),
        ("*", Principal(ROOT), True),
        ("*", Principal(), False),
        ("", Principal(), False),
    ],
)
def test_a_pattern_names_callers(pattern: str, principal: Principal, expected: bool) -> None:
    assert matches(pattern, principal) is expected


@pytest.mark.parametrize("text", ["", "NONE,ANY", "*", "ann", f"{USER},", "arn:aws"])
def test_a_list_of_callers_has_arns_only(text: str) -> None:
    with pytest.raises(ValueError, match=r"NONE, nor ARNs"):
        Principals.read(text)


def test_a_list_of_callers_includes_those_that_a_pattern_names() -> None:
    listed = Principals.read(f"{USER} , {ROLE}")
    assert [listed.include(Principal(arn)) for arn in (USER, SESSION, ROOT, "")] == [True, True, False, False]
    assert Principals.read("ANY").include(Principal())
    assert not Principals.read("NONE").include(Principal(ROOT))


@pytest.mark.parametrize(
    ("pattern", "needs"),
    [
        (ROLE, False),
        ("arn:aws:iam::123456789012:role/rules/*", True),
        ("arn:aws:iam::123456789012:*", True),
        ("arn:aws:iam::123456789012:user/*", False),
        ("arn:aws:sts::123456789012:assumed-role/restyle/*", False),
    ],
)
def test_wildcards_in_roles_need_the_whole_arn(pattern: str, needs: bool) -> None:
    assert needs_role_arn(pattern) is needs
