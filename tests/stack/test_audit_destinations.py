"""Audit records of an organization in all three destinations, configured by a stock boto3 client of CloudWatch Logs."""

from __future__ import annotations

import gzip
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.adapters.aws import clients
from postroom.adapters.aws.audit_trail import SqsAuditTrail
from postroom.bootstrap.write_audit_digests import WriteAuditDigestsSettings, build
from postroom.contracts.audit_log import FIELDS
from postroom.model.audit_deliveries import LogType
from tests.support import forked_cli
from tests.support.audit_writing import audit_record
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postroom.contracts.audit_log import AuditRecord
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

ROOT: Final = Path(__file__).parents[2]
ACCOUNT: Final = "123456789012"
RECORDS: Final = 1_000
IN_THE_GROUP: Final = {"logGroupName": "/vigil/audit"}
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
    kept = b"".join(gzip.decompress(body) for key, body in objects(running, "vigil-audit") if "/WorkMail/" in key)
    texts = {
        "CWL": [event["message"] for page in pages for event in page["events"]],
        "S3": kept.decode().splitlines(),
        "FH": streams.decode().splitlines(),
    }
    return {kind: [json.loads(text) for text in found] for kind, found in texts.items()}


@pytest.fixture(scope="module")
def organization(running: RunningStack) -> str:
    """An organization with three deliveries of mailbox access, and a user, Ada."""
    made = running.organization("vigil")
    running.user(made, "ada", "ada@vigil.example")
    make_destinations(running)
    deliver(running, made, LogType.MAILBOX_ACCESS)
    return made


def record(running: RunningStack, records: Sequence[AuditRecord], *, together: int) -> None:
    """Hand records over, the first ones in one message, each of the others in its own."""
    trail = SqsAuditTrail(clients.sqs(), running.settings["AUDIT_QUEUE_URL"])
    trail.record(records[:together])
    for each in records[together:]:
        trail.record([each])


def made(organization_id: str, numbers: range) -> list[AuditRecord]:
    now_ms = time.time_ns() // 1_000_000
    return [audit_record(number, organization_id, at_ms=now_ms + number) for number in numbers]


def items(records: Iterable[AuditRecord]) -> set[str]:
    return {str(each.fields["item_id"]) for each in records}


def test_a_thousand_events_are_in_all_three_destinations_once_each(running: RunningStack, organization: str) -> None:
    records = made(organization, range(RECORDS - 1))
    other = audit_record(RECORDS, organization, LogType.AUTHENTICATION, records[0].at_ms)
    record(running, [other, *records], together=500)
    running.send(b"Subject: audited\r\n\r\nHello.\r\n", "ada@vigil.example")
    wait_for(lambda: all(len(found) >= RECORDS for found in lines(running).values()), every=1)
    for found in lines(running).values():
        assert sorted(each["item_id"] for each in found if "action" not in each) == sorted(items(records))
        (mail,) = (each for each in found if "action" in each)
        assert (mail["protocol"], mail["action"], mail["action_allowed"]) == ("IncomingEmail", "create", True)
        assert set(mail) <= set(FIELDS[LogType.MAILBOX_ACCESS])


def test_events_that_a_destination_refuses_are_there_later(running: RunningStack, organization: str) -> None:
    """Each destination refuses once; the first retry is 60 seconds later, divided by the speed of the stack."""
    running.fault(service="logs", operation="PutLogEvents", error="ThrottlingException", times=2, match=IN_THE_GROUP)
    running.fault(service="s3", operation="PutObject", error="AccessDenied", times=1, match={"Bucket": "vigil-audit"})
    running.fault(service="firehose", operation="PutRecordBatch", error="AccessDeniedException", times=1)
    records = made(organization, range(RECORDS, RECORDS + 50))
    record(running, records, together=50)
    wait_for(lambda: all(items(records) <= {each["item_id"] for each in found} for found in lines(running).values()))
    assert not running.faults(), "each destination has refused"
    for found in lines(running).values():
        again = [each["item_id"] for each in found if each["item_id"] in items(records)]
        assert sorted(again) == sorted(items(records))


def audit(running: RunningStack, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Run `postroom audit`; return its exit status and what it prints."""
    done = forked_cli.run(["audit", *arguments, "--json"], running.environment, ROOT)
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return done.returncode, rows


def test_what_was_written_is_proved_and_a_deleted_object_is_found(running: RunningStack, organization: str) -> None:
    """The digests are written as if three hours had passed, by the function's code under the function's settings."""
    (last,) = records = made(organization, range(2 * RECORDS, 2 * RECORDS + 1))
    record(running, records, together=1)
    wait_for(lambda: any(each["item_id"] == last.fields["item_id"] for each in lines(running)["S3"]))
    status, (before,) = audit(running, "verify", "--organization", "vigil")
    assert (status, before["findings"], before["digests"]) == (0, [], 0)
    assert before["openObjects"] > 0

    settings = WriteAuditDigestsSettings.read({**os.environ, **running.settings})
    later_ms = time.time_ns() // 1_000_000 + 3 * 3_600_000
    counts = replace(build(settings), now=lambda: later_ms).run(lambda: 300_000)
    assert counts["digests"] >= 2
    status, (proved,) = audit(running, "verify", "--organization", organization)
    assert (status, proved["findings"], proved["openObjects"]) == (0, [], 0)
    assert proved["records"] >= RECORDS
    assert (proved["bucket"], proved["prefix"]) == ("vigil-audit", "kept/")

    key, body = next((key, body) for key, body in objects(running, "vigil-audit") if "/WorkMail/" in key)
    running.client("s3").delete_object(Bucket="vigil-audit", Key=key)
    status, (found,) = audit(running, "verify", "--organization", organization)
    assert (status, [(each["kind"], each["key"]) for each in found["findings"]]) == (1, [("OBJECT_DELETED", key)])
    running.client("s3").put_object(Bucket="vigil-audit", Key=key, Body=body)


def test_records_are_searched_by_user_and_action(running: RunningStack, organization: str) -> None:
    status, rows = audit(running, "search", "--organization", organization, "--user", "ada@vigil.example")
    assert (status, [each["record"]["action"] for each in rows]) == (0, ["create"])
