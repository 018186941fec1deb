"""Records of calls of the APIs: the guide's records, callers, and what is left out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.model import ServiceModel

from contracts import generate, secret_members
from postroom.contracts.admin.models import secrets
from postroom.contracts.api_trail import (
    MAX_PART_BYTES,
    MESSAGE_FLOW,
    WORKMAIL,
    ApiCall,
    record_of,
    user_identity,
    without,
)
from postroom.model.audit_targets import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import Shape

PLACE: Final = Place("aws", "us-west-2", "111111111111")
AGENT: Final = "aws-sdk-java/1.11.205 Mac_OS_X/10.11.6 Java_HotSpot(TM)_64-Bit_Server_VM/25.151-b12 java/1.8.0_151"
EVENT: Final = {
    "headers": {"authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20171212/x, Signature=5d672d"},
    "requestContext": {
        "requestId": "dec81e4a-EXAMPLE",
        "identity": {
            "accountId": "111111111111",
            "caller": "AIDACKCEVSQ6C2EXAMPLE",
            "user": "AIDACKCEVSQ6C2EXAMPLE",
            "accessKey": "AKIAIOSFODNN7EXAMPLE",
            "userArn": "arn:aws:iam::111111111111:user/WMSDK",
            "sourceIp": "203.0.113.12",
            "userAgent": AGENT,
        },
    },
}
AT: Final = 1_513_100_999_000  # 2017-12-12T17:49:59Z
CREATED: Final = ApiCall(
    WORKMAIL,
    "CreateUser",
    without(
        {"Name": "janedoe", "DisplayName": "Jane Doe", "Password": "Secr3t!", "OrganizationId": "m-5b1c980000EXAMPLE"},
        secrets.REQUESTS["CreateUser"],
    ),
    without({"UserId": "a3a9176d-EXAMPLE"}),
)


def fields(call: ApiCall, event: Any = EVENT, now: int = AT) -> dict[str, Any]:
    found = dict(record_of(call, event, PLACE, now=now, request_id="own").fields)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found["eventID"])
    return found


def test_the_guides_record_of_create_user() -> None:
    found = fields(CREATED)
    assert list(found.items()) == [
        ("eventVersion", "1.05"),
        (
            "userIdentity",
            {
                "type": "IAMUser",
                "principalId": "AIDACKCEVSQ6C2EXAMPLE",
                "arn": "arn:aws:iam::111111111111:user/WMSDK",
                "accountId": "111111111111",
                "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
                "userName": "WMSDK",
            },
        ),
        ("eventTime", "2017-12-12T17:49:59Z"),
        ("eventSource", "workmail.amazonaws.com"),
        ("eventName", "CreateUser"),
        ("awsRegion", "us-west-2"),
        ("sourceIPAddress", "203.0.113.12"),
        ("userAgent", AGENT),
        (
            "requestParameters",
            {"name": "janedoe", "displayName": "Jane Doe", "organizationId": "m-5b1c980000EXAMPLE"},
        ),
        ("responseElements", {"userId": "a3a9176d-EXAMPLE"}),
        ("requestID", "dec81e4a-EXAMPLE"),
        ("eventID", found["eventID"]),
        ("eventType", "AwsApiCall"),
        ("recipientAccountId", "111111111111"),
    ]


def test_the_guides_record_of_create_alias_has_no_response_elements() -> None:
    asked = without({"Alias": "a@testofconsole.awsapps.com", "OrganizationId": "m-5b", "EntityId": "a3a9176d"})
    found = fields(ApiCall(WORKMAIL, "CreateAlias", asked, {}))
    assert found["requestParameters"] == {
        "alias": "a@testofconsole.awsapps.com",
        "organizationId": "m-5b",
        "entityId": "a3a9176d",
    }
    assert found["responseElements"] is None
    assert "readOnly" not in found


def test_the_guides_record_of_get_raw_message_content_is_read_only() -> None:
    found = fields(ApiCall(MESSAGE_FLOW, "GetRawMessageContent", {"messageId": "123A4A5A"}))
    assert (found["eventSource"], found["readOnly"]) == ("workmailMessageFlow.amazonaws.com", True)
    assert list(found)[-3:] == ["readOnly", "eventType", "recipientAccountId"]


def test_what_a_reading_call_answers_is_not_recorded() -> None:
    assert fields(ApiCall(WORKMAIL, "ListUsers", {}, {"users": [{"name": "ann"}]}))["responseElements"] is None


def test_an_error_is_named_and_has_no_elements() -> None:
    call = ApiCall(WORKMAIL, "DeleteUser", {"userId": "u"}, None, "EntityNotFoundException", "x" * 5000)
    found = fields(call)
    assert (found["errorCode"], len(found["errorMessage"])) == ("EntityNotFoundException", 1024)
    assert list(found).index("errorCode") == list(found).index("requestParameters") - 2
    assert "errorCode" not in fields(CREATED)


def test_parameters_that_are_too_large_are_left_out() -> None:
    assert fields(ApiCall(WORKMAIL, "CreateUser", {"name": "x" * (MAX_PART_BYTES - 30)}))["requestParameters"]
    assert fields(ApiCall(WORKMAIL, "CreateUser", {"name": "x" * MAX_PART_BYTES}))["requestParameters"] is None


def test_the_same_call_has_the_same_id_and_another_one_another() -> None:
    first, again = (record_of(CREATED, EVENT, PLACE, now=at, request_id="") for at in (AT, AT + 5))
    other = record_of(CREATED, {"requestContext": {"requestId": "other"}}, PLACE, now=AT, request_id="")
    assert first.id == again.id != other.id


def test_calls_that_choose_the_same_request_id_have_records_of_their_own() -> None:
    ids = {
        record_of(CREATED, {"requestContext": {"requestId": "mine", "extendedRequestId": unique_id}}, PLACE, now=AT,
                  request_id="").id
        for unique_id in ("JZ-1=", "JZ-2=")
    }  # fmt: skip
    assert len(ids) == 2


def test_a_call_belongs_to_no_organization() -> None:
    assert record_of(CREATED, EVENT, PLACE, now=AT, request_id="").organization_id == ""


def test_a_call_without_a_context_is_recorded_with_what_is_known() -> None:
    event = {"headers": {"User-Agent": "curl/8\ud800\x00"}}
    found = fields(ApiCall(WORKMAIL, ""), event)
    assert found["userIdentity"] == {"type": "Unknown", "accountId": "111111111111"}
    assert (found["eventName"], found["requestID"], found["sourceIPAddress"]) == ("UnknownOperation", "own", "")
    assert found["userAgent"] == "curl/8\ufffd\ufffd"


ROLE: Final = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLE:session@x",
    "arn": "arn:aws:sts::111111111111:assumed-role/rule-function/session@x",
    "accountId": "111111111111",
    "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
    "sessionContext": {
        "sessionIssuer": {
            "type": "Role",
            "principalId": "AROAEXAMPLE",
            "accountId": "111111111111",
            "userName": "rule-function",
        }
    },
}
IDENTITIES: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "a role": ("arn:aws:sts::111111111111:assumed-role/rule-function/session@x", "AROAEXAMPLE:session@x", ROLE),
    "a user with a path": (
        "arn:aws:iam::111111111111:user/staff/ann",
        "AIDAEXAMPLE",
        {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": "arn:aws:iam::111111111111:user/staff/ann",
         "accountId": "111111111111", "accessKeyId": "ASIAIOSFODNN7EXAMPLE", "userName": "ann"},
    ),
    "the account's root": (
        "arn:aws:iam::111111111111:root",
        "111111111111",
        {"type": "Root", "principalId": "111111111111", "arn": "arn:aws:iam::111111111111:root",
         "accountId": "111111111111", "accessKeyId": "ASIAIOSFODNN7EXAMPLE"},
    ),
    "a federated user": (
        "arn:aws-cn:sts::111111111111:federated-user/ann",
        "111111111111:ann",
        {"type": "FederatedUser", "principalId": "111111111111:ann",
         "arn": "arn:aws-cn:sts::111111111111:federated-user/ann", "accountId": "111111111111",
         "accessKeyId": "ASIAIOSFODNN7EXAMPLE"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", IDENTITIES)
def test_a_caller_is_described_as_cloudtrail_does(kind: str) -> None:
    arn, caller, expected = IDENTITIES[kind]
    identity = {"userArn": arn, "caller": caller, "accountId": "111111111111", "accessKey": None}
    signed = "AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20261120/us-east-1/execute-api/aws4_request, S=1"
    assert user_identity(identity, signed, "2") == expected


def test_names_are_lower_camel_case_at_every_depth() -> None:
    assert without({"A": [{"BigName": {"KmsKeyArn": 1.5, "None": None}}], "b": (True,)}) == {
        "a": [{"bigName": {"kmsKeyArn": 1.5}}],
        "b": [True],
    }


SECRET: Final = "tell-nobody"
MODEL: Final = ServiceModel(generate.with_ours(generate.load("workmail")))
TELLING: Final = re.compile(r"password|secret|token", re.IGNORECASE)
NO_SECRETS: Final = re.compile(
    r".*(NextToken|ClientToken|TokenId|TokenName|TokenConfiguration\w*|TokenSummar\w+|AccessTokens?|LifetimeInDays"
    r"|Status|Scopes?|ScopeList)"
)
"""Names of members that are not secret, though they say token or password."""


def sample(shape: Shape, path: tuple[str, ...]) -> Any:
    """Return a value of a shape with every member; sensitive ones, and those whose name tells, are ``SECRET``."""
    told = any(TELLING.search(name) and not NO_SECRETS.fullmatch(name) for name in path[-1:])
    if shape.metadata.get("sensitive") or (told and shape.type_name == "string"):
        return [SECRET] if shape.type_name == "list" else SECRET
    structure: Any = shape
    match shape.type_name:
        case "structure":
            return {name: sample(member, (*path, name)) for name, member in structure.members.items()}
        case "list":
            return [sample(structure.member, path), sample(structure.member, path)]
        case _:
            return "plain"


def sides() -> Iterator[tuple[str, str, Any]]:
    for name in MODEL.operation_names:
        operation = MODEL.operation_model(name)
        yield name, "input", operation.input_shape
        if operation.output_shape is not None:
            yield name, "output", operation.output_shape


@pytest.mark.parametrize(
    ("operation", "side", "shape"), [pytest.param(*each, id="-".join(each[:2])) for each in sides()]
)
def test_no_secret_member_of_any_operation_is_recorded(operation: str, side: str, shape: Shape) -> None:
    paths = {"input": secrets.REQUESTS, "output": secrets.ANSWERS}[side].get(operation, ())
    whole = sample(shape, ())
    kept = without(whole, paths)
    shown = {name for name, value in kept.items() if SECRET in json.dumps(value)}
    allowed = {path[0][0].lower() + path[0][1:] for name, *path in secret_members.SHOWN if name == operation}
    assert shown == (allowed if side == "input" else set())
    assert ("plain" in json.dumps(kept)) == ("plain" in json.dumps(whole)), "nothing else is left out"


def test_passwords_and_tokens_are_among_what_is_left_out() -> None:
    assert ("Password",) in secrets.REQUESTS["CreateUser"]
    assert ("EwsProvider", "EwsPassword") in secrets.REQUESTS["CreateAvailabilityConfiguration"]
    assert ("Token",) in secrets.ANSWERS["AssumeImpersonationRole"]
