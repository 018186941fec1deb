"""Destinations of audit records in memory and in moto, with a way to read what they have."""

from __future__ import annotations

import contextlib
import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3

from postroom.adapters.aws.audit_buckets import S3AuditObjects
from postroom.adapters.aws.audit_logs import CloudWatchAuditLogs, LogGroupWriter
from postroom.adapters.aws.audit_streams import FirehoseAuditStreams
from postroom.adapters.aws.destination_policies import DestinationPolicies
from postroom.adapters.memory.audit_destinations import MemoryAuditDestinations
from postroom.adapters.memory.written_objects import MemoryWrittenObjects
from postroom.model.audit_deliveries import DestinationKind
from postroom.model.audit_targets import Place
from tests.support.audit_deliveries import delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.ports.audit_destinations import AuditDestination

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
PLACE: Final = Place("aws", REGION, ACCOUNT)
GROUP: Final = "/audit/everything"
BUCKET: Final = "audit-bucket"
STREAM: Final = "workmail-audit"
SINK: Final = "firehose-sink"
TARGETS: Final = {
    DestinationKind.CLOUDWATCH_LOGS: f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}",
    DestinationKind.S3: f"arn:aws:s3:::{BUCKET}",
    DestinationKind.FIREHOSE: f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{STREAM}",
}


def delivery_to(kind: DestinationKind, **settings: Any) -> AuditDelivery:
    """Return a delivery to the destination of its kind."""
    return delivery(kind, **{"target_arn": TARGETS[kind], **settings})


@dataclass(slots=True)
class Targets:
    """One destination of each kind in moto, which must be running; ``clock_ms`` is the writers' clock."""

    clock_ms: int
    pauses: list[float] = field(default_factory=list)
    written: MemoryWrittenObjects = field(default_factory=MemoryWrittenObjects)
    logs: Any = field(default_factory=lambda: boto3.client("logs", REGION))
    s3: Any = field(default_factory=lambda: boto3.client("s3", REGION))
    firehose: Any = field(default_factory=lambda: boto3.client("firehose", REGION))
    own_groups: frozenset[str] = frozenset()

    def make(self) -> None:
        """Make the log group, the bucket, and the stream with the tag of log delivery."""
        self.logs.create_log_group(logGroupName=GROUP)
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.create_bucket(Bucket=SINK)
        self.make_stream()

    def make_stream(self) -> None:
        """Make the stream."""
        self.firehose.create_delivery_stream(
            DeliveryStreamName=STREAM,
            S3DestinationConfiguration={
                "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/firehose",
                "BucketARN": f"arn:aws:s3:::{SINK}",
            },
            Tags=[{"Key": "LogDeliveryEnabled", "Value": "true"}],
        )

    def make_anew(self) -> None:
        """Make all of them, after others of the same names are gone."""
        for bucket in (BUCKET, SINK):
            with contextlib.suppress(self.s3.exceptions.NoSuchBucket):
                for key in self.objects(bucket):
                    self.s3.delete_object(Bucket=bucket, Key=key)
                self.s3.delete_bucket(Bucket=bucket)
        with contextlib.suppress(self.firehose.exceptions.ResourceNotFoundException):
            self.remove(DestinationKind.FIREHOSE)
        with contextlib.suppress(self.logs.exceptions.ResourceNotFoundException):
            self.remove(DestinationKind.CLOUDWATCH_LOGS)
        self.make()

    @property
    def policies(self) -> DestinationPolicies:
        """Policies that are read anew with each use."""
        return DestinationPolicies(self.logs, self.s3, self.firehose, PLACE, lambda: self.clock_ms, 0, self.own_groups)

    def destination(self, kind: DestinationKind) -> AuditDestination:
        """Return the adapter of a kind."""
        now = lambda: self.clock_ms  # noqa: E731
        makers: dict[DestinationKind, Callable[[], AuditDestination]] = {
            DestinationKind.CLOUDWATCH_LOGS: lambda: CloudWatchAuditLogs(
                LogGroupWriter(self.logs, lambda: "2026/11/30/i", now), self.policies, PLACE
            ),
            DestinationKind.S3: lambda: S3AuditObjects(self.s3, self.policies, self.written, PLACE, now),
            DestinationKind.FIREHOSE: lambda: FirehoseAuditStreams(
                self.firehose, self.policies, PLACE, self.pauses.append
            ),
        }
        return makers[kind]()

    def texts(self, kind: DestinationKind) -> list[str]:
        """Return the lines that a destination has."""
        match kind:
            case DestinationKind.CLOUDWATCH_LOGS:
                pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP)
                return [event["message"] for page in pages for event in page["events"]]
            case DestinationKind.S3:
                bodies = [body for key, body in self.objects(BUCKET).items() if "-Digest/" not in key]
                found = b"".join(map(gzip.decompress, bodies))
            case DestinationKind.FIREHOSE:
                found = b"".join(self.objects(SINK).values())
        return found.decode().splitlines()

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Return the objects of a bucket by key."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return {key: self.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def allow_only(self, kind: DestinationKind, *statements: dict[str, Any]) -> None:
        """Give a log group or a bucket a policy."""
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        if kind is DestinationKind.S3:
            self.s3.put_bucket_policy(Bucket=BUCKET, Policy=document)
        else:
            self.logs.put_resource_policy(policyName="audit", policyDocument=document)

    def remove(self, kind: DestinationKind) -> None:
        """Delete a destination."""
        match kind:
            case DestinationKind.CLOUDWATCH_LOGS:
                self.logs.delete_log_group(logGroupName=GROUP)
            case DestinationKind.S3:
                self.s3.delete_bucket(Bucket=BUCKET)
            case DestinationKind.FIREHOSE:
                self.firehose.delete_delivery_stream(DeliveryStreamName=STREAM)


@dataclass(slots=True)
class MemoryTargets:
    """The same in memory."""

    memory: MemoryAuditDestinations = field(default_factory=MemoryAuditDestinations)

    def make(self) -> None:
        """Make a destination of each kind."""
        self.memory.targets |= {arn: [] for arn in TARGETS.values()}

    def destination(self, kind: DestinationKind) -> AuditDestination:
        """Return the adapter of all kinds."""
        return self.memory

    def texts(self, kind: DestinationKind) -> list[str]:
        """Return the lines that a destination has."""
        return [line.text for line in self.memory.targets[TARGETS[kind]]]

    def remove(self, kind: DestinationKind) -> None:
        """Delete a destination."""
        del self.memory.targets[TARGETS[kind]]
