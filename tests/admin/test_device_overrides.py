"""Mobile device access overrides: the guide's examples, and what the API accepts and returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.access.devices import device_decision
from postroom.model.device_rules import Device

if TYPE_CHECKING:
    from collections.abc import Callable

Put, Get, Delete = (f"{verb}MobileDeviceAccessOverride" for verb in ("Put", "Get", "Delete"))
List = "ListMobileDeviceAccessOverrides"
DEVICE = "6APMEKPHCP2ND42VIJ4BR8ECD0"


@pytest.fixture
def allowed(context: Any, acme: str) -> Callable[..., str]:
    """Return what a device of a user is told."""

    def decide(user_id: str, device_id: str = DEVICE) -> str:
        organization = context.directory.organization(acme)
        found = device_decision(context.directory, organization, user_id, device_id, Device(type="iPhone"))
        return found.effect.value

    return decide


class TestTheExamplesOfTheGuide:
    def test_deny_then_allow_then_delete(
        self, caller: Any, acme: str, enable: Callable[..., str], allowed: Callable[..., str]
    ) -> None:
        """ZH:6710-6729: the user is named by an address; without the override the rules decide again."""
        user = enable("user1")
        named = {"OrganizationId": acme, "UserId": "user1@example.com", "DeviceId": DEVICE}
        assert allowed(user) == "ALLOW"
        assert caller(Put, **named, Effect="DENY") == {}
        assert allowed(user) == "DENY"
        assert allowed(user, "ANOTHER") == "ALLOW"
        assert caller(Put, **named, Effect="ALLOW") == {}
        assert allowed(user) == "ALLOW"
        caller(Put, **named, Effect="DENY")
        assert caller(Delete, **named) == {}
        assert allowed(user) == "ALLOW"
        assert caller(Delete, **named) == {}

    def test_a_managed_device_with_default_deny_all(
        self, caller: Any, acme: str, user: str, allowed: Callable[..., str]
    ) -> None:
        """ZH:6780-6785: an override allows one device, until it is removed or denies."""
        caller("CreateMobileDeviceAccessRule", OrganizationId=acme, Name="DefaultDenyAll", Effect="DENY")
        assert allowed(user) == "DENY"
        named = {"OrganizationId": acme, "UserId": user, "DeviceId": DEVICE}
        caller(Put, **named, Effect="ALLOW")
        assert allowed(user) == "ALLOW"
        assert allowed(user, "ANOTHER") == "DENY"
        caller(Put, **named, Effect="DENY")
        assert allowed(user) == "DENY"


def test_an_override_comes_back_in_any_case_of_the_device(caller: Any, acme: str, user: str) -> None:
    named = {"OrganizationId": acme, "UserId": "ANN"}
    caller(Put, **named, DeviceId="aB1", Effect="DENY", Description="lost")
    made = caller.now / 1000
    expected = {
        "UserId": user,
        "DeviceId": "aB1",
        "Effect": "DENY",
        "Description": "lost",
        "DateCreated": made,
        "DateModified": made,
    }
    assert caller(Get, **named, DeviceId="Ab1") == expected
    caller(Put, **named, DeviceId="aB1", Effect="DENY", Description="lost")
    assert caller(Get, **named, DeviceId="AB1") == expected
    caller(Put, **named, DeviceId="AB1", Effect="ALLOW")
    changed = caller.now / 1000
    assert caller(List, OrganizationId=acme)["Overrides"] == [
        {"UserId": user, "DeviceId": "AB1", "Effect": "ALLOW", "DateCreated": made, "DateModified": changed}
    ]
    caller(Delete, **named, DeviceId="ab1")
    caller.refused("ResourceNotFoundException", Get, **named, DeviceId="AB1")


def test_lists_of_a_user_of_a_device_and_of_both(caller: Any, acme: str, enable: Callable[..., str]) -> None:
    ann, bob = sorted((enable("ann"), enable("bob")))
    for user, device in ((ann, "a"), (ann, "B"), (bob, "A"), (bob, "c")):
        caller(Put, OrganizationId=acme, UserId=user, DeviceId=device, Effect="DENY")

    def listed(**wanted: Any) -> list[tuple[str, str]]:
        found = caller(List, OrganizationId=acme, **wanted)["Overrides"]
        return [(each["UserId"], each["DeviceId"]) for each in found]

    assert listed() == [(ann, "a"), (ann, "B"), (bob, "A"), (bob, "c")]
    assert listed(UserId=ann) == [(ann, "a"), (ann, "B")]
    assert listed(DeviceId="a") == [(ann, "a"), (bob, "A")]
    assert listed(UserId=bob, DeviceId="C") == [(bob, "c")]
    assert listed(UserId=ann, DeviceId="C") == []
    first = caller(List, OrganizationId=acme, DeviceId="a", MaxResults=1)
    second = caller(List, OrganizationId=acme, DeviceId="a", MaxResults=1, NextToken=first["NextToken"])
    assert [each["Overrides"][0]["UserId"] for each in (first, second)] == [ann, bob]
    assert "NextToken" not in second
    caller.refused("InvalidParameterException", List, OrganizationId=acme, DeviceId="c", NextToken=first["NextToken"])


@pytest.mark.parametrize("operation", [Put, Get, Delete, List])
def test_unknown_users_and_other_entities_are_not_found(caller: Any, acme: str, room: str, operation: str) -> None:
    for user in ("nobody", room):
        named = {"OrganizationId": acme, "UserId": user, "DeviceId": "a"}
        effect = {"Effect": "DENY"} if operation == Put else {}
        caller.refused("EntityNotFoundException", operation, **named, **effect)


@pytest.mark.parametrize("device", ["", "a" * 33, "a-b", "ß", "a#b"])
def test_what_is_no_device_id_is_refused(caller: Any, acme: str, user: str, device: str) -> None:
    named = {"OrganizationId": acme, "UserId": user, "DeviceId": device}
    assert "'deviceId'" in caller.refused("InvalidParameterException", Put, **named, Effect="DENY")
    caller.refused("InvalidParameterException", Get, **named)


def test_overrides_go_with_their_user(caller: Any, acme: str, user: str, enable: Callable[..., str]) -> None:
    other = enable("bob")
    for number in range(120):  # more than one transaction has rows
        caller(Put, OrganizationId=acme, UserId=user, DeviceId=f"d{number}", Effect="DENY")
    caller(Put, OrganizationId=acme, UserId=other, DeviceId="d", Effect="DENY")
    caller("DeleteUser", OrganizationId=acme, UserId=user)
    assert [each["UserId"] for each in caller(List, OrganizationId=acme)["Overrides"]] == [other]
    named = {"OrganizationId": acme, "UserId": user, "DeviceId": "d"}
    caller.refused("EntityStateException", Put, **named, Effect="DENY")
    caller.refused("ResourceNotFoundException", Get, **named)
    assert caller(Delete, **named) == {}
    assert caller(List, OrganizationId=acme, UserId=user) == {"Overrides": []}
