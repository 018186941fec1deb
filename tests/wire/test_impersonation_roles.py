"""Impersonation roles through a stock boto3 client: the guide's way through them, and every error of the model."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.wire.conftest import NeedsActive

R404, U404 = "r-404", "00000404-0000-4000-8000-000000000000"
ALL = {"ImpersonationRuleId": "all", "Effect": "ALLOW"}
ROLE = {"Name": "Sync", "Type": "FULL_ACCESS", "Rules": [ALL]}


def test_the_guides_way_from_a_role_to_a_token(workmail: Any, acme: str) -> None:
    named = {"OrganizationId": acme}
    user = workmail.create_user(**named, Name="ann", DisplayName="Ann")["UserId"]
    workmail.register_to_work_mail(**named, EntityId=user, Email="ann@example.com")
    rule = {**ALL, "Name": "Ann", "TargetUsers": ["ann@example.com"]}
    role = workmail.create_impersonation_role(**named, **ROLE | {"Rules": [rule]}, Description="d")
    named = {**named, "ImpersonationRoleId": role["ImpersonationRoleId"]}
    found = workmail.get_impersonation_role(**named)
    assert isinstance(found["DateCreated"], datetime)
    assert (found["Description"], found["Rules"]) == ("d", [{**rule, "TargetUsers": [user]}])
    effect = workmail.get_impersonation_role_effect(**named, TargetUser="ann")
    assert (effect["Type"], effect["Effect"]) == ("FULL_ACCESS", "ALLOW")
    assert effect["MatchedRules"] == [{"ImpersonationRuleId": "all", "Name": "Ann"}]
    token = workmail.assume_impersonation_role(**named)
    assert (token["ExpiresIn"], 1 <= len(token["Token"]) <= 256) == (900, True)
    workmail.update_impersonation_role(**named, Name="Sync", Type="READ_ONLY", Rules=[{**ALL, "Effect": "DENY"}])
    effect = workmail.get_impersonation_role_effect(**named, TargetUser=user)
    assert (effect["Type"], effect["Effect"]) == ("READ_ONLY", "DENY")
    (listed,) = workmail.list_impersonation_roles(OrganizationId=acme)["Roles"]
    assert (listed["Name"], listed["DateModified"] > listed["DateCreated"]) == ("Sync", True)
    workmail.delete_impersonation_role(**named)
    assert workmail.list_impersonation_roles(OrganizationId=acme)["Roles"] == []


def test_errors_are_the_modelled_classes(workmail: Any, acme: str) -> None:
    raised, named = workmail.exceptions, {"OrganizationId": acme}
    users = [workmail.create_user(**named, Name=name, DisplayName=name)["UserId"] for name in ("off", "gone")]
    workmail.delete_user(**named, UserId=users[1])
    role = workmail.create_impersonation_role(**named, **ROLE)["ImpersonationRoleId"]
    with pytest.raises(raised.InvalidParameterException, match="has the name"):
        workmail.create_impersonation_role(**named, **ROLE)
    with pytest.raises(raised.InvalidParameterException, match="two rules"):
        workmail.update_impersonation_role(**named, **ROLE | {"Rules": [ALL, ALL]}, ImpersonationRoleId=role)
    for change in (workmail.create_impersonation_role, workmail.update_impersonation_role):
        request = {**named, **ROLE, "Name": "other"}
        request |= {} if change == workmail.create_impersonation_role else {"ImpersonationRoleId": role}
        with pytest.raises(raised.EntityNotFoundException, match=U404):
            change(**request | {"Rules": [{**ALL, "TargetUsers": [U404]}]})
        with pytest.raises(raised.EntityStateException, match=users[1]):
            change(**request | {"Rules": [{**ALL, "NotTargetUsers": [users[1]]}]})
    asked = {**named, "ImpersonationRoleId": role}
    with pytest.raises(raised.EntityNotFoundException, match=U404):
        workmail.get_impersonation_role_effect(**asked, TargetUser=U404)
    with pytest.raises(raised.EntityStateException, match=users[0]):
        workmail.get_impersonation_role_effect(**asked, TargetUser=users[0])
    for name in ("get_impersonation_role", "update_impersonation_role", "assume_impersonation_role"):
        with pytest.raises(raised.ResourceNotFoundException, match=R404):
            getattr(workmail, name)(**named, **OPERATIONS[name])
    with pytest.raises(raised.ResourceNotFoundException, match=R404):
        workmail.get_impersonation_role_effect(**named, ImpersonationRoleId=R404, TargetUser=users[0])
    with pytest.raises(raised.InvalidParameterException):
        workmail.list_impersonation_roles(**named, NextToken="x")
    for number in range(19):
        workmail.create_impersonation_role(**named, **ROLE | {"Name": f"r{number}"})
    with pytest.raises(raised.LimitExceededException, match="20"):
        workmail.create_impersonation_role(**named, **ROLE | {"Name": "more"})


OPERATIONS: dict[str, dict[str, Any]] = {
    "create_impersonation_role": ROLE,
    "update_impersonation_role": {**ROLE, "ImpersonationRoleId": R404},
    "delete_impersonation_role": {"ImpersonationRoleId": R404},
    "get_impersonation_role": {"ImpersonationRoleId": R404},
    "list_impersonation_roles": {},
    "get_impersonation_role_effect": {"ImpersonationRoleId": R404, "TargetUser": U404},
    "assume_impersonation_role": {"ImpersonationRoleId": R404},
}


def test_each_operation_needs_an_organization_that_is_active(needs_active: NeedsActive) -> None:
    needs_active(OPERATIONS)
