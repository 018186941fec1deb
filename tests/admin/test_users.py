"""Users: creation, changes, look-up by id, name and address, listing, deletion, passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.admin.models.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_new_user_is_disabled_and_has_no_mailbox(caller: Any, acme: str, context: Any) -> None:
    made = caller("CreateUser", OrganizationId=acme, Name="Ann", DisplayName="Ann Ö", FirstName="", Password="Secret-1")
    found = caller("DescribeUser", OrganizationId=acme, UserId=made["UserId"])
    assert found == {
        "UserId": made["UserId"],
        "Name": "Ann",
        "DisplayName": "Ann Ö",
        "FirstName": "",
        "State": "DISABLED",
        "UserRole": "USER",
        "HiddenFromGlobalAddressList": False,
    }
    assert context.mailboxes.heads == {}
    assert context.directory.password(acme, made["UserId"]).hash.endswith("hash of Secret-1")


def test_a_user_is_found_by_id_name_and_address_whatever_its_case(
    caller: Any, acme: str, enable: Callable[..., str]
) -> None:
    ann = enable("Ann")
    caller("CreateAlias", OrganizationId=acme, EntityId=ann, Alias="boss@example.com")
    for identifier in (ann, "ann", "ANN@example.com", "Boss@Example.com"):
        assert caller("DescribeUser", OrganizationId=acme, UserId=identifier)["UserId"] == ann
    for identifier in ("nobody", "nobody@example.com", "00000000-0000-0000-0000-000000000000"):
        caller.refused("EntityNotFoundException", "DescribeUser", OrganizationId=acme, UserId=identifier)


def test_every_attribute_of_the_model_is_kept(caller: Any, acme: str, user: str) -> None:
    """The model's members of UpdateUser that are plain text; none may be lost without an error."""
    members = SHAPES["UpdateUserRequest"]["members"]
    texts = {name for name, shape in members.items() if shape in {"UserAttribute", "String"}}
    assert {"Office", "Country", "Telephone"} <= texts
    caller("UpdateUser", OrganizationId=acme, UserId=user, **{name: f"my {name}" for name in texts})
    found = caller("DescribeUser", OrganizationId=acme, UserId=user)
    assert {name: found.get(name) for name in texts} == {name: f"my {name}" for name in texts}


def test_a_group_is_no_user(caller: Any, acme: str) -> None:
    group = caller("CreateGroup", OrganizationId=acme, Name="team")["GroupId"]
    caller.refused("EntityNotFoundException", "DescribeUser", OrganizationId=acme, UserId=group)
    assert caller("DeleteUser", OrganizationId=acme, UserId=group) == {}
    assert caller("DescribeGroup", OrganizationId=acme, GroupId=group)["State"] == "DISABLED"


def test_names_are_unique_over_users_and_groups(caller: Any, acme: str) -> None:
    caller("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")
    caller.refused("NameAvailabilityException", "CreateUser", OrganizationId=acme, Name="ANN", DisplayName="x")
    caller.refused("NameAvailabilityException", "CreateGroup", OrganizationId=acme, Name="Ann")


def test_reserved_names_are_refused(caller: Any, acme: str, enable: Callable[..., str]) -> None:
    name = "AmazonJournaling"
    caller.refused("ReservedNameException", "CreateUser", OrganizationId=acme, Name=name, DisplayName="x")
    caller.refused("ReservedNameException", "CreateGroup", OrganizationId=acme, Name=name)
    caller.refused(
        "EmailAddressInUseException",
        "CreateAlias",
        OrganizationId=acme,
        EntityId=enable("a"),
        Alias=f"{name}@example.com",
    )


@pytest.mark.parametrize("role", ["SYSTEM_USER", "RESOURCE"])
def test_roles_that_cannot_be_given_are_refused(caller: Any, acme: str, role: str) -> None:
    request = {"OrganizationId": acme, "Name": "ann", "DisplayName": "Ann"}
    caller.refused("InvalidParameterException", "CreateUser", **request, Role=role)
    user = caller("CreateUser", **request)["UserId"]
    caller.refused("InvalidParameterException", "UpdateUser", OrganizationId=acme, UserId=user, Role=role)


