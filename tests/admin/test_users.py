"""Users: made, changed, found by id, name or address, listed, deleted; their passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_new_user_is_disabled_and_has_no_mailbox(desk: Any, acme: str, office: Any) -> None:
    made = desk("CreateUser", OrganizationId=acme, Name="Ann", DisplayName="Ann Ö", FirstName="", Password="Secret-1")
    found = desk("DescribeUser", OrganizationId=acme, UserId=made["UserId"])
    assert found == {
        "UserId": made["UserId"],
        "Name": "Ann",
        "DisplayName": "Ann Ö",
        "FirstName": "",
        "State": "DISABLED",
        "UserRole": "USER",
        "HiddenFromGlobalAddressList": False,
    }
    assert office.mailboxes.heads == {}
    assert office.directory.password(acme, made["UserId"]).hash == "hash of Secret-1"


def test_a_user_is_found_by_id_name_and_address_whatever_its_case(
    desk: Any, acme: str, enable: Callable[..., str]
) -> None:
    ann = enable("Ann")
    desk("CreateAlias", OrganizationId=acme, EntityId=ann, Alias="boss@example.com")
    for identifier in (ann, "ann", "ANN@example.com", "Boss@Example.com"):
        assert desk("DescribeUser", OrganizationId=acme, UserId=identifier)["UserId"] == ann
    for identifier in ("nobody", "nobody@example.com", "00000000-0000-0000-0000-000000000000"):
        desk.refused("EntityNotFoundException", "DescribeUser", OrganizationId=acme, UserId=identifier)


def test_a_group_is_no_user(desk: Any, acme: str) -> None:
    group = desk("CreateGroup", OrganizationId=acme, Name="team")["GroupId"]
    desk.refused("EntityNotFoundException", "DescribeUser", OrganizationId=acme, UserId=group)
    assert desk("DeleteUser", OrganizationId=acme, UserId=group) == {}
    assert desk("DescribeGroup", OrganizationId=acme, GroupId=group)["State"] == "DISABLED"


def test_names_are_unique_over_users_and_groups(desk: Any, acme: str) -> None:
    desk("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")
    desk.refused("NameAvailabilityException", "CreateUser", OrganizationId=acme, Name="ANN", DisplayName="x")
    desk.refused("NameAvailabilityException", "CreateGroup", OrganizationId=acme, Name="Ann")


def test_reserved_names_are_refused(desk: Any, acme: str, enable: Callable[..., str]) -> None:
    name = "AmazonJournaling"
    desk.refused("ReservedNameException", "CreateUser", OrganizationId=acme, Name=name, DisplayName="x")
    desk.refused("ReservedNameException", "CreateGroup", OrganizationId=acme, Name=name)
    desk.refused(
        "EmailAddressInUseException",
        "CreateAlias",
        OrganizationId=acme,
        EntityId=enable("a"),
        Alias=f"{name}@example.com",
    )


@pytest.mark.parametrize("role", ["SYSTEM_USER", "RESOURCE"])
def test_roles_that_cannot_be_given_are_refused(desk: Any, acme: str, role: str) -> None:
    request = {"OrganizationId": acme, "Name": "ann", "DisplayName": "Ann"}
    desk.refused("InvalidParameterException", "CreateUser", **request, Role=role)
    user = desk("CreateUser", **request)["UserId"]
    desk.refused("InvalidParameterException", "UpdateUser", OrganizationId=acme, UserId=user, Role=role)


class TestUpdate:
    def test_what_the_request_has_is_changed_and_the_rest_stays(self, desk: Any, acme: str) -> None:
        user = desk("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann", LastName="Arbor")["UserId"]
        link = "12345678-1234-1234-1234-123456789012"
        desk(
            "UpdateUser",
            OrganizationId=acme,
            UserId="ann",
            DisplayName="",
            City="Ulm",
            HiddenFromGlobalAddressList=True,
            IdentityProviderUserId=link,
        )
        found = desk("DescribeUser", OrganizationId=acme, UserId=user)
        assert (found["DisplayName"], found["City"], found["LastName"]) == ("", "Ulm", "Arbor")
        assert found["HiddenFromGlobalAddressList"] is True
        assert found["IdentityProviderUserId"] == link
        desk("UpdateUser", OrganizationId=acme, UserId="ann", IdentityProviderUserId="")
        found = desk("DescribeUser", OrganizationId=acme, UserId=user)
        assert "IdentityProviderUserId" not in found
        assert found["City"] == "Ulm"

    def test_the_role_changes_only_while_disabled(self, desk: Any, acme: str, enable: Callable[..., str]) -> None:
        ann = enable("ann")
        request = {"OrganizationId": acme, "UserId": ann, "Role": "REMOTE_USER"}
        desk.refused("EntityStateException", "UpdateUser", **request)
        desk("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        desk("UpdateUser", **request)
        assert desk("DescribeUser", OrganizationId=acme, UserId=ann)["UserRole"] == "REMOTE_USER"

    def test_unknown_and_deleted_ones_are_refused(self, desk: Any, acme: str) -> None:
        desk.refused("EntityNotFoundException", "UpdateUser", OrganizationId=acme, UserId="nobody", City="Ulm")
        user = desk("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
        desk("DeleteUser", OrganizationId=acme, UserId=user)
        desk.refused("EntityStateException", "UpdateUser", OrganizationId=acme, UserId=user, City="Ulm")


class TestDeletion:
    def test_an_enabled_user_stays(self, desk: Any, acme: str, enable: Callable[..., str]) -> None:
        ann = enable("ann")
        desk.refused("EntityStateException", "DeleteUser", OrganizationId=acme, UserId=ann)

    def test_a_deleted_one_shows_by_its_id_and_frees_its_name(
        self, desk: Any, acme: str, office: Any, enable: Callable[..., str]
    ) -> None:
        ann = enable("ann", Password="Secret-1")
        desk("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        desk("DeleteUser", OrganizationId=acme, UserId=ann)
        assert desk("DescribeUser", OrganizationId=acme, UserId=ann)["State"] == "DELETED"
        desk.refused("EntityNotFoundException", "DescribeUser", OrganizationId=acme, UserId="ann")
        assert office.directory.password(acme, ann) is None
        assert ann in office.mailboxes.heads, "archived for 30 days"
        assert enable("ann") != ann

    def test_missing_and_deleted_ones_are_no_error(self, desk: Any, acme: str) -> None:
        assert desk("DeleteUser", OrganizationId=acme, UserId="nobody") == {}
        user = desk("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
        assert desk("DeleteUser", OrganizationId=acme, UserId=user) == {}
        assert desk("DeleteUser", OrganizationId=acme, UserId=user) == {}


class TestList:
    def test_one_filter_at_a_time(self, desk: Any, acme: str, enable: Callable[..., str]) -> None:
        for name in ("anna", "annb", "bob"):
            enable(name)
        gone = desk("CreateUser", OrganizationId=acme, Name="anngone", DisplayName="Gone")["UserId"]
        desk("CreateUser", OrganizationId=acme, Name="idle", DisplayName="Idle")
        desk("DeleteUser", OrganizationId=acme, UserId=gone)

        def names(**filters: str) -> list[str]:
            return sorted(found["Name"] for found in desk("ListUsers", OrganizationId=acme, Filters=filters)["Users"])

        assert names() == ["anna", "annb", "bob", "idle"]
        assert names(UsernamePrefix="ANN") == ["anna", "annb"]
        assert names(PrimaryEmailPrefix="bob@") == ["bob"]
        assert names(DisplayNamePrefix="idl") == ["idle"]
        assert names(State="DISABLED") == ["idle"]
        assert names(State="DELETED") == ["anngone"]
        assert names(IdentityProviderUserIdPrefix="1") == []
        desk.refused(
            "InvalidParameterException",
            "ListUsers",
            OrganizationId=acme,
            Filters={"State": "ENABLED", "UsernamePrefix": "a"},
        )

    def test_pages_hold_as_many_as_asked_whatever_is_filtered(self, desk: Any, acme: str) -> None:
        for number in range(12):
            desk("CreateUser", OrganizationId=acme, Name=f"{'ab'[number % 2]}{number}", DisplayName="x")
        request = {"OrganizationId": acme, "MaxResults": 4, "Filters": {"UsernamePrefix": "a"}}
        first = desk("ListUsers", **request)
        second = desk("ListUsers", **request, NextToken=first["NextToken"])
        assert [len(first["Users"]), len(second["Users"])] == [4, 2]
        assert "NextToken" not in second
        assert len({user["Id"] for user in first["Users"] + second["Users"]}) == 6

    def test_tokens_are_good_for_their_list_only(self, desk: Any, acme: str) -> None:
        for number in range(3):
            desk("CreateUser", OrganizationId=acme, Name=f"u{number}", DisplayName="x")
        request = {"OrganizationId": acme, "MaxResults": 1}
        token = desk("ListUsers", **request)["NextToken"]
        other = desk("CreateOrganization", Alias="other")["OrganizationId"]
        broken = ("A" if token[0] != "A" else "B") + token[1:]
        for bad in ("garbage", "é", "AAAA", broken, token + "AAAA", token[:-4]):
            desk.refused("InvalidParameterException", "ListUsers", **request, NextToken=bad)
        desk.refused("InvalidParameterException", "ListGroups", **request, NextToken=token)
        desk.refused("InvalidParameterException", "ListUsers", OrganizationId=other, NextToken=token)
        desk.refused(
            "InvalidParameterException", "ListUsers", **request, NextToken=token, Filters={"UsernamePrefix": "u"}
        )
        assert desk("ListUsers", **request, NextToken=token)["Users"]


class TestPasswords:
    @pytest.mark.parametrize(
        "password",
        ["Short-1", "a" * 65, "onlylower", "lower1234", "UPPERlower", "12345678", "A1" + "b" * 63],
    )
    def test_weak_ones_are_refused_without_being_repeated(self, desk: Any, acme: str, password: str) -> None:
        request = {"OrganizationId": acme, "Name": "a", "DisplayName": "a", "Password": password}
        assert password not in desk.refused("InvalidPasswordException", "CreateUser", **request)

    def test_impossible_ones_are_refused_without_being_repeated(self, desk: Any, acme: str) -> None:
        for password in ("", "漢字-Secret-1"):
            request = {"OrganizationId": acme, "Name": "a", "DisplayName": "a", "Password": password}
            text = desk.refused("InvalidParameterException", "CreateUser", **request)
            assert "Value at 'password' failed" in text
            assert "Secret" not in text

    @pytest.mark.parametrize("password", ["Abcdefg1", "abcdefg1!", "pässword1", "Ab c" * 16, "ABCDEFG1 "])
    def test_three_kinds_of_characters_are_enough(self, desk: Any, acme: str, password: str) -> None:
        assert desk("CreateUser", OrganizationId=acme, Name="a", DisplayName="a", Password=password)

    def test_a_reset_takes_an_id_and_nothing_else(self, desk: Any, acme: str, office: Any) -> None:
        user = desk("CreateUser", OrganizationId=acme, Name="ann-of-the-hill", DisplayName="Ann")["UserId"]
        request = {"OrganizationId": acme, "Password": "Another-1"}
        desk("ResetPassword", **request, UserId=user)
        assert office.directory.password(acme, user).hash == "hash of Another-1"
        desk.refused("EntityNotFoundException", "ResetPassword", **request, UserId="ann-of-the-hill")
        desk.refused("InvalidPasswordException", "ResetPassword", OrganizationId=acme, UserId=user, Password="weak")

    def test_remote_and_deleted_users_have_none(self, desk: Any, acme: str) -> None:
        remote = desk("CreateUser", OrganizationId=acme, Name="r", DisplayName="R", Role="REMOTE_USER")["UserId"]
        request = {"OrganizationId": acme, "Password": "Another-1", "UserId": remote}
        desk.refused("UnsupportedOperationException", "ResetPassword", **request)
        desk("DeleteUser", OrganizationId=acme, UserId=remote)
        desk.refused("EntityStateException", "ResetPassword", **request)


def test_an_address_leads_to_its_entity(desk: Any, acme: str, enable: Callable[..., str]) -> None:
    ann, team = enable("ann"), enable("team", kind="Group")
    desk("CreateAlias", OrganizationId=acme, EntityId=ann, Alias="a2@example.com")
    found = desk("DescribeEntity", OrganizationId=acme, Email="A2@example.com")
    assert found == {"EntityId": ann, "Name": "ann", "Type": "USER"}
    found = desk("DescribeEntity", OrganizationId=acme, Email="team@example.com")
    assert found == {"EntityId": team, "Name": "team", "Type": "GROUP"}
    desk.refused("EntityNotFoundException", "DescribeEntity", OrganizationId=acme, Email="no@example.com")
