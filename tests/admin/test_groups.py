"""Groups and who belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def team(desk: Any, acme: str) -> str:
    """A disabled group."""
    group: str = desk("CreateGroup", OrganizationId=acme, Name="team Ö")["GroupId"]
    return group


def test_a_new_group_is_disabled(desk: Any, acme: str, team: str) -> None:
    assert desk("DescribeGroup", OrganizationId=acme, GroupId=team) == {
        "GroupId": team,
        "Name": "team Ö",
        "State": "DISABLED",
        "HiddenFromGlobalAddressList": False,
    }
    desk("UpdateGroup", OrganizationId=acme, GroupId=team, HiddenFromGlobalAddressList=True)
    desk("UpdateGroup", OrganizationId=acme, GroupId=team)
    assert desk("DescribeGroup", OrganizationId=acme, GroupId=team)["HiddenFromGlobalAddressList"] is True
    desk.refused("EntityNotFoundException", "UpdateGroup", OrganizationId=acme, GroupId="nobody")


def test_an_enabled_group_shows_its_address_and_stays(desk: Any, acme: str, enable: Callable[..., str]) -> None:
    staff = enable("staff", kind="Group")
    found = desk("DescribeGroup", OrganizationId=acme, GroupId="staff@example.com")
    assert (found["Email"], found["State"]) == ("staff@example.com", "ENABLED")
    assert "EnabledDate" in found
    desk.refused("EntityStateException", "DeleteGroup", OrganizationId=acme, GroupId=staff)
    desk("DeregisterFromWorkMail", OrganizationId=acme, EntityId=staff)
    desk("DeleteGroup", OrganizationId=acme, GroupId=staff)
    assert desk("DescribeGroup", OrganizationId=acme, GroupId=staff)["State"] == "DELETED"
    assert desk("DeleteGroup", OrganizationId=acme, GroupId=staff) == {}
    assert desk("DeleteGroup", OrganizationId=acme, GroupId="nobody") == {}
    desk.refused("EntityStateException", "UpdateGroup", OrganizationId=acme, GroupId=staff)


def test_groups_are_listed_with_one_filter(desk: Any, acme: str, team: str, enable: Callable[..., str]) -> None:
    enable("staff", kind="Group")
    enable("ann")

    def names(**filters: str) -> list[str]:
        return sorted(group["Name"] for group in desk("ListGroups", OrganizationId=acme, Filters=filters)["Groups"])

    assert names() == ["staff", "team Ö"]
    assert names(NamePrefix="TEAM") == ["team Ö"]
    assert names(PrimaryEmailPrefix="staff@") == ["staff"]
    assert names(State="DISABLED") == ["team Ö"]
    desk.refused(
        "InvalidParameterException", "ListGroups", OrganizationId=acme, Filters={"NamePrefix": "a", "State": "ENABLED"}
    )


class TestMembers:
    def test_users_and_groups_come_and_go(
        self, desk: Any, acme: str, team: str, office: Any, enable: Callable[..., str]
    ) -> None:
        ann, nested = enable("ann"), enable("nested", kind="Group")
        for member in ("ann", "nested@example.com", ann):
            desk("AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=member)
        members = desk("ListGroupMembers", OrganizationId=acme, GroupId=team)["Members"]
        assert [(member["Id"], member["Type"], member["State"]) for member in members] == [
            (ann, "USER", "ENABLED"),
            (nested, "GROUP", "ENABLED"),
        ]
        assert [one.entity_id for one in office.directory.members(acme, team)] == [ann, nested]
        assert desk("ListGroupsForEntity", OrganizationId=acme, EntityId="ann")["Groups"] == [
            {"GroupId": team, "GroupName": "team Ö"}
        ]
        request = {"OrganizationId": acme, "GroupId": team, "MemberId": ann}
        desk("DisassociateMemberFromGroup", **request)
        desk("DisassociateMemberFromGroup", **request)
        assert [one.entity_id for one in office.directory.members(acme, team)] == [nested]

    def test_cycles_are_allowed_but_not_with_oneself(self, desk: Any, acme: str, team: str) -> None:
        other = desk("CreateGroup", OrganizationId=acme, Name="other")["GroupId"]
        desk("AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=other)
        desk("AssociateMemberToGroup", OrganizationId=acme, GroupId=other, MemberId=team)
        desk.refused(
            "InvalidParameterException", "AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=team
        )

    def test_both_sides_must_exist(self, desk: Any, acme: str, team: str) -> None:
        user = desk("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
        for operation in ("AssociateMemberToGroup", "DisassociateMemberFromGroup"):
            desk.refused("EntityNotFoundException", operation, OrganizationId=acme, GroupId="no", MemberId=user)
            desk.refused("EntityNotFoundException", operation, OrganizationId=acme, GroupId=user, MemberId=team)
            desk.refused("EntityNotFoundException", operation, OrganizationId=acme, GroupId=team, MemberId="no")
        desk.refused("EntityNotFoundException", "ListGroupMembers", OrganizationId=acme, GroupId=user)

    def test_deleted_ones_are_gone_from_both_lists(self, desk: Any, acme: str, team: str) -> None:
        user = desk("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
        other = desk("CreateGroup", OrganizationId=acme, Name="other")["GroupId"]
        desk("AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=user)
        desk("AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=other)
        desk("DeleteUser", OrganizationId=acme, UserId=user)
        assert [one["Id"] for one in desk("ListGroupMembers", OrganizationId=acme, GroupId=team)["Members"]] == [other]
        desk.refused("EntityStateException", "AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=user)
        desk("DeleteGroup", OrganizationId=acme, GroupId=team)
        assert desk("ListGroupsForEntity", OrganizationId=acme, EntityId=other)["Groups"] == []
        desk.refused("EntityStateException", "ListGroupMembers", OrganizationId=acme, GroupId=team)

    def test_lists_come_in_pages_and_groups_by_prefix(self, desk: Any, acme: str, team: str) -> None:
        user = desk("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
        for name in ("alpha", "albert", "beta"):
            group = desk("CreateGroup", OrganizationId=acme, Name=name)["GroupId"]
            desk("AssociateMemberToGroup", OrganizationId=acme, GroupId=group, MemberId=user)
            desk("AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=group)
        request = {"OrganizationId": acme, "EntityId": user, "Filters": {"GroupNamePrefix": "AL"}}
        first = desk("ListGroupsForEntity", **request, MaxResults=1)
        second = desk("ListGroupsForEntity", **request, MaxResults=1, NextToken=first["NextToken"])
        assert [group["GroupName"] for group in first["Groups"] + second["Groups"]] == ["alpha", "albert"]
        assert "NextToken" not in second
        page = desk("ListGroupMembers", OrganizationId=acme, GroupId=team, MaxResults=2)
        rest = desk("ListGroupMembers", OrganizationId=acme, GroupId=team, NextToken=page["NextToken"])
        assert (len(page["Members"]), len(rest["Members"])) == (2, 1)
