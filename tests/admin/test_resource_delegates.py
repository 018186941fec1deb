"""Booking options of resources, and their delegates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.directory import EntityState

if TYPE_CHECKING:
    from collections.abc import Callable

ALL_OFF = {
    "AutoAcceptRequests": False,
    "AutoDeclineRecurringRequests": False,
    "AutoDeclineConflictingRequests": False,
}


def delegates(caller: Any, organization: str, resource: str) -> list[str]:
    found = caller("ListResourceDelegates", OrganizationId=organization, ResourceId=resource)["Delegates"]
    return [one["Id"] for one in found]


class TestBookingOptions:
    def test_all_options_are_replaced_and_one_that_is_not_given_is_off(self, caller: Any, acme: str, room: str) -> None:
        request = {"OrganizationId": acme, "ResourceId": room}
        caller("UpdateResource", **request, BookingOptions={**ALL_OFF, "AutoAcceptRequests": True})
        options = {"AutoAcceptRequests": True, "AutoDeclineRecurringRequests": True}
        caller("UpdateResource", **request, BookingOptions=options)
        expected = {**ALL_OFF, **options}
        assert caller("DescribeResource", **request)["BookingOptions"] == expected
        caller("UpdateResource", **request, Type="EQUIPMENT")
        assert caller("DescribeResource", **request)["BookingOptions"] == expected

    @pytest.mark.parametrize("options", [{}, ALL_OFF, {"AutoDeclineConflictingRequests": True}])
    def test_without_automatic_answers_a_delegate_is_needed(
        self, caller: Any, acme: str, room: str, user: str, options: dict[str, bool]
    ) -> None:
        request = {"OrganizationId": acme, "ResourceId": room, "BookingOptions": options}
        before = caller("DescribeResource", OrganizationId=acme, ResourceId=room)
        caller.refused("InvalidConfigurationException", "UpdateResource", **request, Name="other")
        assert caller("DescribeResource", OrganizationId=acme, ResourceId=room) == before
        caller("AssociateDelegateToResource", OrganizationId=acme, ResourceId=room, EntityId=user)
        caller("UpdateResource", **request)
        found = caller("DescribeResource", OrganizationId=acme, ResourceId=room)
        assert found["BookingOptions"] == {**ALL_OFF, **options}

    def test_a_deleted_delegate_does_not_count(self, caller: Any, acme: str, room: str, user: str) -> None:
        caller("AssociateDelegateToResource", OrganizationId=acme, ResourceId=room, EntityId=user)
        caller("DeleteUser", OrganizationId=acme, UserId=user)
        request = {"OrganizationId": acme, "ResourceId": room, "BookingOptions": ALL_OFF}
        caller.refused("InvalidConfigurationException", "UpdateResource", **request)


class TestDelegates:
    def test_users_and_groups_come_and_go(
        self, caller: Any, acme: str, room: str, user: str, enable: Callable[..., str]
    ) -> None:
        team = enable("team", kind="Group")
        for name in ("ann", "team@example.com", user):
            assert caller("AssociateDelegateToResource", OrganizationId=acme, ResourceId="aurora", EntityId=name) == {}
        found = caller("ListResourceDelegates", OrganizationId=acme, ResourceId=room)
        assert found == {"Delegates": [{"Id": user, "Type": "USER"}, {"Id": team, "Type": "GROUP"}]}
        request = {"OrganizationId": acme, "ResourceId": room, "EntityId": user}
        for _ in range(2):
            assert caller("DisassociateDelegateFromResource", **request) == {}
        assert delegates(caller, acme, room) == [team]

    def test_both_sides_must_exist_and_a_resource_is_no_delegate(
        self, caller: Any, acme: str, room: str, user: str
    ) -> None:
        other = caller("CreateResource", OrganizationId=acme, Name="other", Type="ROOM")["ResourceId"]
        for operation in ("AssociateDelegateToResource", "DisassociateDelegateFromResource"):
            for resource, entity in (("no", user), (user, user), (room, "no"), (room, room), (room, other)):
                request = {"OrganizationId": acme, "ResourceId": resource, "EntityId": entity}
                caller.refused("EntityNotFoundException", operation, **request)
        caller.refused("EntityNotFoundException", "ListResourceDelegates", OrganizationId=acme, ResourceId=user)

    def test_a_deleted_delegate_leaves_the_list_and_the_options_stay(
        self, caller: Any, acme: str, room: str, user: str
    ) -> None:
        request = {"OrganizationId": acme, "ResourceId": room, "EntityId": user}
        caller("AssociateDelegateToResource", **request)
        caller("UpdateResource", OrganizationId=acme, ResourceId=room, BookingOptions=ALL_OFF)
        caller("DeleteUser", OrganizationId=acme, UserId=user)
        assert delegates(caller, acme, room) == []
        found = caller("DescribeResource", OrganizationId=acme, ResourceId=room)
        assert found["BookingOptions"] == ALL_OFF
        caller("UpdateResource", OrganizationId=acme, ResourceId=room, Name="renamed")
        caller.refused("EntityStateException", "AssociateDelegateToResource", **request)
        assert caller("DisassociateDelegateFromResource", **request) == {}

    def test_the_last_one_stays_while_requests_are_not_accepted_automatically(
        self, caller: Any, acme: str, room: str, user: str
    ) -> None:
        team = caller("CreateGroup", OrganizationId=acme, Name="team")["GroupId"]
        request = {"OrganizationId": acme, "ResourceId": room, "EntityId": user}
        caller("AssociateDelegateToResource", **request)
        caller("UpdateResource", OrganizationId=acme, ResourceId=room, BookingOptions=ALL_OFF)
        caller.refused("EntityStateException", "DisassociateDelegateFromResource", **request)
        caller("DisassociateDelegateFromResource", **{**request, "EntityId": team})
        caller("AssociateDelegateToResource", **{**request, "EntityId": team})
        caller("DisassociateDelegateFromResource", **request)
        assert delegates(caller, acme, room) == [team]
        on = {"AutoAcceptRequests": True}
        caller("UpdateResource", OrganizationId=acme, ResourceId=room, BookingOptions=on)
        caller("DisassociateDelegateFromResource", **{**request, "EntityId": team})
        assert delegates(caller, acme, room) == []

    def test_a_deleted_resource_has_none(self, caller: Any, acme: str, room: str, user: str) -> None:
        request = {"OrganizationId": acme, "ResourceId": room}
        caller("DeleteResource", **request)
        caller.refused("EntityStateException", "ListResourceDelegates", **request)
        for operation in ("AssociateDelegateToResource", "DisassociateDelegateFromResource"):
            caller.refused("EntityStateException", operation, **request, EntityId=user)

    def test_lists_come_in_pages(self, caller: Any, acme: str, room: str) -> None:
        groups = [caller("CreateGroup", OrganizationId=acme, Name=f"g{number}")["GroupId"] for number in range(5)]
        for group in groups:
            caller("AssociateDelegateToResource", OrganizationId=acme, ResourceId=room, EntityId=group)
        request = {"OrganizationId": acme, "ResourceId": room, "MaxResults": 3}
        first = caller("ListResourceDelegates", **request)
        second = caller("ListResourceDelegates", **request, NextToken=first["NextToken"])
        assert [one["Id"] for one in first["Delegates"] + second["Delegates"]] == groups
        assert "NextToken" not in second
        elsewhere = {**request, "ResourceId": "other", "NextToken": first["NextToken"]}
        caller("CreateResource", OrganizationId=acme, Name="other", Type="ROOM")
        caller.refused("InvalidParameterException", "ListResourceDelegates", **elsewhere)


class Overtaken:
    """A directory in which another request is answered just before the next commit."""

    def __init__(self, inner: Any, other: Callable[[], None]) -> None:
        self._inner = inner
        self._other: Callable[[], None] | None = other

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def commit(self, changes: Any) -> None:
        other, self._other = self._other, None
        if other is not None:
            other()
        self._inner.commit(changes)


class TestRequestsAtTheSameMoment:
    """A resource ends with automatic answers or a delegate, whichever of two requests comes first."""

    @pytest.fixture
    def staffed(self, caller: Any, acme: str, room: str, user: str) -> str:
        caller("AssociateDelegateToResource", OrganizationId=acme, ResourceId=room, EntityId=user)
        return room

    def overtake(self, caller: Any, operation: str, **request: Any) -> None:
        """Let another caller's request be answered just before the next commit of this one."""
        context = caller.context
        other = type(caller)(context, caller.now)
        changed = Overtaken(context.directory, lambda: other(operation, **request))
        caller.context = replace(context, directory=changed)

    def test_the_only_delegate_is_removed_before_automatic_answers_are_switched_off(
        self, caller: Any, acme: str, staffed: str, user: str
    ) -> None:
        named = {"OrganizationId": acme, "ResourceId": staffed}
        self.overtake(caller, "DisassociateDelegateFromResource", **named, EntityId=user)
        caller.refused("InvalidConfigurationException", "UpdateResource", **named, BookingOptions=ALL_OFF)

    def test_automatic_answers_are_switched_off_before_the_only_delegate_is_removed(
        self, caller: Any, acme: str, staffed: str, user: str
    ) -> None:
        named = {"OrganizationId": acme, "ResourceId": staffed}
        self.overtake(caller, "UpdateResource", **named, BookingOptions=ALL_OFF)
        caller.refused("EntityStateException", "DisassociateDelegateFromResource", **named, EntityId=user)

    def test_of_the_last_two_delegates_one_stays(self, caller: Any, acme: str, staffed: str, user: str) -> None:
        named = {"OrganizationId": acme, "ResourceId": staffed}
        team = caller("CreateGroup", OrganizationId=acme, Name="team")["GroupId"]
        caller("AssociateDelegateToResource", **named, EntityId=team)
        caller("UpdateResource", **named, BookingOptions=ALL_OFF)
        self.overtake(caller, "DisassociateDelegateFromResource", **named, EntityId=team)
        caller.refused("EntityStateException", "DisassociateDelegateFromResource", **named, EntityId=user)
        assert delegates(caller, acme, staffed) == [user]

    def test_a_delegate_that_is_deleted_meanwhile_is_refused(
        self, caller: Any, acme: str, room: str, user: str, context: Any
    ) -> None:
        self.overtake(caller, "DeleteUser", OrganizationId=acme, UserId=user)
        request = {"OrganizationId": acme, "ResourceId": room, "EntityId": user}
        caller.refused("EntityStateException", "AssociateDelegateToResource", **request)
        assert context.directory.entity(acme, user).state is EntityState.DELETED
