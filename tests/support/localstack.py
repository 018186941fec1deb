"""The LocalStack that `scripts/test-localstack` names, and how its account is emptied before a test.

LocalStack has no call that resets its state (4.14.0: `/_localstack/state/reset` is answered with 404). Only what the
suites make is deleted, and only in their account, which is not the one that `up` uses.
"""

from __future__ import annotations

import functools
import json
import os
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import boto3

from tests.support.localstack_differences import TRIED

if TYPE_CHECKING:
    from collections.abc import Callable

URL: Final = os.environ.get("POSTROOM_TEST_LOCALSTACK", "")
"""Its address; empty: tests run against moto."""

DYNAMODB: Final = "POSTROOM_TEST_DYNAMODB"
"""Variable with the address of DynamoDB for a whole stack; suites have moto in their own process."""

REGIONS: Final = ("us-east-1", "eu-west-1", "us-west-2")
"""The Regions in which suites make something."""


@functools.cache
def is_tried() -> bool:
    """Say whether it is the release that the table of differences is about."""
    with urllib.request.urlopen(f"{URL}/_localstack/health") as answer:  # noqa: S310  our own http
        return bool(json.load(answer)["version"] == TRIED)


def empty() -> None:
    """Delete what suites make in the account of the environment's credentials."""
    for service, delete in _GLOBAL.items():
        delete(_client(service, REGIONS[0]))
    for region in REGIONS:
        for service, delete in _REGIONAL.items():
            delete(_client(service, region))


@functools.cache
def _client(service: str, region: str) -> Any:
    """Return a client of the suites' account; the environment is the same for every test."""
    make: Any = boto3.client
    return make(service, region_name=region)


def _buckets(s3: Any) -> None:
    for name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", ()):
            s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
        found = s3.list_object_versions(Bucket=name)
        for version in [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]:
            s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
        s3.delete_bucket(Bucket=name)


def _queues(sqs: Any) -> None:
    for url in sqs.list_queues(MaxResults=1000).get("QueueUrls", ()):
        sqs.delete_queue(QueueUrl=url)


def _logs(logs: Any) -> None:
    for each in logs.describe_deliveries()["deliveries"]:
        logs.delete_delivery(id=each["id"])
    for each in logs.describe_delivery_sources()["deliverySources"]:
        logs.delete_delivery_source(name=each["name"])
    for each in logs.describe_delivery_destinations()["deliveryDestinations"]:
        logs.delete_delivery_destination(name=each["name"])
    for group in logs.describe_log_groups()["logGroups"]:
        logs.delete_log_group(logGroupName=group["logGroupName"])


def _buses(events: Any) -> None:
    for bus in [one["Name"] for one in events.list_event_buses()["EventBuses"]]:
        for rule in [one["Name"] for one in events.list_rules(EventBusName=bus)["Rules"]]:
            targets = [one["Id"] for one in events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]]
            if targets:
                events.remove_targets(Rule=rule, EventBusName=bus, Ids=targets)
            events.delete_rule(Name=rule, EventBusName=bus)
        if bus != "default":
            events.delete_event_bus(Name=bus)


def _mail(ses: Any) -> None:
    ses.set_active_receipt_rule_set()
    for one in ses.list_receipt_rule_sets()["RuleSets"]:
        ses.delete_receipt_rule_set(RuleSetName=one["Name"])
    for identity in ses.list_identities()["Identities"]:
        ses.delete_identity(Identity=identity)
    for one in ses.list_configuration_sets()["ConfigurationSets"]:
        ses.delete_configuration_set(ConfigurationSetName=one["Name"])


def _roles(iam: Any) -> None:
    for role in [one["RoleName"] for one in iam.list_roles()["Roles"]]:
        iam.delete_role(RoleName=role)


def _aliases(kms: Any) -> None:
    for alias in kms.list_aliases()["Aliases"]:
        if not alias["AliasName"].startswith("alias/aws/"):
            kms.delete_alias(AliasName=alias["AliasName"])


def _secrets(secrets: Any) -> None:
    for one in secrets.list_secrets()["SecretList"]:
        secrets.delete_secret(SecretId=one["ARN"], ForceDeleteWithoutRecovery=True)


def _streams(firehose: Any) -> None:
    for name in firehose.list_delivery_streams()["DeliveryStreamNames"]:
        firehose.delete_delivery_stream(DeliveryStreamName=name)


_GLOBAL: Final[dict[str, Callable[[Any], None]]] = {"s3": _buckets, "iam": _roles}

_REGIONAL: Final[dict[str, Callable[[Any], None]]] = {
    "sqs": _queues,
    "logs": _logs,
    "events": _buses,
    "ses": _mail,
    "kms": _aliases,
    "secretsmanager": _secrets,
    "firehose": _streams,
}