class TestUpdate:
    def test_what_the_request_has_is_changed_and_the_rest_stays(self, caller: Any, acme: str) -> None:
        user = caller("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann", LastName="Arbor")["UserId"]
        link = "12345678-1234-1234-1234-123456789012"
        caller(
            "UpdateUser",
            OrganizationId=acme,
            UserId="ann",
            DisplayName="",
            City="Ulm",
            HiddenFromGlobalAddressList=True,
            IdentityProviderUserId=link,
        )
        found = caller("DescribeUser", OrganizationId=acme, UserId=user)
        assert (found["DisplayName"], found["City"], found["LastName"]) == ("", "Ulm", "Arbor")
        assert found["HiddenFromGlobalAddressList"] is True
        assert found["IdentityProviderUserId"] == link
        caller("UpdateUser", OrganizationId=acme, UserId="ann", IdentityProviderUserId="")
        found = caller("DescribeUser", OrganizationId=acme, UserId=user)
        assert "IdentityProviderUserId" not in found
        assert found["City"] == "Ulm"

    def test_the_role_changes_only_while_disabled(self, caller: Any, acme: str, enable: Callable[..., str]) -> None:
        ann = enable("ann")
        request = {"OrganizationId": acme, "UserId": ann, "Role": "REMOTE_USER"}
        caller.refused("EntityStateException", "UpdateUser", **request)
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        caller("UpdateUser", **request)
        assert caller("DescribeUser", OrganizationId=acme, UserId=ann)["UserRole"] == "REMOTE_USER"

    def test_unknown_and_deleted_ones_are_refused(self, caller: Any, acme: str) -> None:
        caller.refused("EntityNotFoundException", "UpdateUser", OrganizationId=acme, UserId="nobody", City="Ulm")
        user = caller("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
        caller("DeleteUser", OrganizationId=acme, UserId=user)
        caller.refused("EntityStateException", "UpdateUser", OrganizationId=acme, UserId=user, City="Ulm")


class TestDeletion:
    def test_an_enabled_user_stays(self, caller: Any, acme: str, enable: Callable[..., str]) -> None:
        ann = enable("ann")
        caller.refused("EntityStateException", "DeleteUser", OrganizationId=acme, UserId=ann)

    def test_a_deleted_one_shows_by_its_id_and_frees_its_name(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        ann = enable("ann", Password="Secret-1")
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        caller("DeleteUser", OrganizationId=acme, UserId=ann)
        assert caller("DescribeUser", OrganizationId=acme, UserId=ann)["State"] == "DELETED"
        caller.refused("EntityNotFoundException", "DescribeUser", OrganizationId=acme, UserId="ann")
        assert context.directory.password(acme, ann) is None
        assert ann in context.mailboxes.heads, "archived for 30 days"
        assert enable("ann") != ann

    def test_missing_and_deleted_ones_are_no_error(self, caller: Any, acme: str) -> None:
        assert caller("DeleteUser", OrganizationId=acme, UserId="nobody") == {}
        user = caller("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
        assert caller("DeleteUser", OrganizationId=acme, UserId=user) == {}
        assert caller("DeleteUser", OrganizationId=acme, UserId=user) == {}


class TestList:
    def test_one_filter_at_a_time(self, caller: Any, acme: str, enable: Callable[..., str]) -> None:
        for name in ("anna", "annb", "bob"):
            enable(name)
        gone = caller("CreateUser", OrganizationId=acme, Name="anngone", DisplayName="Gone")["UserId"]
        caller("CreateUser", OrganizationId=acme, Name="idle", DisplayName="Idle")
        caller("DeleteUser", OrganizationId=acme, UserId=gone)

        def names(**filters: str) -> list[str]:
            return sorted(found["Name"] for found in caller("ListUsers", OrganizationId=acme, Filters=filters)["Users"])

        assert names() == ["anna", "annb", "bob", "idle"]
        assert names(UsernamePrefix="ANN") == ["anna", "annb"]
        assert names(PrimaryEmailPrefix="bob@") == ["bob"]
        assert names(DisplayNamePrefix="idl") == ["idle"]
        assert names(State="DISABLED") == ["idle"]
        assert names(State="DELETED") == ["anngone"]
        assert names(IdentityProviderUserIdPrefix="1") == []
        caller.refused(
            "InvalidParameterException",
            "ListUsers",
            OrganizationId=acme,
            Filters={"State": "ENABLED", "UsernamePrefix": "a"},
        )

    def test_pages_hold_as_many_as_asked_whatever_is_filtered(self, caller: Any, acme: str) -> None:
        for number in range(12):
            caller("CreateUser", OrganizationId=acme, Name=f"{'ab'[number % 2]}{number}", DisplayName="x")
        request = {"OrganizationId": acme, "MaxResults": 4, "Filters": {"UsernamePrefix": "a"}}
        first = caller("ListUsers", **request)
        second = caller("ListUsers", **request, NextToken=first["NextToken"])
        assert [len(first["Users"]), len(second["Users"])] == [4, 2]
        assert "NextToken" not in second
        assert len({user["Id"] for user in first["Users"] + second["Users"]}) == 6

    def test_tokens_are_good_for_their_list_only(self, caller: Any, acme: str) -> None:
        for number in range(3):
            caller("CreateUser", OrganizationId=acme, Name=f"u{number}", DisplayName="x")
        request = {"OrganizationId": acme, "MaxResults": 1}
        token = caller("ListUsers", **request)["NextToken"]
        other = caller("CreateOrganization", Alias="other")["OrganizationId"]
        broken = ("A" if token[0] != "A" else "B") + token[1:]
        for bad in ("garbage", "é", "AAAA", broken, token + "AAAA", token[:-4]):
            caller.refused("InvalidParameterException", "ListUsers", **request, NextToken=bad)
        caller.refused("InvalidParameterException", "ListGroups", **request, NextToken=token)
        caller.refused("InvalidParameterException", "ListUsers", OrganizationId=other, NextToken=token)
        caller.refused(
            "InvalidParameterException", "ListUsers", **request, NextToken=token, Filters={"UsernamePrefix": "u"}
        )
        assert caller("ListUsers", **request, NextToken=token)["Users"]


class TestPasswords:
    @pytest.mark.parametrize(
        "password",
        ["Short-1", "a" * 65, "onlylower", "lower1234", "UPPERlower", "12345678", "A1" + "b" * 63, "Aa1-" * 64],
    )
    def test_weak_ones_are_refused_without_being_repeated(self, caller: Any, acme: str, password: str) -> None:
        request = {"OrganizationId": acme, "Name": "a", "DisplayName": "a", "Password": password}
        assert password not in caller.refused("InvalidPasswordException", "CreateUser", **request)

    def test_impossible_ones_are_refused_without_being_repeated(self, caller: Any, acme: str) -> None:
        for password in ("", "漢字-Secret-1", "Se\u0301cret-1", "Secret-1" * 32 + "x"):
            request = {"OrganizationId": acme, "Name": "a", "DisplayName": "a", "Password": password}
            text = caller.refused("InvalidParameterException", "CreateUser", **request)
            assert "Value at 'password' failed" in text
            assert "Secret" not in text

    @pytest.mark.parametrize(
        "password", ["Abcdefg1", "abcdefg1!", "pässword1", "Ab c" * 16, "ABCDEFG1 ", "\u00ff" * 62 + "A1"]
    )
    def test_three_kinds_of_characters_are_enough(self, caller: Any, acme: str, password: str) -> None:
        assert caller("CreateUser", OrganizationId=acme, Name="a", DisplayName="a", Password=password)

    def test_a_reset_takes_an_id_and_nothing_else(self, caller: Any, acme: str, context: Any) -> None:
        user = caller("CreateUser", OrganizationId=acme, Name="ann-of-the-hill", DisplayName="Ann")["UserId"]
        request = {"OrganizationId": acme, "Password": "Another-1"}
        caller("ResetPassword", **request, UserId=user)
        assert context.directory.password(acme, user).hash.endswith("hash of Another-1")
        caller.refused("EntityNotFoundException", "ResetPassword", **request, UserId="ann-of-the-hill")
        caller.refused("InvalidPasswordException", "ResetPassword", OrganizationId=acme, UserId=user, Password="weak")

    def test_remote_and_deleted_users_have_none(self, caller: Any, acme: str) -> None:
        remote = caller("CreateUser", OrganizationId=acme, Name="r", DisplayName="R", Role="REMOTE_USER")["UserId"]
        request = {"OrganizationId": acme, "Password": "Another-1", "UserId": remote}
        caller.refused("UnsupportedOperationException", "ResetPassword", **request)
        caller("DeleteUser", OrganizationId=acme, UserId=remote)
        caller.refused("EntityStateException", "ResetPassword", **request)


def test_an_address_leads_to_its_entity(caller: Any, acme: str, enable: Callable[..., str]) -> None:
    ann, team = enable("ann"), enable("team", kind="Group")
    caller("CreateAlias", OrganizationId=acme, EntityId=ann, Alias="a2@example.com")
    found = caller("DescribeEntity", OrganizationId=acme, Email="A2@example.com")
    assert found == {"EntityId": ann, "Name": "ann", "Type": "USER"}
    found = caller("DescribeEntity", OrganizationId=acme, Email="team@example.com")
    assert found == {"EntityId": team, "Name": "team", "Type": "GROUP"}
    caller.refused("EntityNotFoundException", "DescribeEntity", OrganizationId=acme, Email="no@example.com")
