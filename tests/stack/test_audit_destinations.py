"""Audit records of an organization in all three destinations, configured by a stock boto3 client of CloudWatch Logs."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.adapters.aws import clients
from postroom.adapters.aws.audit_trail import SqsAuditTrail
from postroom.contracts.audit_log import FIELDS
from postroom.model.audit_deliveries import LogType
from tests.support.audit_writing import audit_record
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

ACCOUNT: Final = "123456789012"
RECORDS: Final = 1_000
DESTINATIONS: Final = {
    "CWL": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/vigil/audit",
    "S3": "arn:aws:s3:::vigil-audit/kept",
    "FH": f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/workmail-vigil",
}


def make_destinations(running: RunningStack) -> None:
    running.client("logs").create_log_group(logGroupName="/vigil/audit")
    for bucket in ("vigil-audit", "vigil-sink"):
        running.client("s3").create_bucket(Bucket=bucket)
    running.client("firehose").create_delivery_stream(
        DeliveryStreamName="workmail-vigil",
        S3DestinationConfiguration={
            "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/firehose",
            "BucketARN": "arn:aws:s3:::vigil-sink",
        },
    )


def deliver(running: RunningStack, organization_id: str, log_type: LogType) -> None:
    """Configure three deliveries of one log type."""
    logs = running.client("logs")
    arn = f"arn:aws:workmail:us-east-1:{ACCOUNT}:organization/{organization_id}"
    logs.put_delivery_source(name="vigil", resourceArn=arn, logType=log_type.value)
    for kind, target in DESTINATIONS.items():
        destination = logs.put_delivery_destination(
            name=f"vigil-{kind}",
            outputFormat="json",
            deliveryDestinationConfiguration={"destinationResourceArn": target},
        )["deliveryDestination"]
        logs.create_delivery(deliverySourceName="vigil", deliveryDestinationArn=destination["arn"])


def objects(running: RunningStack, bucket: str) -> Iterable[tuple[str, bytes]]:
    s3 = running.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", ()):
            yield each["Key"], s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()


def lines(running: RunningStack) -> dict[str, list[dict[str, Any]]]:
    """Return the records that each destination has."""
    pages = running.client("logs").get_paginator("filter_log_events").paginate(logGroupName="/vigil/audit")
    streams = b"".join(body for _, body in objects(running, "vigil-sink"))
    kept = b"".join(gzip.decompress(body) for key, body in objects(running, "vigil-audit") if key.endswith(".json.gz"))
    texts = {
        "CWL": [event["message"] for page in pages for event in page["events"]],
        "S3": kept.decode().splitlines(),
        "FH": streams.decode().splitlines(),
    }
    return {kind: [json.loads(text) for text in found] for kind, found in texts.items()}


def test_a_thousand_events_are_in_all_three_destinations_once_each(running: RunningStack) -> None:
    organization = running.organization("vigil")
    user = running.user(organization, "ada", "ada@vigil.example")
    make_destinations(running)
    deliver(running, organization, LogType.MAILBOX_ACCESS)
    now_ms = time.time_ns() // 1_000_000
    records = [audit_record(number, organization, at_ms=now_ms + number) for number in range(RECORDS - 1)]
    others = [audit_record(RECORDS, organization, LogType.AUTHENTICATION, now_ms)]
    trail = SqsAuditTrail(clients.sqs(), running.settings["AUDIT_QUEUE_URL"])
    trail.record([*records[:500], *others])
    for record in records[500:]:
        trail.record([record])
    running.send(b"Subject: audited\r\n\r\nHello.\r\n", "ada@vigil.example")
    wait_for(lambda: all(len(found) >= RECORDS for found in lines(running).values()), every=1)
    for found in lines(running).values():
        sent = sorted(each["item_id"] for each in found if "action" not in each)
        assert sent == sorted(record.fields["item_id"] for record in records)
        (mail,) = (each for each in found if "action" in each)
        assert (mail["protocol"], mail["action"], mail["owner_id"]) == ("IncomingEmail", "create", user)
        assert set(mail) <= set(FIELDS[LogType.MAILBOX_ACCESS])
