"""Policies of destinations: the guide's own, and ones that leave a write out or deny it.

moto evaluates no policy of a log group. Of a bucket it obeys denials, but not their conditions.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.errors import AuditRefusedError
from postroom.model.audit_deliveries import DestinationKind
from postroom.model.log_lines import LogLine
from postroom.ports.audit_destinations import AuditBatch
from tests.support.accounts import empty_account
from tests.support.audit_targets import ACCOUNT, BUCKET, GROUP, REGION, TARGETS, Targets, delivery_to

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGS, S3, _ = DestinationKind
SERVICE: Final = {"Service": "delivery.logs.amazonaws.com"}

GROUP_STATEMENT: Final[dict[str, Any]] = {
    "Sid": "AWSLogDeliveryWrite20150319",
    "Effect": "Allow",
    "Principal": {"Service": ["delivery.logs.amazonaws.com"]},
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": [f"{TARGETS[LOGS]}:log-stream:*"],
    "Condition": {
        "StringEquals": {"aws:SourceAccount": [ACCOUNT]},
        "ArnLike": {"aws:SourceArn": [f"arn:aws:logs:{REGION}:{ACCOUNT}:*"]},
    },
}
"""Source: guide, ZH:2336-2360."""

ACL_CHECK: Final[dict[str, Any]] = {
    "Sid": "AWSLogDeliveryAclCheck",
    "Effect": "Allow",
    "Principal": SERVICE,
    "Action": "s3:GetBucketAcl",
    "Resource": f"arn:aws:s3:::{BUCKET}",
}
BUCKET_STATEMENT: Final[dict[str, Any]] = {
    "Sid": "AWSLogDeliveryWrite",
    "Effect": "Allow",
    "Principal": SERVICE,
    "Action": "s3:PutObject",
    "Resource": f"arn:aws:s3:::{BUCKET}/AWSLogs/{ACCOUNT}/*",
    "Condition": {
        "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": [ACCOUNT]},
        "ArnLike": {"aws:SourceArn": [f"arn:aws:logs:{REGION}:{ACCOUNT}:delivery-source:*"]},
    },
}
"""Source: guide, ZH:2424-2480, with the three colons of an ARN of S3."""


@pytest.fixture
def targets() -> Iterator[Targets]:
    with empty_account():
        made = Targets(time.time_ns() // 1_000_000)
        made.make()
        yield made


def put(targets: Targets, kind: DestinationKind, **settings: Any) -> None:
    batch = AuditBatch("m-1", [LogLine("a", targets.clock_ms, "{}")])
    assert targets.destination(kind).put(delivery_to(kind, **settings), batch) == {}


def refused(targets: Targets, kind: DestinationKind, **settings: Any) -> str:
    with pytest.raises(AuditRefusedError) as error:
        put(targets, kind, **settings)
    assert targets.texts(kind) == []
    return str(error.value)


@pytest.mark.parametrize(
    ("kind", "statements"),
    [(LOGS, [GROUP_STATEMENT]), (S3, [ACL_CHECK, BUCKET_STATEMENT]), (S3, [BUCKET_STATEMENT])],
    ids=["log group", "bucket", "bucket without the ACL check"],
)
def test_the_guides_policies_allow_a_write(
    targets: Targets, kind: DestinationKind, statements: list[dict[str, Any]]
) -> None:
    targets.allow_only(kind, *statements)
    put(targets, kind)
    assert targets.texts(kind) == ["{}"]


OTHERS: Final[dict[str, Any]] = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "*",
    "Resource": "*",
}


@pytest.mark.parametrize("kind", [LOGS, S3])
def test_a_policy_that_does_not_speak_of_log_delivery_is_no_refusal(targets: Targets, kind: DestinationKind) -> None:
    targets.allow_only(kind, OTHERS)
    put(targets, kind)


def test_a_log_policy_about_another_group_is_no_refusal(targets: Targets) -> None:
    targets.allow_only(LOGS, {**GROUP_STATEMENT, "Resource": GROUP_STATEMENT["Resource"][0].replace(GROUP, "/other")})
    put(targets, LOGS)


@pytest.mark.parametrize(
    "changes",
    [
        {"Condition": {"StringEquals": {"aws:SourceAccount": ["999999999999"]}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": [f"arn:aws:logs:eu-west-1:{ACCOUNT}:*"]}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"Action": "logs:CreateLogStream"},
        {"Action": "logs:PutLogEvents"},
    ],
)
def test_a_group_whose_statements_leave_the_write_out_refuses(targets: Targets, changes: dict[str, Any]) -> None:
    targets.allow_only(LOGS, {**GROUP_STATEMENT, **changes})
    said = refused(targets, LOGS)
    assert f"the policy of {GROUP} has statements for delivery.logs.amazonaws.com, and none allows logs:" in said
    assert f"aws:sourceaccount {ACCOUNT}" in said


@pytest.mark.parametrize(
    "statements",
    [
        [ACL_CHECK],
        [{**BUCKET_STATEMENT, "Resource": f"arn:aws:s3:::{BUCKET}/AWSLogs/999999999999/*"}],
        [{**BUCKET_STATEMENT, "Resource": f"arn:aws:s3::{BUCKET}/AWSLogs/{ACCOUNT}/*"}],
        [{**BUCKET_STATEMENT, "Condition": {"StringEquals": {"s3:x-amz-acl": "private"}}}],
        [{**BUCKET_STATEMENT, "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}],
        [{**BUCKET_STATEMENT, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:logs:*:*:delivery-destination:*"}}}],
    ],
    ids=["only the ACL check", "another account's folder", "the guide's two colons", "acl", "account", "source"],
)
def test_a_bucket_whose_statements_leave_the_write_out_refuses(
    targets: Targets, statements: list[dict[str, Any]]
) -> None:
    targets.allow_only(S3, *statements)
    assert "none allows s3:PutObject on arn:aws:s3:::audit-bucket/AWSLogs/" in refused(targets, S3)


def test_a_prefix_needs_a_statement_of_its_own(targets: Targets) -> None:
    targets.allow_only(S3, BUCKET_STATEMENT)
    refused(targets, S3, target_arn=f"{TARGETS[S3]}/audit")


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, SERVICE])
@pytest.mark.parametrize("kind", [LOGS, S3])
def test_a_denial_holds_whatever_is_allowed(targets: Targets, kind: DestinationKind, principal: Any) -> None:
    allowed = GROUP_STATEMENT if kind is LOGS else BUCKET_STATEMENT
    denial = {"Effect": "Deny", "Principal": principal, "Action": allowed["Action"], "Resource": "*"}
    targets.allow_only(kind, allowed, denial)
    assert "denies" in refused(targets, kind)


def check_denial(targets: Targets, condition: dict[str, Any]) -> None:
    denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": condition}
    targets.allow_only(S3, denial)
    targets.policies.check_object(delivery_to(S3).id, BUCKET, f"AWSLogs/{ACCOUNT}/x")


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"StringNotEquals": {"aws:SourceAccount": ACCOUNT}},
        {"StringNotEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
    ],
)
def test_a_denial_whose_conditions_are_not_met_is_none(targets: Targets, condition: dict[str, Any]) -> None:
    check_denial(targets, condition)


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringNotEquals": {"aws:SourceAccount": "999999999999"}},
        {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        {"StringNotEqualsIfExists": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}},
    ],
)
def test_a_denial_whose_conditions_are_met_or_unknown_holds(targets: Targets, condition: dict[str, Any]) -> None:
    with pytest.raises(AuditRefusedError, match="a policy of audit-bucket denies s3:PutObject"):
        check_denial(targets, condition)


def test_a_policy_is_read_once_until_it_is_too_old(targets: Targets) -> None:
    calls: list[str] = []
    targets.s3.meta.events.register("before-call.s3.GetBucketPolicy", lambda **_: calls.append("read"))
    policies = targets.policies
    policies.kept_ms = 60_000
    for seconds in (0, 59, 1, 59):
        targets.clock_ms += seconds * 1_000
        policies.check_object(delivery_to(S3).id, BUCKET, f"AWSLogs/{ACCOUNT}/x")
    assert calls == ["read"] * 2


def test_a_policy_that_cannot_be_read_refuses(targets: Targets) -> None:
    targets.s3.delete_bucket(Bucket=BUCKET)
    with pytest.raises(AuditRefusedError, match="could not read policy of audit-bucket: NoSuchBucket"):
        put(targets, S3)
