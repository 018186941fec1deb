"""Destinations of audit records, looked up before they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.transactions import code_of, store_errors
from postroom.errors import StoreUnavailableError
from postroom.model.audit_deliveries import DestinationKind

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

    from postroom.model.audit_targets import AuditTarget

REGION_HEADER: Final = "x-amz-bucket-region"
"""Header of HeadBucket's answers, errors included. Source: S3, HeadBucket: "the response header x-amz-bucket-region is
returned even if the bucket is in another Region or access is denied"."""

_NO_STREAM: Final = frozenset({"ResourceNotFoundException", "AccessDeniedException"})


class AwsAuditTargets:
    """Implements ``AuditTargets``; ``region`` is the stack's own."""

    def __init__(self, logs: CloudWatchLogsClient, s3: S3Client, firehose: FirehoseClient, region: str) -> None:
        self._logs = logs
        self._s3 = s3
        self._firehose = firehose
        self._region = region

    def region(self, target: AuditTarget) -> str | None:
        match target.kind:
            case DestinationKind.CLOUDWATCH_LOGS:
                return self._region if self._has_group(target.name) else None
            case DestinationKind.S3:
                return self._bucket_region(target.name)
            case DestinationKind.FIREHOSE:
                return self._region if self._has_stream(target.name) else None

    def _has_group(self, name: str) -> bool:
        with store_errors("look at log groups"):
            pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
            return any(group.get("logGroupName") == name for page in pages for group in page["logGroups"])

    def _bucket_region(self, name: str) -> str | None:
        """Ask without a permission of ours: an answer that denies access names the Region, too."""
        try:
            return self._s3.head_bucket(Bucket=name).get("BucketRegion") or self._region
        except ClientError as error:
            answer: Any = error.response["ResponseMetadata"]
            status, headers = answer.get("HTTPStatusCode", 0), answer.get("HTTPHeaders", {})
            if REGION_HEADER in headers:
                return str(headers[REGION_HEADER])
            if 400 <= status < 429:
                return None
            raise StoreUnavailableError(f"S3 did not describe a bucket: {code_of(error)}") from error
        except BotoCoreError as error:
            raise StoreUnavailableError(f"S3 did not describe a bucket: {code_of(error)}") from error

    def _has_stream(self, name: str) -> bool:
        try:
            self._firehose.describe_delivery_stream(DeliveryStreamName=name)
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in _NO_STREAM:
                return False
            raise StoreUnavailableError(f"Firehose did not describe a stream: {code_of(error)}") from error
        return True
