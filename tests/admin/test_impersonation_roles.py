"""The seven operations of impersonation roles."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.admin.impersonation_roles import MAX_ROLES
from postroom.model.impersonation import ImpersonationRole, ImpersonationToken, token_parts
from postroom.model.records import Remove

if TYPE_CHECKING:
    from collections.abc import Callable

Create, Update, Delete = "CreateImpersonationRole", "UpdateImpersonationRole", "DeleteImpersonationRole"
Get, List = "GetImpersonationRole", "ListImpersonationRoles"
Effect, Assume = "GetImpersonationRoleEffect", "AssumeImpersonationRole"

ALL = {"ImpersonationRuleId": "all", "Name": "Everyone", "Effect": "ALLOW"}


@pytest.fixture
def create(caller: Any, acme: str) -> Callable[..., str]:
    """Create a role and return its id."""

    def make(*rules: dict[str, Any], **changes: Any) -> str:
        request = {"OrganizationId": acme, "Name": "Sync", "Type": "READ_ONLY", "Rules": rules or [ALL]} | changes
        made: str = caller(Create, **request)["ImpersonationRoleId"]
        return made

    return make


def test_a_role_comes_back_with_its_rules_and_the_ids_of_users(
    caller: Any, acme: str, enable: Callable[..., str], create: Callable[..., str]
) -> None:
    ann, bob, eve = (enable(name) for name in ("ann", "bob", "eve"))
    rules = [
        {
            "ImpersonationRuleId": "managers",
            "Name": "Managers: ä \U0001f600",
            "Description": "two\nlines",
            "Effect": "DENY",
            "TargetUsers": [ann, "BOB", "eve@example.com", "ann"],
        },
        {"ImpersonationRuleId": "others", "Effect": "ALLOW", "NotTargetUsers": [bob]},
    ]
    made = create(*rules, Description="of the calendar", Type="FULL_ACCESS")
    found = caller(Get, OrganizationId=acme, ImpersonationRoleId=made)
    rules[0]["TargetUsers"] = [ann, bob, eve]
    created = found.pop("DateCreated")
    assert created == found.pop("DateModified") == caller.now / 1000 - 1
    assert found == {
        "ImpersonationRoleId": made,
        "Name": "Sync",
        "Type": "FULL_ACCESS",
        "Description": "of the calendar",
        "Rules": rules,
    }
    (listed,) = caller(List, OrganizationId=acme)["Roles"]
    assert listed == {
        "ImpersonationRoleId": made,
        "Name": "Sync",
        "Type": "FULL_ACCESS",
        "DateCreated": created,
        "DateModified": created,
    }


def test_an_update_replaces_everything_but_the_date_of_creation(
    caller: Any, acme: str, create: Callable[..., str]
) -> None:
    made = {"OrganizationId": acme, "ImpersonationRoleId": create(Description="first")}
    before = caller(Get, **made)
    assert caller(Update, **made, Name="SYNC", Type="FULL_ACCESS", Rules=[]) == {}
    after = caller(Get, **made)
    assert (after["DateCreated"], after["Name"], after["Rules"]) == (before["DateCreated"], "SYNC", [])
    assert after["DateModified"] > before["DateModified"]
    assert "Description" not in after
    caller(Update, **made, Name="SYNC", Type="FULL_ACCESS", Rules=[])
    assert caller(Get, **made) == after


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Name": ""}, "'name'"),
        ({"Name": "n" * 65}, "'name'"),
        *(({"Name": f"a{character}b"}, "'name'") for character in "<>\\\n\t\0\x7f"),
        ({"Description": "d" * 257}, "'description'"),
        *(({"Description": f"a{character}b"}, "'description'") for character in "<>\\\t\0\x7f"),
        ({"Type": "WRITE_ONLY"}, "'type'"),
        ({"Rules": [{**ALL, "ImpersonationRuleId": str(number)} for number in range(11)]}, "'rules'"),
        ({"Rules": [{**ALL, "Effect": "MAYBE"}]}, "ffect'"),
        ({"Rules": [{**ALL, "ImpersonationRuleId": "a b"}]}, "impersonationRuleId'"),
        ({"Rules": [{**ALL, "Name": "<a>"}]}, "name'"),
        ({"Rules": [{**ALL, "TargetUsers": []}]}, "argetUsers'"),
        ({"Rules": [{**ALL, "TargetUsers": ["x"] * 11}]}, "argetUsers'"),
        ({"Rules": [{**ALL, "NotTargetUsers": ["a b"]}]}, "argetUsers"),
        ({"Rules": [ALL, {**ALL, "Name": "x"}]}, "two rules have the ImpersonationRuleId all"),
        ({"Rules": [ALL, {**ALL, "ImpersonationRuleId": "b", "Name": "EVERYONE"}]}, "two rules have the Name"),
    ],
)
def test_what_is_no_role_is_refused(caller: Any, acme: str, changes: dict[str, Any], said: str) -> None:
    request = {"OrganizationId": acme, "Name": "Sync", "Type": "READ_ONLY", "Rules": [ALL]} | changes
    assert said in caller.refused("InvalidParameterException", Create, **request)
    assert caller(List, OrganizationId=acme) == {"Roles": []}


def test_rules_name_users_that_exist_and_nothing_else(
    caller: Any, acme: str, user: str, room: str, enable: Callable[..., str], create: Callable[..., str]
) -> None:
    group = enable("team", kind="Group")
    named = {"OrganizationId": acme, "ImpersonationRoleId": create()}
    for stranger in ("unknown", room, group, "team@example.com"):
        for member in ("TargetUsers", "NotTargetUsers"):
            changed = {"Name": "Sync", "Type": "READ_ONLY", "Rules": [{**ALL, member: [stranger]}]}
            caller.refused("EntityNotFoundException", Create, OrganizationId=acme, **changed | {"Name": "New"})
            caller.refused("EntityNotFoundException", Update, **named, **changed)
    mine = {"Name": "Sync", "Type": "READ_ONLY", "Rules": [{**ALL, "TargetUsers": [user]}]}
    caller(Update, **named, **mine)  # a disabled user
    caller("DeleteUser", OrganizationId=acme, UserId=user)
    caller.refused("EntityStateException", Update, **named, **mine)
    caller.refused("EntityStateException", Create, OrganizationId=acme, **mine | {"Name": "New"})
    assert caller(Get, **named)["Rules"] == mine["Rules"]


def test_a_name_is_taken_whatever_its_case_until_its_role_is_gone(
    caller: Any, acme: str, create: Callable[..., str]
) -> None:
    first, second = create(Name="Straße"), create(Name="other")
    taken = {"OrganizationId": acme, "Name": "STRASSE", "Type": "READ_ONLY", "Rules": []}
    assert "has the name STRASSE" in caller.refused("InvalidParameterException", Create, **taken)
    caller.refused("InvalidParameterException", Update, **taken, ImpersonationRoleId=second)
    assert caller(Delete, OrganizationId=acme, ImpersonationRoleId=first) == {}
    create(Name="straße")


def test_there_are_only_so_many_and_they_are_listed_in_pages(
    caller: Any, acme: str, create: Callable[..., str]
) -> None:
    made = [create(Name=f"r{number}") for number in range(MAX_ROLES)]
    refused = {"OrganizationId": acme, "Name": "more", "Type": "READ_ONLY", "Rules": []}
    assert str(MAX_ROLES) in caller.refused("LimitExceededException", Create, **refused)
    page = caller(List, OrganizationId=acme, MaxResults=15)
    rest = caller(List, OrganizationId=acme, MaxResults=15, NextToken=page["NextToken"])
    assert [each["ImpersonationRoleId"] for each in (*page["Roles"], *rest["Roles"])] == sorted(made)
    assert "NextToken" not in rest
    caller.refused("InvalidParameterException", List, OrganizationId=acme, NextToken="x")
    caller(Delete, OrganizationId=acme, ImpersonationRoleId=made[0])
    caller(Create, **refused)


def test_unknown_roles_are_not_found_and_deleting_them_is_no_error(
    caller: Any, acme: str, create: Callable[..., str], enable: Callable[..., str]
) -> None:
    other = caller("CreateOrganization", Alias="other")["OrganizationId"]
    enable("ann")
    named = {"OrganizationId": other, "ImpersonationRoleId": create()}
    caller.refused("ResourceNotFoundException", Get, **named)
    caller.refused("ResourceNotFoundException", Update, **named, Name="x", Type="READ_ONLY", Rules=[])
    caller.refused("ResourceNotFoundException", Effect, **named, TargetUser="ann")
    caller.refused("ResourceNotFoundException", Assume, **named)
    assert caller(Delete, **named) == {}
    assert len(caller(List, OrganizationId=acme)["Roles"]) == 1


@pytest.mark.parametrize("operation", [Create, Update, Delete, Get, List, Effect, Assume])
def test_the_organization_must_be_active(caller: Any, acme: str, operation: str) -> None:
    request = {"ImpersonationRoleId": "r", "TargetUser": "ann", "Name": "n", "Type": "READ_ONLY", "Rules": []}
    caller.refused("OrganizationNotFoundException", operation, OrganizationId=f"m-{0:032x}", **request)
    caller("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
    caller.refused("OrganizationStateException", operation, OrganizationId=acme, **request)


def test_a_client_token_gets_the_same_role(caller: Any, acme: str, create: Callable[..., str]) -> None:
    made = create(ClientToken="t")
    assert create(ClientToken="t") == made
    assert len(caller(List, OrganizationId=acme)["Roles"]) == 1
    request = {"OrganizationId": acme, "Name": "Sync", "Type": "READ_ONLY", "Rules": [], "ClientToken": "t"}
    caller.refused("InvalidParameterException", Create, **request)


class TestEffect:
    def test_the_guides_examples(
        self, caller: Any, acme: str, enable: Callable[..., str], create: Callable[..., str]
    ) -> None:
        """A rule without conditions allows all users; DENY wins; without a rule that applies the answer is DENY."""
        for name in ("ann", "bob", "eve"):
            enable(name)
        denied = {"ImpersonationRuleId": "no-bob", "Effect": "DENY", "TargetUsers": ["bob"]}
        only_eve = {"ImpersonationRuleId": "eve", "Name": "Eve", "Effect": "ALLOW", "TargetUsers": ["eve"]}
        but_eve = {"ImpersonationRuleId": "but-eve", "Effect": "ALLOW", "NotTargetUsers": ["eve"]}
        role = create(denied, only_eve, but_eve, ALL, Name="a")
        only, none = create(denied, only_eve, Name="b"), create(Name="c", Rules=[])

        def said(role: str, user: str) -> tuple[str, list[dict[str, str]]]:
            found = caller(Effect, OrganizationId=acme, ImpersonationRoleId=role, TargetUser=user)
            assert found["Type"] == "READ_ONLY"
            return found["Effect"], found["MatchedRules"]

        everyone = {"ImpersonationRuleId": "all", "Name": "Everyone"}
        assert said(role, "ann") == ("ALLOW", [{"ImpersonationRuleId": "but-eve"}, everyone])
        assert said(role, "bob@example.com") == ("DENY", [{"ImpersonationRuleId": "no-bob"}])
        assert said(role, "EVE") == ("ALLOW", [{"ImpersonationRuleId": "eve", "Name": "Eve"}, everyone])
        assert said(only, "ann") == said(none, "eve") == ("DENY", [])

    def test_only_enabled_users_are_tested(
        self, caller: Any, acme: str, user: str, room: str, create: Callable[..., str]
    ) -> None:
        named = {"OrganizationId": acme, "ImpersonationRoleId": create()}
        caller.refused("EntityNotFoundException", Effect, **named, TargetUser="unknown")
        caller.refused("EntityNotFoundException", Effect, **named, TargetUser=room)
        caller.refused("EntityStateException", Effect, **named, TargetUser=user)
        caller("DeleteUser", OrganizationId=acme, UserId=user)
        caller.refused("EntityStateException", Effect, **named, TargetUser=user)


class TestAssume:
    def test_a_token_is_new_each_time_and_lasts_15_minutes(
        self, caller: Any, acme: str, create: Callable[..., str]
    ) -> None:
        named = {"OrganizationId": acme, "ImpersonationRoleId": create()}
        first, second = caller(Assume, **named), caller(Assume, **named)
        assert first["ExpiresIn"] == second["ExpiresIn"] == 900
        assert first["Token"] != second["Token"]
        assert len(first["Token"]) <= 256
        assert all("\x21" <= character <= "\x7e" for character in first["Token"])

    def test_only_its_digest_is_stored(self, caller: Any, acme: str, context: Any, create: Callable[..., str]) -> None:
        role = create()
        token = caller(Assume, OrganizationId=acme, ImpersonationRoleId=role)["Token"]
        (row,) = context.directory.owned_page(ImpersonationToken, acme, None, 9).items
        assert row.digest == hashlib.sha256(token.encode()).digest()
        assert token not in repr(row)
        parts = token_parts(token)
        assert parts is not None
        assert (parts.organization_id, parts.role_id, row.expires) == (acme, role, caller.now // 1000 + 900)

    def test_a_local_stack_shortens_its_time(
        self, caller: Any, acme: str, context: Any, create: Callable[..., str]
    ) -> None:
        named = {"OrganizationId": acme, "ImpersonationRoleId": create()}
        caller.context = replace(context, settings=replace(context.settings, impersonation_token_s=9))
        assert caller(Assume, **named)["ExpiresIn"] == 9

    def test_a_role_that_is_deleted_meanwhile_gets_no_token(
        self, caller: Any, acme: str, context: Any, create: Callable[..., str]
    ) -> None:
        role = create()

        class Late:
            """A directory in which the role goes just before the token's row is written."""

            def commit(self, changes: Any) -> None:
                found = context.directory.owned(ImpersonationRole, acme, role)
                context.directory.commit([Remove(found)] if found else changes)
                context.directory.commit(changes)

            def __getattr__(self, name: str) -> Any:
                return getattr(context.directory, name)

        caller.context = replace(context, directory=Late())
        caller.refused("ResourceNotFoundException", Assume, OrganizationId=acme, ImpersonationRoleId=role)
        assert context.directory.owned_page(ImpersonationToken, acme, None, 9).items == []


def test_they_go_with_their_organization(caller: Any, acme: str, context: Any, create: Callable[..., str]) -> None:
    caller(Assume, OrganizationId=acme, ImpersonationRoleId=create())
    caller("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
    caller.settle()
    for kind in (ImpersonationRole, ImpersonationToken):
        assert context.directory.owned_page(kind, acme, None, 9).items == []
