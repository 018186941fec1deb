"""Access control rules through a stock boto3 client: the guide's way through them, and every error of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.wire.conftest import NeedsActive

U404, R404 = "00000404-0000-4000-8000-000000000000", "r-404"
RANGES = [f"10.0.{number}.0/24" for number in range(256)] * 4


def test_the_rules_of_an_office(workmail: Any, acme: str) -> None:
    named = {"OrganizationId": acme}
    user = workmail.create_user(**named, Name="ann", DisplayName="Ann")["UserId"]
    rule = {**named, "Description": "EWS from the office only", "IpRanges": ["10.0.0.0/8"], "Actions": ["EWS"]}
    workmail.put_access_control_rule(**rule, Name="office", Effect="ALLOW")
    workmail.delete_access_control_rule(**named, Name="default")
    (found,) = workmail.list_access_control_rules(**named)["Rules"]
    assert found["DateCreated"] == found["DateModified"]
    assert {name: found[name] for name in ("Name", "Actions", "IpRanges")} == {
        "Name": "office", "Actions": ["EWS"], "IpRanges": ["10.0.0.0/8"],
    }  # fmt: skip
    asked = {**named, "UserId": user, "Action": "EWS"}
    inside = workmail.get_access_control_effect(**asked, IpAddress="10.9.8.7")
    outside = workmail.get_access_control_effect(**asked, IpAddress="192.0.2.1")
    assert (inside["Effect"], inside["MatchedRules"]) == ("ALLOW", ["office"])
    assert (outside["Effect"], outside["MatchedRules"]) == ("DENY", [])


def test_errors_are_the_modelled_classes(workmail: Any, acme: str) -> None:
    raised = workmail.exceptions
    rule = {"OrganizationId": acme, "Name": "r", "Effect": "DENY", "Description": "d"}
    asked = {"OrganizationId": acme, "IpAddress": "10.0.0.1", "Action": "EWS"}
    with pytest.raises(raised.InvalidParameterException, match=r"10\.0\.0\.0/8"):
        workmail.put_access_control_rule(**rule, IpRanges=["10.0.0.1/8"])
    with pytest.raises(raised.EntityNotFoundException, match=U404):
        workmail.put_access_control_rule(**rule, UserIds=[U404])
    with pytest.raises(raised.ResourceNotFoundException, match=R404):
        workmail.put_access_control_rule(**rule, ImpersonationRoleIds=[R404])
    with pytest.raises(raised.InvalidParameterException):
        workmail.get_access_control_effect(**asked)
    with pytest.raises(raised.EntityNotFoundException):
        workmail.get_access_control_effect(**asked, UserId=U404)
    with pytest.raises(raised.ResourceNotFoundException):
        workmail.get_access_control_effect(**asked, ImpersonationRoleId=R404)
    for number in range(10):
        workmail.put_access_control_rule(**rule | {"Name": f"r{number}"}, IpRanges=RANGES, NotIpRanges=RANGES)
    with pytest.raises(raised.LimitExceededException, match="20,480"):
        workmail.put_access_control_rule(**rule, IpRanges=RANGES)


OPERATIONS = {
    "put_access_control_rule": {"Name": "r", "Effect": "DENY", "Description": "d"},
    "delete_access_control_rule": {"Name": "r"},
    "list_access_control_rules": {},
    "get_access_control_effect": {"IpAddress": "10.0.0.1", "Action": "EWS", "UserId": U404},
}


def test_each_operation_needs_an_organization_that_is_active(needs_active: NeedsActive) -> None:
    needs_active(OPERATIONS)
