"""Principals of grants, and what grants together allow."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.admin import access_levels
from postroom.contracts.admin.models.shapes import OPERATIONS
from postroom.model.administrators import Access, Grant, allows, is_principal
from postroom.model.principals import Principal

ADA: Final = "arn:aws:iam::123456789012:user/mail/ada"
SESSION: Final = "arn:aws:sts::123456789012:assumed-role/Mail-Admins/ada@example.com"
ROLE: Final = "arn:aws:iam::123456789012:role/team/post/Mail-Admins"
ROOT: Final = "arn:aws:iam::123456789012:root"


@pytest.mark.parametrize(
    "text",
    [
        "*",
        ADA,
        SESSION,
        ROLE,
        ROOT,
        "arn:aws-cn:iam::123456789012:user/ada",
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Mail_0123456789abcdef",
        "arn:aws:iam::123456789012:user/mail/*",
        "arn:aws:sts::123456789012:assumed-role/Mail-Admins/*",
        "arn:aws:sts::123456789012:federated-user/ada",
    ],
)
def test_principals_are_what_api_gateway_may_name(text: str) -> None:
    assert is_principal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "**",
        "123456789012",
        "arn:aws:iam::*:user/ada",
        "arn:*:iam::123456789012:user/ada",
        "arn:aws:iam::123456789012:*",
        "arn:aws:iam::123456789012:group/admins",
        "arn:aws:iam::123456789012:user/",
        "arn:aws:iam::123456789012:user/a b",
        "arn:aws:iam::123456789012:user/ada\n",
        "arn:aws:sts::123456789012:user/ada",
        "arn:aws:sts::123456789012:assumed-role/Mail-Admins",
        "arn:aws:iam::12345678901:root",
        "arn:aws:workmail:us-east-1:123456789012:organization/m-1",
    ],
)
def test_other_texts_are_no_principals(text: str) -> None:
    assert not is_principal(text)


CALLERS: Final = {
    "a user": Principal(ADA),
    "a session": Principal(SESSION),
    "a session, its path known": Principal(SESSION, ROLE),
    "the root user": Principal(ROOT),
    "another account's": Principal(ADA.replace("1234", "4321")),
    "no caller": Principal(),
}


@pytest.mark.parametrize(
    ("principal", "covered"),
    [
        ("*", {"a user", "a session", "a session, its path known", "the root user", "another account's"}),
        (ADA, {"a user"}),
        ("arn:aws:iam::123456789012:user/mail/*", {"a user"}),
        ("arn:aws:iam::123456789012:user/*", {"a user"}),
        ("arn:aws:iam::123456789012:user/ada", set()),
        (ROLE, {"a session", "a session, its path known"}),
        ("arn:aws:iam::123456789012:role/Mail-Admins", {"a session", "a session, its path known"}),
        ("arn:aws:iam::123456789012:role/team/*", {"a session, its path known"}),
        ("arn:aws:iam::123456789012:role/Mail-*", set()),
        (SESSION, {"a session", "a session, its path known"}),
        ("arn:aws:sts::123456789012:assumed-role/Mail-Admins/*", {"a session", "a session, its path known"}),
        ("arn:aws:sts::123456789012:assumed-role/Mail-Admins/bob", set()),
        (ROOT, {"the root user"}),
    ],
)
def test_a_principal_covers_these_callers_and_no_others(principal: str, covered: set[str]) -> None:
    assert is_principal(principal)
    grants = [Grant(principal, Access.FULL_ACCESS)]
    assert {name for name, caller in CALLERS.items() if allows(grants, caller, Access.READ_ONLY)} == covered


@given(
    st.lists(st.builds(Grant, st.sampled_from(["*", ADA, ROLE, ROOT]), st.sampled_from(Access)), max_size=4),
    st.sampled_from([*CALLERS.values()]),
)
def test_what_may_change_may_read_and_more_grants_never_allow_less(grants: list[Grant], caller: Principal) -> None:
    for wanted in Access:
        assert allows(grants, caller, wanted) or not allows(grants[1:], caller, wanted)
    assert allows(grants, caller, Access.READ_ONLY) or not allows(grants, caller, Access.FULL_ACCESS)


def test_every_operation_of_the_model_reads_or_changes() -> None:
    assert set(OPERATIONS) == access_levels.READING | access_levels.CHANGING
    assert not access_levels.READING & access_levels.CHANGING
    assert all(name.startswith(("Describe", "Get", "List")) for name in access_levels.READING)
    assert not any(name.startswith(("Describe", "Get", "List")) for name in access_levels.CHANGING)
    assert access_levels.wanted("SomethingNew") is Access.FULL_ACCESS


def test_these_operations_need_a_grant_for_all_organizations() -> None:
    """The others name their organization; a member that is optional would let a caller choose what is checked."""
    assert {name for name in OPERATIONS if not access_levels.of_one_organization(name)} == {
        "CreateIdentityCenterApplication",
        "CreateOrganization",
        "DeleteAdministratorGrant",
        "DeleteIdentityCenterApplication",
        "ListAdministratorGrants",
        "ListOrganizations",
        "ListTagsForResource",
        "PutAdministratorGrant",
        "TagResource",
        "UntagResource",
    }
