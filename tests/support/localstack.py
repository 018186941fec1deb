"""The LocalStack that `scripts/test-localstack` names, and how its account is emptied before a test.

LocalStack has no call that resets its state (4.9.2: `/_localstack/state/reset` is answered with 404).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import boto3

if TYPE_CHECKING:
    from collections.abc import Callable

URL: Final = os.environ.get("POSTROOM_TEST_LOCALSTACK", "")
"""Its address; empty: tests run against moto."""


def empty() -> None:
    """Delete what tests make in the account of the environment's credentials."""
    for delete in _EVERYTHING:
        delete()


def _buckets() -> None:
    s3: Any = boto3.client("s3")
    for name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.delete_bucket_policy(Bucket=name)
        for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", ()):
            s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
        found = s3.list_object_versions(Bucket=name)
        for version in [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]:
            s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
        s3.delete_bucket(Bucket=name)


def _queues() -> None:
    sqs: Any = boto3.client("sqs")
    for page in sqs.get_paginator("list_queues").paginate():
        for url in page.get("QueueUrls", ()):
            sqs.delete_queue(QueueUrl=url)


def _log_groups() -> None:
    logs: Any = boto3.client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            logs.delete_log_group(logGroupName=group["logGroupName"])


def _buses() -> None:
    events: Any = boto3.client("events")
    for bus in [one["Name"] for one in events.list_event_buses()["EventBuses"]]:
        for rule in [one["Name"] for one in events.list_rules(EventBusName=bus)["Rules"]]:
            targets = [one["Id"] for one in events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]]
            if targets:
                events.remove_targets(Rule=rule, EventBusName=bus, Ids=targets)
            events.delete_rule(Name=rule, EventBusName=bus)
        if bus != "default":
            events.delete_event_bus(Name=bus)


def _mail() -> None:
    ses: Any = boto3.client("ses")
    ses.set_active_receipt_rule_set()
    for one in ses.list_receipt_rule_sets()["RuleSets"]:
        ses.delete_receipt_rule_set(RuleSetName=one["Name"])
    for identity in ses.list_identities()["Identities"]:
        ses.delete_identity(Identity=identity)


def _roles() -> None:
    iam: Any = boto3.client("iam")
    for role in [one["RoleName"] for one in iam.list_roles()["Roles"]]:
        iam.delete_role(RoleName=role)


def _secrets() -> None:
    secrets: Any = boto3.client("secretsmanager")
    for one in secrets.list_secrets()["SecretList"]:
        secrets.delete_secret(SecretId=one["ARN"], ForceDeleteWithoutRecovery=True)


def _streams() -> None:
    firehose: Any = boto3.client("firehose")
    for name in firehose.list_delivery_streams()["DeliveryStreamNames"]:
        firehose.delete_delivery_stream(DeliveryStreamName=name)


_EVERYTHING: Final[tuple[Callable[[], None], ...]] = (
    _streams,
    _queues,
    _buckets,
    _log_groups,
    _buses,
    _mail,
    _roles,
    _secrets,
)
