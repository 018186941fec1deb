"""Mobile device rules, overrides and mailbox permissions by a stock boto3 client, with every error of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.device_rules import MAX_DEVICE_RULES

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWN = "m-" + "0" * 32
RULE = {"Name": "n", "Effect": "DENY"}
RULE_ID = {"MobileDeviceAccessRuleId": "x"}
OVERRIDE = {"UserId": "ann", "DeviceId": "a1"}
PERMISSION = {"EntityId": "ann", "GranteeId": "bob"}
REQUESTS: dict[str, dict[str, Any]] = {
    "create_mobile_device_access_rule": RULE,
    "update_mobile_device_access_rule": RULE | RULE_ID,
    "delete_mobile_device_access_rule": RULE_ID,
    "list_mobile_device_access_rules": {},
    "get_mobile_device_access_effect": {},
    "put_mobile_device_access_override": OVERRIDE | {"Effect": "DENY"},
    "get_mobile_device_access_override": OVERRIDE,
    "delete_mobile_device_access_override": OVERRIDE,
    "list_mobile_device_access_overrides": {},
    "put_mailbox_permissions": PERMISSION | {"PermissionValues": ["SEND_AS"]},
    "delete_mailbox_permissions": PERMISSION,
    "list_mailbox_permissions": {"EntityId": "ann"},
}
INVALID: dict[str, dict[str, Any]] = {
    "create_mobile_device_access_rule": {"Effect": "MAYBE"},
    "update_mobile_device_access_rule": {"DeviceTypes": ["x"] * 11},
    "delete_mobile_device_access_rule": {"MobileDeviceAccessRuleId": "a b"},
    "list_mobile_device_access_rules": {"OrganizationId": "m-" + "x" * 32},
    "get_mobile_device_access_effect": {"DeviceType": "日本"},
    "put_mobile_device_access_override": {"DeviceId": "a-b"},
    "get_mobile_device_access_override": {"DeviceId": "a-b"},
    "delete_mobile_device_access_override": {"DeviceId": "a-b"},
    "list_mobile_device_access_overrides": {"MaxResults": 101},
    "put_mailbox_permissions": {"PermissionValues": ["READ"]},
    "delete_mailbox_permissions": {"EntityId": "a b"},
    "list_mailbox_permissions": {"MaxResults": 101},
}


@pytest.fixture
def acme(workmail: Any, acme: str) -> str:
    """An organization with ann and bob, enabled."""
    for name in ("ann", "bob"):
        made = workmail.create_user(OrganizationId=acme, Name=name, DisplayName=name)["UserId"]
        workmail.register_to_work_mail(OrganizationId=acme, EntityId=made, Email=f"{name}@example.com")
    return acme


def test_every_error_of_the_model(workmail: Any, acme: str, refused: Callable[..., None]) -> None:
    for operation, request in REQUESTS.items():
        refused("OrganizationNotFoundException", operation, OrganizationId=UNKNOWN, **request)
        refused("InvalidParameterException", operation, **{"OrganizationId": acme, **request, **INVALID[operation]})
    refused("EntityNotFoundException", "update_mobile_device_access_rule", OrganizationId=acme, **RULE, **RULE_ID)
    nobody = {"UserId": "nobody", "EntityId": "nobody"}
    for operation, request in REQUESTS.items():
        named = {name: nobody.get(name, value) for name, value in request.items()}
        if named != request:
            refused("EntityNotFoundException", operation, OrganizationId=acme, **named)
    refused("EntityNotFoundException", "list_mobile_device_access_overrides", OrganizationId=acme, UserId="nobody")
    refused("ResourceNotFoundException", "get_mobile_device_access_override", OrganizationId=acme, **OVERRIDE)
    for _ in range(MAX_DEVICE_RULES - 1):
        workmail.create_mobile_device_access_rule(OrganizationId=acme, **RULE)
    refused("LimitExceededException", "create_mobile_device_access_rule", OrganizationId=acme, **RULE)
    bob = workmail.describe_user(OrganizationId=acme, UserId="bob")["UserId"]
    workmail.deregister_from_work_mail(OrganizationId=acme, EntityId=bob)
    workmail.delete_user(OrganizationId=acme, UserId=bob)
    deleted = {"UserId": bob, "GranteeId": bob}
    for operation in ("put_mobile_device_access_override", "put_mailbox_permissions", "delete_mailbox_permissions"):
        named = {name: deleted.get(name, value) for name, value in REQUESTS[operation].items()}
        refused("EntityStateException", operation, OrganizationId=acme, **named)
    workmail.delete_organization(OrganizationId=acme, DeleteDirectory=True, ForceDelete=True)
    for operation, request in REQUESTS.items():
        refused("OrganizationStateException", operation, OrganizationId=acme, **request)


def test_devices_are_allowed_by_rules_that_are_stored(workmail: Any, acme: str) -> None:
    named = {"OrganizationId": acme}
    effect = workmail.get_mobile_device_access_effect(**named, DeviceType="Android")
    assert (effect["Effect"], effect["MatchedRules"][0]["Name"]) == ("ALLOW", "default")
    made = workmail.create_mobile_device_access_rule(
        **named, Name="BlockAllAndroid", Effect="DENY", DeviceTypes=["android"]
    )["MobileDeviceAccessRuleId"]
    effect = workmail.get_mobile_device_access_effect(**named, DeviceType="Android")
    assert effect["MatchedRules"] == [{"MobileDeviceAccessRuleId": made, "Name": "BlockAllAndroid"}]
    for rule in workmail.list_mobile_device_access_rules(**named)["Rules"]:
        workmail.delete_mobile_device_access_rule(**named, MobileDeviceAccessRuleId=rule["MobileDeviceAccessRuleId"])
    assert workmail.list_mobile_device_access_rules(**named)["Rules"] == []
    assert workmail.get_mobile_device_access_effect(**named, DeviceType="iPhone")["Effect"] == "DENY"


def test_overrides_and_permissions_are_stored_and_paged(workmail: Any, acme: str) -> None:
    named = {"OrganizationId": acme}
    ann, bob = (workmail.describe_user(**named, UserId=name)["UserId"] for name in ("ann", "bob"))
    for user in (ann, bob):
        workmail.put_mobile_device_access_override(**named, UserId=user, DeviceId="aB1", Effect="ALLOW")
    workmail.put_mobile_device_access_override(**named, **OVERRIDE, Effect="DENY", Description="d")
    found = workmail.get_mobile_device_access_override(**named, UserId=ann, DeviceId="A1")
    assert (found["UserId"], found["DeviceId"], found["Effect"], found["Description"]) == (ann, "a1", "DENY", "d")
    assert found["DateCreated"] == found["DateModified"]
    first = workmail.list_mobile_device_access_overrides(**named, MaxResults=2)
    rest = workmail.list_mobile_device_access_overrides(**named, MaxResults=2, NextToken=first["NextToken"])
    listed = [(each["UserId"], each["DeviceId"]) for page in (first, rest) for each in page["Overrides"]]
    assert listed == sorted([(ann, "a1"), (ann, "aB1"), (bob, "aB1")])
    for grantee in (ann, bob):
        workmail.put_mailbox_permissions(**named, EntityId=ann, GranteeId=grantee, PermissionValues=["SEND_AS"])
    pages = workmail.get_paginator("list_mailbox_permissions").paginate(
        **named, EntityId=ann, PaginationConfig={"PageSize": 1}
    )
    assert [each["GranteeId"] for page in pages for each in page["Permissions"]] == sorted((ann, bob))
    workmail.delete_mailbox_permissions(**named, EntityId=ann, GranteeId=ann)
    (left,) = workmail.list_mailbox_permissions(**named, EntityId="ann")["Permissions"]
    assert left == {"GranteeId": bob, "GranteeType": "USER", "PermissionValues": ["SEND_AS"]}
