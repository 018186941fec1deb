"""Deliveries of audit records for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from postroom.contracts.audit_log import FIELDS
from postroom.model.audit_deliveries import AuditDelivery, DestinationKind, LogType, OutputFormat

GROUP_ARN: Final = "arn:aws:logs:eu-west-1:111122223333:log-group:/audit/everything"
BUCKET_ARN: Final = "arn:aws:s3:::audit-bucket"
STREAM_ARN: Final = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/workmail-audit"

TARGETS: Final = {
    DestinationKind.CLOUDWATCH_LOGS: GROUP_ARN,
    DestinationKind.S3: BUCKET_ARN,
    DestinationKind.FIREHOSE: STREAM_ARN,
}


def delivery(
    kind: DestinationKind = DestinationKind.S3,
    log_type: LogType = LogType.MAILBOX_ACCESS,
    output_format: OutputFormat = OutputFormat.JSON,
    **settings: Any,
) -> AuditDelivery:
    """Return a delivery of all fields without a fault; in plain and w3c, between tabs."""
    made = AuditDelivery(
        id="d1",
        log_type=log_type,
        kind=kind,
        target_arn=TARGETS[kind],
        output_format=output_format,
        record_fields=FIELDS[log_type],
        field_delimiter="" if output_format is OutputFormat.JSON else "\t",
    )
    return replace(made, **settings)
