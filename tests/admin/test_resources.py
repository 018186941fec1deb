"""Resources: creation, changes, registration, listing, deletion."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.directory import EntityKind

if TYPE_CHECKING:
    from collections.abc import Callable


class TestCreate:
    def test_a_new_resource_is_disabled_and_accepts_requests(
        self, caller: Any, acme: str, room: str, context: Any
    ) -> None:
        assert re.fullmatch(r"r-[0-9a-f]{32}", room)
        assert caller("DescribeResource", OrganizationId=acme, ResourceId=room) == {
            "ResourceId": room,
            "Name": "Aurora",
            "Type": "ROOM",
            "State": "DISABLED",
            "BookingOptions": {
                "AutoAcceptRequests": True,
                "AutoDeclineRecurringRequests": False,
                "AutoDeclineConflictingRequests": True,
            },
            "HiddenFromGlobalAddressList": False,
        }
        assert context.mailboxes.heads == {}

    def test_description_and_hiding_are_kept(self, caller: Any, acme: str) -> None:
        made = caller(
            "CreateResource",
            OrganizationId=acme,
            Name="beamer",
            Type="EQUIPMENT",
            Description="Full HD, grün",
            HiddenFromGlobalAddressList=True,
        )["ResourceId"]
        found = caller("DescribeResource", OrganizationId=acme, ResourceId="BEAMER")
        assert (found["ResourceId"], found["Type"]) == (made, "EQUIPMENT")
        assert (found["Description"], found["HiddenFromGlobalAddressList"]) == ("Full HD, grün", True)

    def test_a_name_is_unique_over_users_groups_and_resources(self, caller: Any, acme: str, room: str) -> None:
        new = {"OrganizationId": acme, "Name": "aurora"}
        caller.refused("NameAvailabilityException", "CreateResource", **new, Type="ROOM")
        caller.refused("NameAvailabilityException", "CreateUser", **new, DisplayName="x")
        caller.refused("NameAvailabilityException", "CreateGroup", **new)

    def test_a_reserved_name_is_refused(self, caller: Any, acme: str) -> None:
        new = {"OrganizationId": acme, "Name": "AmazonJournaling", "Type": "ROOM"}
        caller.refused("ReservedNameException", "CreateResource", **new)

    @pytest.mark.parametrize(
        "bad",
        [{"Type": "CAR"}, {"Name": "two words"}, {"Name": "n" * 21}, {"Description": ""}, {"Description": "d" * 65}],
    )
    def test_what_the_model_forbids_is_refused(self, caller: Any, acme: str, bad: dict[str, str]) -> None:
        request = {"OrganizationId": acme, "Name": "aurora", "Type": "ROOM", **bad}
        caller.refused("InvalidParameterException", "CreateResource", **request)


class TestUpdate:
    def test_members_of_the_request_change_and_others_stay(self, caller: Any, acme: str, room: str) -> None:
        request = {"OrganizationId": acme, "ResourceId": room}
        caller("UpdateResource", **request, Type="EQUIPMENT", Description="on wheels", HiddenFromGlobalAddressList=True)
        caller("UpdateResource", **request)
        found = caller("DescribeResource", **request)
        assert (found["Name"], found["Type"], found["Description"]) == ("Aurora", "EQUIPMENT", "on wheels")
        assert found["HiddenFromGlobalAddressList"] is True
        caller("UpdateResource", **request, Description="")
        assert "Description" not in caller("DescribeResource", **request)

    def test_a_new_name_is_claimed_and_the_old_one_is_free(self, caller: Any, acme: str, room: str) -> None:
        caller("UpdateResource", OrganizationId=acme, ResourceId="aurora", Name="borealis")
        assert caller("DescribeResource", OrganizationId=acme, ResourceId="Borealis")["ResourceId"] == room
        caller.refused("EntityNotFoundException", "DescribeResource", OrganizationId=acme, ResourceId="aurora")
        assert caller("CreateGroup", OrganizationId=acme, Name="aurora")["GroupId"]
        taken = {"OrganizationId": acme, "ResourceId": room, "Name": "Aurora"}
        caller.refused("NameAvailabilityException", "UpdateResource", **taken)
        assert caller("DescribeResource", OrganizationId=acme, ResourceId=room)["Name"] == "borealis"

    def test_a_name_may_change_its_case_but_not_become_reserved(self, caller: Any, acme: str, room: str) -> None:
        request = {"OrganizationId": acme, "ResourceId": room}
        caller("UpdateResource", **request, Name="AURORA")
        assert caller("DescribeResource", OrganizationId=acme, ResourceId="aurora")["Name"] == "AURORA"
        caller.refused("NameAvailabilityException", "UpdateResource", **request, Name="amazonjournaling")

    def test_unknown_and_deleted_ones_are_refused(self, caller: Any, acme: str, room: str, user: str) -> None:
        for other in ("nothing", user):
            caller.refused("EntityNotFoundException", "UpdateResource", OrganizationId=acme, ResourceId=other)
        caller("DeleteResource", OrganizationId=acme, ResourceId=room)
        caller.refused("EntityStateException", "UpdateResource", OrganizationId=acme, ResourceId=room, Type="ROOM")


class TestRegistration:
    def test_a_resource_gets_a_mailbox_and_an_address(self, caller: Any, acme: str, room: str, context: Any) -> None:
        caller("RegisterToWorkMail", OrganizationId=acme, EntityId="aurora", Email="Aurora@example.com")
        found = caller("DescribeResource", OrganizationId=acme, ResourceId="aurora@example.com")
        assert (found["Email"], found["State"]) == ("Aurora@example.com", "ENABLED")
        assert found["EnabledDate"] * 1000 == caller.now - 1000
        addressee = context.directory.resolve(acme, ["aurora@example.com"])["aurora@example.com"]
        assert (addressee.kind, addressee.has_mailbox) == (EntityKind.RESOURCE, True)
        assert context.directory.owner(acme, room) == addressee
        assert context.mailboxes.heads[room].quota_bytes == 51_200 << 20
        entity = caller("DescribeEntity", OrganizationId=acme, Email="AURORA@example.com")
        assert entity == {"EntityId": room, "Name": "Aurora", "Type": "RESOURCE"}

    def test_it_does_not_get_mail_to_postmaster(self, caller: Any, acme: str, room: str, context: Any) -> None:
        caller("RegisterToWorkMail", OrganizationId=acme, EntityId=room, Email="aurora@example.com")
        assert context.directory.domain("example.com").fallback_mailbox is None

    def test_addresses_are_claimed_and_released(self, caller: Any, acme: str, enable: Callable[..., str]) -> None:
        enable("ann")
        room = enable("aurora", kind="Resource", Type="ROOM")
        named = {"OrganizationId": acme, "EntityId": room}
        caller("CreateAlias", **named, Alias="north@example.com")
        caller.refused("EmailAddressInUseException", "CreateAlias", **named, Alias="ann@example.com")
        caller("UpdatePrimaryEmailAddress", **named, Email="north@example.com")
        assert caller("ListAliases", **named)["Aliases"] == ["aurora@example.com"]
        caller("DeregisterFromWorkMail", **named)
        found = caller("DescribeResource", OrganizationId=acme, ResourceId=room)
        assert (found["State"], "Email" in found) == ("DISABLED", False)
        assert found["DisabledDate"] * 1000 == caller.now - 1000
        for address in ("aurora@example.com", "north@example.com"):
            caller.refused("EntityNotFoundException", "DescribeEntity", OrganizationId=acme, Email=address)

    def test_the_same_mailbox_comes_back(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        room = enable("aurora", kind="Resource", Type="ROOM")
        head = context.mailboxes.heads[room]
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=room)
        caller("RegisterToWorkMail", OrganizationId=acme, EntityId=room, Email="aurora@example.com")
        assert context.mailboxes.heads[room] == head

    def test_a_resource_is_no_user_and_no_member_of_groups(self, caller: Any, acme: str, room: str) -> None:
        team = caller("CreateGroup", OrganizationId=acme, Name="team")["GroupId"]
        for operation in ("AssociateMemberToGroup", "DisassociateMemberFromGroup"):
            caller.refused("EntityNotFoundException", operation, OrganizationId=acme, GroupId=team, MemberId=room)
        assert caller("ListGroupsForEntity", OrganizationId=acme, EntityId=room) == {"Groups": []}
        for operation in ("DescribeUser", "GetMailboxDetails"):
            caller.refused("EntityNotFoundException", operation, OrganizationId=acme, UserId=room)


class TestDeletion:
    def test_an_enabled_resource_stays_and_a_disabled_one_goes(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        room = enable("aurora", kind="Resource", Type="ROOM")
        caller.refused("EntityStateException", "DeleteResource", OrganizationId=acme, ResourceId=room)
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=room)
        assert caller("DeleteResource", OrganizationId=acme, ResourceId="aurora") == {}
        assert caller("DescribeResource", OrganizationId=acme, ResourceId=room)["State"] == "DELETED"
        caller.refused("EntityNotFoundException", "DescribeResource", OrganizationId=acme, ResourceId="aurora")
        register = {"OrganizationId": acme, "EntityId": room, "Email": "aurora@example.com"}
        caller.refused("EntityStateException", "RegisterToWorkMail", **register)
        assert room in context.mailboxes.heads, "archived for 30 days"
        assert enable("aurora", kind="Resource", Type="ROOM") != room

    def test_missing_ones_and_other_entities_are_no_error_and_stay(
        self, caller: Any, acme: str, room: str, user: str
    ) -> None:
        for name in ("nothing", user, room, room):
            assert caller("DeleteResource", OrganizationId=acme, ResourceId=name) == {}
        assert caller("DescribeUser", OrganizationId=acme, UserId=user)["State"] == "DISABLED"

    def test_an_organization_is_deleted_with_its_resources(
        self, caller: Any, acme: str, context: Any, user: str, enable: Callable[..., str]
    ) -> None:
        room = enable("aurora", kind="Resource", Type="ROOM")
        caller("AssociateDelegateToResource", OrganizationId=acme, ResourceId=room, EntityId=user)
        caller("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
        caller.settle()
        assert context.mailboxes.heads == {}
        assert context.directory.entities(acme, EntityKind.RESOURCE, None, 9).items == []
        assert {type(row).__name__ for row in context.directory.records()} == {"Organization"}


class TestList:
    def test_summaries_say_what_the_model_has(self, caller: Any, acme: str, enable: Callable[..., str]) -> None:
        enable("ann")
        room = enable("aurora", kind="Resource", Type="ROOM", Description="3rd floor")
        enabled = caller("DescribeResource", OrganizationId=acme, ResourceId=room)["EnabledDate"]
        assert caller("ListResources", OrganizationId=acme) == {
            "Resources": [
                {
                    "Id": room,
                    "Email": "aurora@example.com",
                    "Name": "aurora",
                    "Type": "ROOM",
                    "State": "ENABLED",
                    "EnabledDate": enabled,
                    "Description": "3rd floor",
                }
            ]
        }

    def test_one_filter_at_a_time(self, caller: Any, acme: str, room: str, enable: Callable[..., str]) -> None:
        enable("car-1", kind="Resource", Type="EQUIPMENT")
        gone = caller("CreateResource", OrganizationId=acme, Name="car-2", Type="EQUIPMENT")["ResourceId"]
        caller("DeleteResource", OrganizationId=acme, ResourceId=gone)

        def names(**filters: str) -> list[str]:
            found = caller("ListResources", OrganizationId=acme, Filters=filters)["Resources"]
            return sorted(resource["Name"] for resource in found)

        assert names() == ["Aurora", "car-1"]
        assert names(NamePrefix="aur") == ["Aurora"]
        assert names(PrimaryEmailPrefix="CAR-1@") == ["car-1"]
        assert names(State="DISABLED") == ["Aurora"]
        assert names(State="DELETED") == ["car-2"]
        two = {"NamePrefix": "a", "State": "ENABLED"}
        caller.refused("InvalidParameterException", "ListResources", OrganizationId=acme, Filters=two)

    def test_pages_follow_each_other(self, caller: Any, acme: str) -> None:
        for number in range(5):
            caller("CreateResource", OrganizationId=acme, Name=f"r{number}", Type="ROOM")
        first = caller("ListResources", OrganizationId=acme, MaxResults=3)
        second = caller("ListResources", OrganizationId=acme, MaxResults=3, NextToken=first["NextToken"])
        assert [len(first["Resources"]), len(second["Resources"])] == [3, 2]
        assert "NextToken" not in second
        assert len({each["Id"] for each in first["Resources"] + second["Resources"]}) == 5
