"""Groups and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def team(caller: Any, acme: str) -> str:
    """A disabled group."""
    group: str = caller("CreateGroup", OrganizationId=acme, Name="team Ö")["GroupId"]
    return group


def test_a_new_group_is_disabled(caller: Any, acme: str, team: str) -> None:
    assert caller("DescribeGroup", OrganizationId=acme, GroupId=team) == {
        "GroupId": team,
        "Name": "team Ö",
        "State": "DISABLED",
        "HiddenFromGlobalAddressList": False,
    }
    caller("UpdateGroup", OrganizationId=acme, GroupId=team, HiddenFromGlobalAddressList=True)
    caller("UpdateGroup", OrganizationId=acme, GroupId=team)
    assert caller("DescribeGroup", OrganizationId=acme, GroupId=team)["HiddenFromGlobalAddressList"] is True
    caller.refused("EntityNotFoundException", "UpdateGroup", OrganizationId=acme, GroupId="nobody")


def test_an_enabled_group_shows_its_address_and_stays(caller: Any, acme: str, enable: Callable[..., str]) -> None:
    staff = enable("staff", kind="Group")
    found = caller("DescribeGroup", OrganizationId=acme, GroupId="staff@example.com")
    assert (found["Email"], found["State"]) == ("staff@example.com", "ENABLED")
    assert "EnabledDate" in found
    caller.refused("EntityStateException", "DeleteGroup", OrganizationId=acme, GroupId=staff)
    caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=staff)
    caller("DeleteGroup", OrganizationId=acme, GroupId=staff)
    assert caller("DescribeGroup", OrganizationId=acme, GroupId=staff)["State"] == "DELETED"
    assert caller("DeleteGroup", OrganizationId=acme, GroupId=staff) == {}
    assert caller("DeleteGroup", OrganizationId=acme, GroupId="nobody") == {}
    caller.refused("EntityStateException", "UpdateGroup", OrganizationId=acme, GroupId=staff)


def test_groups_are_listed_with_one_filter(caller: Any, acme: str, team: str, enable: Callable[..., str]) -> None:
    enable("staff", kind="Group")
    enable("ann")

    def names(**filters: str) -> list[str]:
        return sorted(group["Name"] for group in caller("ListGroups", OrganizationId=acme, Filters=filters)["Groups"])

    assert names() == ["staff", "team Ö"]
    assert names(NamePrefix="TEAM") == ["team Ö"]
    assert names(PrimaryEmailPrefix="staff@") == ["staff"]
    assert names(State="DISABLED") == ["team Ö"]
    caller.refused(
        "InvalidParameterException", "ListGroups", OrganizationId=acme, Filters={"NamePrefix": "a", "State": "ENABLED"}
    )


class TestMembers:
    def test_users_and_groups_come_and_go(
        self, caller: Any, acme: str, team: str, context: Any, enable: Callable[..., str]
    ) -> None:
        ann, nested = enable("ann"), enable("nested", kind="Group")
        for member in ("ann", "nested@example.com", ann):
            caller("AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=member)
        members = caller("ListGroupMembers", OrganizationId=acme, GroupId=team)["Members"]
        assert [(member["Id"], member["Type"], member["State"]) for member in members] == [
            (ann, "USER", "ENABLED"),
            (nested, "GROUP", "ENABLED"),
        ]
        assert [one.entity_id for one in context.directory.members(acme, team)] == [ann, nested]
        assert caller("ListGroupsForEntity", OrganizationId=acme, EntityId="ann")["Groups"] == [
            {"GroupId": team, "GroupName": "team Ö"}
        ]
        request = {"OrganizationId": acme, "GroupId": team, "MemberId": ann}
        caller("DisassociateMemberFromGroup", **request)
        caller("DisassociateMemberFromGroup", **request)
        assert [one.entity_id for one in context.directory.members(acme, team)] == [nested]

    def test_cycles_are_allowed_but_not_with_oneself(self, caller: Any, acme: str, team: str) -> None:
        other = caller("CreateGroup", OrganizationId=acme, Name="other")["GroupId"]
        caller("AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=other)
        caller("AssociateMemberToGroup", OrganizationId=acme, GroupId=other, MemberId=team)
        caller.refused(
            "InvalidParameterException", "AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=team
        )

    def test_both_sides_must_exist(self, caller: Any, acme: str, team: str) -> None:
        user = caller("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
        for operation in ("AssociateMemberToGroup", "DisassociateMemberFromGroup"):
            caller.refused("EntityNotFoundException", operation, OrganizationId=acme, GroupId="no", MemberId=user)
            caller.refused("EntityNotFoundException", operation, OrganizationId=acme, GroupId=user, MemberId=team)
            caller.refused("EntityNotFoundException", operation, OrganizationId=acme, GroupId=team, MemberId="no")
        caller.refused("EntityNotFoundException", "ListGroupMembers", OrganizationId=acme, GroupId=user)

    def test_deleted_ones_are_gone_from_both_lists(self, caller: Any, acme: str, team: str) -> None:
        user = caller("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
        other = caller("CreateGroup", OrganizationId=acme, Name="other")["GroupId"]
        caller("AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=user)
        caller("AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=other)
        caller("DeleteUser", OrganizationId=acme, UserId=user)
        assert [one["Id"] for one in caller("ListGroupMembers", OrganizationId=acme, GroupId=team)["Members"]] == [
            other
        ]
        caller.refused(
            "EntityStateException", "AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=user
        )
        caller("DeleteGroup", OrganizationId=acme, GroupId=team)
        assert caller("ListGroupsForEntity", OrganizationId=acme, EntityId=other)["Groups"] == []
        caller.refused("EntityStateException", "ListGroupMembers", OrganizationId=acme, GroupId=team)

    def test_lists_come_in_pages_and_groups_by_prefix(self, caller: Any, acme: str, team: str) -> None:
        user = caller("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")["UserId"]
        for name in ("alpha", "albert", "beta"):
            group = caller("CreateGroup", OrganizationId=acme, Name=name)["GroupId"]
            caller("AssociateMemberToGroup", OrganizationId=acme, GroupId=group, MemberId=user)
            caller("AssociateMemberToGroup", OrganizationId=acme, GroupId=team, MemberId=group)
        request = {"OrganizationId": acme, "EntityId": user, "Filters": {"GroupNamePrefix": "AL"}}
        first = caller("ListGroupsForEntity", **request, MaxResults=1)
        second = caller("ListGroupsForEntity", **request, MaxResults=1, NextToken=first["NextToken"])
        assert [group["GroupName"] for group in first["Groups"] + second["Groups"]] == ["alpha", "albert"]
        assert "NextToken" not in second
        page = caller("ListGroupMembers", OrganizationId=acme, GroupId=team, MaxResults=2)
        rest = caller("ListGroupMembers", OrganizationId=acme, GroupId=team, NextToken=page["NextToken"])
        assert (len(page["Members"]), len(rest["Members"])) == (2, 1)
