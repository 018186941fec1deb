"""Every call of the admin API leaves a record before its answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.adapters.memory.audit_trail import MemoryAuditTrail
from postroom.admin import trail
from postroom.contracts.audit_log import API_CALL
from postroom.model.principals import Principals

if TYPE_CHECKING:
    from postroom.admin.api import Answered
    from postroom.admin.context import Context

NOBODY: Final = "00000000-0000-4000-8000-000000000404"
PASSWORD: Final = "N0body-knows-this!"


class Recorded:
    """The API with its trail."""

    def __init__(self, context: Context) -> None:
        self.trail = MemoryAuditTrail()
        self.context = replace(context, audit_trail=self.trail)

    def __call__(self, operation: str, body: str | None = None, **request: Any) -> Answered:
        event = {
            "headers": {"X-Amz-Target": f"WorkMailService.{operation}"},
            "body": json.dumps(request) if body is None else body,
            "requestContext": {
                "requestId": f"r-{len(self.trail.records)}",
                "identity": {"userArn": "arn:aws:iam::123456789012:user/ann", "sourceIp": "192.0.2.9"},
            },
        }
        return trail.answer(event, self.context, now=1_800_000_000_000, request_id="own")

    @property
    def last(self) -> dict[str, Any]:
        record = self.trail.records[-1]
        assert record.type == API_CALL
        return dict(record.fields)


@pytest.fixture
def recorded(context: Context) -> Recorded:
    return Recorded(context)


def test_a_change_is_recorded_with_its_caller_parameters_and_result(recorded: Recorded, acme: str) -> None:
    answered = recorded("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann", Password=PASSWORD)
    user_id = json.loads(answered.response["body"])["UserId"]
    found = recorded.last
    assert (found["eventName"], found["userIdentity"]["userName"]) == ("CreateUser", "ann")
    assert found["requestParameters"] == {"organizationId": acme, "name": "ann", "displayName": "Ann"}
    assert found["responseElements"] == {"userId": user_id}
    assert (found["awsRegion"], found["recipientAccountId"]) == ("us-east-1", "123456789012")
    assert found["sourceIPAddress"] == "192.0.2.9"
    assert PASSWORD not in str(recorded.trail.records)


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("DescribeUser", {"UserId": "nobody"}, "EntityNotFoundException"),
        ("ResetPassword", {"UserId": NOBODY, "Password": PASSWORD}, "EntityNotFoundException"),
        ("ResetPassword", {"UserId": "nobody", "Password": PASSWORD * 20}, "InvalidParameterException"),
        ("CreateUser", {"Name": "a b", "Password": PASSWORD}, "InvalidParameterException"),
        ("CreateUser", {"Name": ["a"], "Password": PASSWORD}, "SerializationException"),
        ("PutRetentionPolicy", {"Name": "n"}, "UnknownOperationException"),
    ],
)
def test_a_refusal_is_recorded_with_its_code(
    recorded: Recorded, acme: str, operation: str, request_: dict[str, Any], code: str
) -> None:
    answered = recorded(operation, OrganizationId=acme, **request_)
    found = recorded.last
    assert found["errorCode"] == answered.code == code
    assert found["errorMessage"] == json.loads(answered.response["body"])["Message"]
    assert found["responseElements"] is None
    assert found["eventName"] == operation
    assert PASSWORD not in str(recorded.trail.records)


def test_a_call_that_no_grant_allows_is_recorded(recorded: Recorded, acme: str) -> None:
    first = Principals(("arn:aws:iam::123456789012:user/bob",))
    recorded.context = replace(
        recorded.context, settings=replace(recorded.context.settings, first_administrators=first)
    )
    answered = recorded("ResetPassword", OrganizationId=acme, UserId=NOBODY, Password=PASSWORD)
    assert (answered.response["statusCode"], answered.organization_id) == (403, acme)
    found = recorded.last
    assert (found["eventName"], found["errorCode"]) == ("ResetPassword", "AccessDeniedException")
    assert found["errorMessage"].startswith("User: arn:aws:iam::123456789012:user/ann is not authorized to perform: ")
    assert found["requestParameters"] == {"organizationId": acme, "userId": NOBODY}
    assert found["userIdentity"]["userName"] == "ann"


@pytest.mark.parametrize("body", ["{", "[]", '"' + PASSWORD + '"'])
def test_a_call_that_cannot_be_read_is_recorded_without_parameters(recorded: Recorded, body: str) -> None:
    recorded("CreateUser", body)
    assert recorded.last["errorCode"] == "SerializationException"
    assert recorded.last["requestParameters"] is None
    assert PASSWORD not in str(recorded.trail.records)


def test_a_call_of_no_operation_is_recorded_under_no_name_of_the_callers(recorded: Recorded) -> None:
    recorded(f"Password={PASSWORD}")
    assert recorded.last["eventName"] == "UnknownOperation"
    assert PASSWORD not in str(recorded.trail.records)


def test_a_token_of_a_role_is_not_recorded(recorded: Recorded, acme: str) -> None:
    rules = [{"ImpersonationRuleId": "r", "Effect": "ALLOW"}]
    made = recorded("CreateImpersonationRole", OrganizationId=acme, Name="r", Type="READ_ONLY", Rules=rules)
    role_id = json.loads(made.response["body"])["ImpersonationRoleId"]
    answered = recorded("AssumeImpersonationRole", OrganizationId=acme, ImpersonationRoleId=role_id)
    token = json.loads(answered.response["body"])["Token"]
    assert recorded.last["responseElements"].keys() == {"expiresIn"}
    assert token not in str(recorded.trail.records)


def test_a_call_whose_record_is_not_kept_is_answered_503(recorded: Recorded, acme: str) -> None:
    recorded.trail.away = True
    answered = recorded("DescribeOrganization", OrganizationId=acme)
    assert answered.response["statusCode"] == 503
    assert json.loads(answered.response["body"])["__type"] == answered.code == "ServiceUnavailable"
    assert acme not in answered.response["body"]


def test_a_defect_is_recorded_before_the_function_fails(recorded: Recorded, acme: str) -> None:
    recorded.context = replace(recorded.context, directory=None)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        recorded("DescribeOrganization", OrganizationId=acme)
    assert recorded.last["errorCode"] == "InternalFailure"
