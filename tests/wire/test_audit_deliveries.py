"""Deliveries of audit records through a stock boto3 client: their life, and every error of the model."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from postroom.admin import audit_deliveries

if TYPE_CHECKING:
    from tests.wire.conftest import NeedsActive

GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/audit/all"
STREAM = "arn:aws:firehose:us-east-1:123456789012:deliverystream/workmail-audit"
BUCKET = "arn:aws:s3:::audit-here"
ASKED = {"LogType": "AUTHENTICATION_LOGS", "DeliveryDestinationType": "CWL", "DestinationResourceArn": GROUP}


@pytest.fixture
def workmail(taught_workmail: Any) -> Any:
    return taught_workmail


@pytest.fixture(autouse=True)
def _destinations(workmail: Any) -> None:
    boto3.client("logs").create_log_group(logGroupName="/audit/all")
    boto3.client("s3").create_bucket(Bucket="audit-here")
    abroad: Any = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3", "eu-west-1").create_bucket(Bucket="audit-abroad", CreateBucketConfiguration=abroad)
    target = {"RoleARN": "arn:aws:iam::123456789012:role/x", "BucketARN": BUCKET}
    firehose: Any = boto3.client("firehose")
    firehose.create_delivery_stream(DeliveryStreamName="workmail-audit", ExtendedS3DestinationConfiguration=target)


def test_a_delivery_to_each_kind_of_destination(workmail: Any, acme: str) -> None:
    named = {"OrganizationId": acme}
    kinds = {"CWL": GROUP, "S3": f"{BUCKET}/mail", "FH": STREAM}
    made = {
        kind: workmail.put_audit_log_delivery(
            **named, **ASKED | {"DeliveryDestinationType": kind, "DestinationResourceArn": arn}
        )["DeliveryId"]
        for kind, arn in kinds.items()
    }
    pages = workmail.get_paginator("list_audit_log_deliveries").paginate(**named, PaginationConfig={"PageSize": 2})
    listed = [each for page in pages for each in page["Deliveries"]]
    assert [each["DeliveryId"] for each in listed] == sorted(made.values())
    assert {each["DeliveryDestinationType"]: each["DestinationResourceArn"] for each in listed} == kinds
    described = workmail.describe_audit_log_delivery(**named, DeliveryId=made["S3"])
    assert isinstance(described["DateCreated"], datetime)
    del described["ResponseMetadata"]
    assert described in listed
    workmail.delete_audit_log_delivery(**named, DeliveryId=made["S3"])
    assert len(workmail.list_audit_log_deliveries(**named)["Deliveries"]) == 2


def test_errors_are_the_modelled_classes(workmail: Any, acme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raised, named = workmail.exceptions, {"OrganizationId": acme}
    for change, said in (
        ({"DestinationResourceArn": GROUP.replace("us-east-1", "eu-west-1")}, "in Region us-east-1, not eu-west-1"),
        ({"DeliveryDestinationType": "S3", "DestinationResourceArn": "arn:aws:s3:::audit-abroad"}, "not eu-west-1"),
        ({"RecordFields": ["date", "cs-method"]}, "has no field cs-method, date"),
        ({"OutputFormat": "w3c"}, "take json or plain"),
    ):
        with pytest.raises(raised.InvalidParameterException, match=said):
            workmail.put_audit_log_delivery(**named, **ASKED | change)
    for arn in (f"{GROUP}s", STREAM[:-1], "arn:aws:s3:::nowhere-at-all"):
        kind = {"logs": "CWL", "firehose": "FH", "s3": "S3"}[arn.split(":")[2]]
        with pytest.raises(raised.ResourceNotFoundException, match="There is no destination"):
            workmail.put_audit_log_delivery(
                **named, **ASKED | {"DeliveryDestinationType": kind, "DestinationResourceArn": arn}
            )
    with pytest.raises(raised.ResourceNotFoundException):
        workmail.describe_audit_log_delivery(**named, DeliveryId="d404")
    with pytest.raises(raised.InvalidParameterException):
        workmail.list_audit_log_deliveries(**named, NextToken="x")
    monkeypatch.setattr(audit_deliveries, "MAX_DELIVERIES", 1)
    workmail.put_audit_log_delivery(**named, **ASKED)
    with pytest.raises(raised.LimitExceededException, match="at most 1 "):
        workmail.put_audit_log_delivery(**named, **ASKED | {"LogType": "ACCESS_CONTROL_LOGS"})


def test_each_operation_needs_an_organization_that_is_active(needs_active: NeedsActive) -> None:
    operations = {
        "put_audit_log_delivery": ASKED,
        "describe_audit_log_delivery": {"DeliveryId": "d1"},
        "delete_audit_log_delivery": {"DeliveryId": "d1"},
        "list_audit_log_deliveries": {},
    }
    needs_active(operations)
