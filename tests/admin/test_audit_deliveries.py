"""Deliveries of audit records: what is stored, what is refused, and that a destination has one per log type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.admin.audit_deliveries import MAX_DELIVERIES
from postroom.contracts.audit_log import FIELDS
from postroom.model.audit_deliveries import AuditLogDelivery, DestinationKind, LogType, OutputFormat

if TYPE_CHECKING:
    from postroom.admin.context import Context

GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/audit/all"
BUCKET = "arn:aws:s3:::audit-bucket"
ABROAD = "arn:aws:s3:::audit-abroad"
STREAM = "arn:aws:firehose:us-east-1:123456789012:deliverystream/workmail-audit"
TARGETS = {"CWL": GROUP, "S3": BUCKET, "FH": STREAM}


@pytest.fixture(autouse=True)
def _destinations(context: Context) -> None:
    known: Any = context.audit_targets
    known.regions |= {GROUP: "us-east-1", BUCKET: "us-east-1", ABROAD: "eu-west-1", STREAM: "us-east-1"}


def wanted(organization: str, kind: str = "S3", **more: Any) -> dict[str, Any]:
    request = {
        "OrganizationId": organization,
        "LogType": "ACCESS_CONTROL_LOGS",
        "DeliveryDestinationType": kind,
        "DestinationResourceArn": TARGETS[kind],
    }
    return request | more


@pytest.mark.parametrize("kind", ["CWL", "S3", "FH"])
def test_a_delivery_without_settings_has_all_fields_as_json(caller: Any, acme: str, kind: str) -> None:
    made = caller("PutAuditLogDelivery", **wanted(acme, kind))["DeliveryId"]
    described = caller("DescribeAuditLogDelivery", OrganizationId=acme, DeliveryId=made)
    created = described.pop("DateCreated")
    assert created == described.pop("DateModified")
    paths = {"S3DeliveryConfiguration": {"EnableHiveCompatiblePath": False}} if kind == "S3" else {}
    assert described == {
        "DeliveryId": made,
        "LogType": "ACCESS_CONTROL_LOGS",
        "DeliveryDestinationType": kind,
        "DestinationResourceArn": TARGETS[kind],
        "OutputFormat": "json",
        "RecordFields": list(FIELDS[LogType.ACCESS_CONTROL]),
        **paths,
    }


def test_settings_are_kept_as_the_stations_read_them(caller: Any, context: Context, acme: str) -> None:
    made = caller(
        "PutAuditLogDelivery",
        **wanted(
            acme,
            DestinationResourceArn=f"{BUCKET}/logs/",
            OutputFormat="w3c",
            RecordFields=["access_granted", "rule_id"],
            FieldDelimiter="|",
            S3DeliveryConfiguration={"SuffixPath": "{yyyy}/{MM}", "EnableHiveCompatiblePath": True},
        ),
    )["DeliveryId"]
    found = context.directory.owned(AuditLogDelivery, acme, made)
    assert found is not None
    assert found.delivery.target_arn == f"{BUCKET}/logs"
    assert (found.delivery.kind, found.delivery.output_format) == (DestinationKind.S3, OutputFormat.W3C)
    assert found.delivery.record_fields == ("access_granted", "rule_id")
    assert (found.delivery.field_delimiter, found.delivery.suffix_path) == ("|", "{yyyy}/{MM}")
    assert found.delivery.hive
    assert found.delivery.fault == ""


def test_a_second_put_for_the_same_destination_replaces_the_settings(caller: Any, acme: str) -> None:
    first = caller("PutAuditLogDelivery", **wanted(acme, "CWL"))["DeliveryId"]
    again = wanted(acme, "CWL", DestinationResourceArn=f"{GROUP}:*", OutputFormat="plain")
    assert caller("PutAuditLogDelivery", **again)["DeliveryId"] == first
    (only,) = caller("ListAuditLogDeliveries", OrganizationId=acme)["Deliveries"]
    assert (only["OutputFormat"], only["FieldDelimiter"]) == ("plain", "\t")
    assert only["DateCreated"] < only["DateModified"]
    other_type = caller("PutAuditLogDelivery", **wanted(acme, "CWL", LogType="AUTHENTICATION_LOGS"))["DeliveryId"]
    assert other_type != first


def test_a_repeated_token_undoes_no_later_change(caller: Any, acme: str) -> None:
    first = wanted(acme, ClientToken="once")
    made = caller("PutAuditLogDelivery", **first)
    caller("PutAuditLogDelivery", **wanted(acme, OutputFormat="plain"))
    assert caller("PutAuditLogDelivery", **first) == made
    (only,) = caller("ListAuditLogDeliveries", OrganizationId=acme)["Deliveries"]
    assert only["OutputFormat"] == "plain"
    caller.refused("InvalidParameterException", "PutAuditLogDelivery", **(first | {"OutputFormat": "w3c"}))


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("S3", {"RecordFields": ["user_id", "time-taken"]}, "ACCESS_CONTROL_LOGS has no field time-taken; it has "),
        ("S3", {"RecordFields": ["user_id", "user_id"]}, "A field is named once."),
        ("S3", {"OutputFormat": "plain", "FieldDelimiter": "-"}, "A delimiter is 1 to 5 tabs"),
        ("S3", {"FieldDelimiter": ","}, "FieldDelimiter: json has none."),
        ("CWL", {"OutputFormat": "w3c"}, "Destinations of type CWL take json or plain, not w3c."),
        ("FH", {"S3DeliveryConfiguration": {"SuffixPath": "x"}}, "S3DeliveryConfiguration: a destination of type FH"),
        ("S3", {"S3DeliveryConfiguration": {"SuffixPath": "{DistributionId}"}}, "no variable {DistributionId}"),
        ("CWL", {"DestinationResourceArn": BUCKET}, "A destination of type CWL is given as arn:aws:logs:"),
        (
            "CWL",
            {"DestinationResourceArn": GROUP.replace("us-east-1", "eu-west-1")},
            "DestinationResourceArn: The destination must be in Region us-east-1, not eu-west-1.",
        ),
        ("S3", {"DestinationResourceArn": ABROAD}, "The destination must be in Region us-east-1, not eu-west-1."),
        ("FH", {"DestinationResourceArn": STREAM.replace("1234", "9999")}, "must be in account 123456789012"),
        ("S3", {"DestinationResourceArn": "arn:aws:s3:::mail-of-the-stack/x"}, "mail-of-the-stack is Postroom's own."),
        ("CWL", {"DestinationResourceArn": GROUP.replace("/audit/all", "api-trail")}, "api-trail is Postroom's own."),
        ("S3", {"LogType": "MAILBOX_ACCESS_LOGS"}, "'logType' failed"),
        ("S3", {"OutputFormat": "parquet"}, "'outputFormat' failed"),
    ],
)
def test_what_cannot_be_delivered_is_refused(
    caller: Any, acme: str, kind: str, more: dict[str, Any], said: str
) -> None:
    assert said in caller.refused("InvalidParameterException", "PutAuditLogDelivery", **wanted(acme, kind, **more))
    assert caller("ListAuditLogDeliveries", OrganizationId=acme) == {"Deliveries": []}


def test_a_destination_that_does_not_exist_is_refused(caller: Any, acme: str) -> None:
    missing = wanted(acme, DestinationResourceArn="arn:aws:s3:::no-such-bucket/logs")
    caller.refused("ResourceNotFoundException", "PutAuditLogDelivery", **missing)


def test_a_deleted_delivery_is_gone_and_deleting_it_again_is_no_error(caller: Any, acme: str) -> None:
    made = caller("PutAuditLogDelivery", **wanted(acme))["DeliveryId"]
    for _ in range(2):
        assert caller("DeleteAuditLogDelivery", OrganizationId=acme, DeliveryId=made) == {}
    caller.refused("ResourceNotFoundException", "DescribeAuditLogDelivery", OrganizationId=acme, DeliveryId=made)
    assert caller("PutAuditLogDelivery", **wanted(acme))["DeliveryId"] == made


def test_deliveries_of_another_organization_are_not_seen(caller: Any, acme: str) -> None:
    made = caller("PutAuditLogDelivery", **wanted(acme))["DeliveryId"]
    other = caller("CreateOrganization", Alias="other")["OrganizationId"]
    caller.refused("ResourceNotFoundException", "DescribeAuditLogDelivery", OrganizationId=other, DeliveryId=made)
    caller("DeleteAuditLogDelivery", OrganizationId=other, DeliveryId=made)
    assert caller("DescribeAuditLogDelivery", OrganizationId=acme, DeliveryId=made)["DeliveryId"] == made
    assert caller("PutAuditLogDelivery", **wanted(other))["DeliveryId"] != made


def test_lists_have_pages_and_an_organization_has_a_limit(caller: Any, acme: str) -> None:
    made = {
        caller("PutAuditLogDelivery", **wanted(acme, DestinationResourceArn=f"{BUCKET}/{number}"))["DeliveryId"]
        for number in range(MAX_DELIVERIES)
    }
    seen: list[str] = []
    token: dict[str, Any] = {}
    while True:
        page = caller("ListAuditLogDeliveries", OrganizationId=acme, MaxResults=20, **token)
        seen += [each["DeliveryId"] for each in page["Deliveries"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert seen == sorted(made)
    caller.refused("LimitExceededException", "PutAuditLogDelivery", **wanted(acme))
    caller("PutAuditLogDelivery", **wanted(acme, DestinationResourceArn=f"{BUCKET}/0", OutputFormat="plain"))


def test_an_organization_that_does_not_exist_is_refused(caller: Any) -> None:
    unknown = "m-" + "0" * 32
    caller.refused("OrganizationNotFoundException", "PutAuditLogDelivery", **wanted(unknown))
    caller.refused("OrganizationNotFoundException", "ListAuditLogDeliveries", OrganizationId=unknown)
