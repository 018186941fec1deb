"""Deliveries of CloudWatch Logs for WorkMail's five log types, through a stock boto3 client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.emulator.patches.log_deliveries import MAX_RESULTS
from postroom.contracts.audit_log import FIELDS
from postroom.model.audit_deliveries import DestinationKind, LogType

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

ORGANIZATION = f"arn:aws:workmail:us-east-1:123456789012:organization/m-{'0' * 32}"
TARGETS = {
    "CWL": "arn:aws:logs:us-east-1:123456789012:log-group:/audit",
    "S3": "arn:aws:s3:::audit-bucket/logs",
    "FH": "arn:aws:firehose:us-east-1:123456789012:deliverystream/audit",
}


@pytest.fixture
def logs(aws: None) -> CloudWatchLogsClient:
    client = boto3.client("logs")
    for kind, arn in TARGETS.items():
        client.put_delivery_destination(
            name=kind, outputFormat="json", deliveryDestinationConfiguration={"destinationResourceArn": arn}
        )
    for log_type in LogType:
        client.put_delivery_source(name=log_type, resourceArn=ORGANIZATION, logType=log_type)
    return client


def delivered(logs: CloudWatchLogsClient, kind: str, log_type: str = "ACCESS_CONTROL_LOGS", **more: Any) -> Any:
    arn = f"arn:aws:logs:us-east-1:123456789012:delivery-destination:{kind}"
    made = logs.create_delivery(deliverySourceName=log_type, deliveryDestinationArn=arn, **more)
    return made["delivery"]


def refused(logs: CloudWatchLogsClient, code: str) -> Any:
    return pytest.raises(getattr(logs.exceptions, code))


@pytest.mark.parametrize("log_type", LogType)
def test_a_delivery_without_fields_has_those_of_its_log_type(logs: CloudWatchLogsClient, log_type: LogType) -> None:
    for kind in TARGETS:
        made = delivered(logs, kind, log_type)
        assert made["recordFields"] == list(FIELDS[log_type])
        assert logs.get_delivery(id=made["id"])["delivery"] == made
    assert delivered_paths(logs, "CWL") == {}
    assert delivered_paths(logs, "S3")["suffixPath"].startswith("{region}/{organization-id}/")


def delivered_paths(logs: CloudWatchLogsClient, kind: str) -> Any:
    (found,) = (each for each in logs.describe_deliveries()["deliveries"] if each["deliveryDestinationType"] == kind)
    return found.get("s3DeliveryConfiguration", {})


def test_names_without_the_service_s_prefix_are_no_log_types(logs: CloudWatchLogsClient) -> None:
    for name in ("MAILBOX_ACCESS_LOGS", "AVAILABILITY_PROVIDER_LOGS", "PERSONAL_ACCESS_TOKEN_LOGS"):
        with refused(logs, "ValidationException"):
            logs.put_delivery_source(name="other", resourceArn=ORGANIZATION, logType=name)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("S3", {"recordFields": ["event_timestamp", "invented"]}),
        ("S3", {"recordFields": ["user_agent"]}),
        ("S3", {"s3DeliveryConfiguration": {"suffixPath": "{DistributionId}/{yyyy}"}}),
        ("S3", {"s3DeliveryConfiguration": {"suffixPath": "year={yyyy}", "enableHiveCompatiblePath": True}}),
        ("FH", {"s3DeliveryConfiguration": {"suffixPath": "{yyyy}"}}),
        ("CWL", {"fieldDelimiter": "||||||"}),
    ],
)
def test_settings_that_the_log_type_or_destination_has_not_are_refused(
    logs: CloudWatchLogsClient, kind: str, more: dict[str, Any]
) -> None:
    with refused(logs, "ValidationException"):
        delivered(logs, kind, **more)
    assert logs.describe_deliveries()["deliveries"] == []


def test_chosen_fields_are_kept_in_their_order_and_can_be_changed(logs: CloudWatchLogsClient) -> None:
    made = delivered(logs, "S3", recordFields=["access_granted", "rule_id"])
    assert made["recordFields"] == ["access_granted", "rule_id"]
    logs.update_delivery_configuration(id=made["id"], recordFields=["rule_id"], fieldDelimiter="|")
    with refused(logs, "ValidationException"):
        logs.update_delivery_configuration(id=made["id"], recordFields=["invented"])
    changed = logs.get_delivery(id=made["id"])["delivery"]
    assert (changed["recordFields"], changed["fieldDelimiter"]) == (["rule_id"], "|")
    assert changed["s3DeliveryConfiguration"] == made["s3DeliveryConfiguration"]
    with refused(logs, "ResourceNotFoundException"):
        logs.update_delivery_configuration(id="none", recordFields=["rule_id"])


def test_sources_and_destinations_with_deliveries_stay(logs: CloudWatchLogsClient) -> None:
    made = delivered(logs, "CWL")
    with refused(logs, "ConflictException"):
        logs.delete_delivery_source(name="ACCESS_CONTROL_LOGS")
    with refused(logs, "ConflictException"):
        logs.delete_delivery_destination(name="CWL")
    logs.delete_delivery(id=made["id"])
    logs.delete_delivery_source(name="ACCESS_CONTROL_LOGS")
    logs.delete_delivery_destination(name="CWL")
    with refused(logs, "ResourceNotFoundException"):
        logs.delete_delivery_destination(name="CWL")


def test_a_destination_that_is_none_is_refused_and_breaks_no_list(logs: CloudWatchLogsClient) -> None:
    queue: Any = {"destinationResourceArn": "arn:aws:sqs:us-east-1:123456789012:queue"}
    with refused(logs, "ValidationException"):
        logs.put_delivery_destination(name="queue", deliveryDestinationConfiguration=queue)
    with refused(logs, "ValidationException"):
        logs.put_delivery_destination(name="traces", deliveryDestinationType="XRAY")
    names = {each["name"] for each in logs.describe_delivery_destinations()["deliveryDestinations"]}
    assert names == set(TARGETS)


def test_names_have_at_most_60_characters(logs: CloudWatchLogsClient) -> None:
    with refused(logs, "ValidationException"):
        logs.put_delivery_source(name="n" * 61, resourceArn=ORGANIZATION, logType="AUTHENTICATION_LOGS")
    logs.put_delivery_source(name="n" * 60, resourceArn=ORGANIZATION, logType="AUTHENTICATION_LOGS")


def test_lists_come_in_pages(logs: CloudWatchLogsClient) -> None:
    for number in range(MAX_RESULTS):
        logs.put_delivery_source(name=f"s{number}", resourceArn=ORGANIZATION, logType="AUTHENTICATION_LOGS")
    first = logs.describe_delivery_sources()
    assert len(first["deliverySources"]) == MAX_RESULTS
    rest = logs.describe_delivery_sources(nextToken=first["nextToken"])
    assert len(rest["deliverySources"]) == len(LogType)
    assert "nextToken" not in rest


def test_templates_tell_what_workmail_s_deliveries_may_have(logs: CloudWatchLogsClient) -> None:
    told = logs.describe_configuration_templates(service="workmail")["configurationTemplates"]
    assert len(told) == len(LogType) * len(DestinationKind)
    only = logs.describe_configuration_templates(logTypes=["AUTHENTICATION_LOGS"], deliveryDestinationTypes=["S3"])
    (template,) = only["configurationTemplates"]
    assert template["allowedOutputFormats"] == ["json", "plain", "w3c"]
    assert [each.get("name") for each in template["allowedFields"]] == list(FIELDS[LogType.AUTHENTICATION])
    assert logs.describe_configuration_templates(service="cloudfront")["configurationTemplates"] == []


def test_deliveries_of_other_services_are_as_moto_has_them(logs: CloudWatchLogsClient) -> None:
    distribution = "arn:aws:cloudfront::123456789012:distribution/E1"
    logs.put_delivery_source(name="cdn", resourceArn=distribution, logType="ACCESS_LOGS")
    assert "cs-method" in delivered(logs, "S3", "cdn")["recordFields"]


def test_a_delivery_to_a_stream_gives_it_the_tag_of_log_delivery(logs: CloudWatchLogsClient) -> None:
    firehose = boto3.client("firehose")
    firehose.create_delivery_stream(
        DeliveryStreamName="audit",
        S3DestinationConfiguration={"RoleARN": "arn:aws:iam::123456789012:role/f", "BucketARN": "arn:aws:s3:::sink"},
    )
    delivered(logs, "FH")
    tags = firehose.list_tags_for_delivery_stream(DeliveryStreamName="audit")["Tags"]
    assert tags == [{"Key": "LogDeliveryEnabled", "Value": "true"}]
