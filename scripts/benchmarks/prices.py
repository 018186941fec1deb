"""What AWS charges: list prices of us-east-1 in US dollars, without free tiers and volume discounts.

Taken on 2026-11-24 from the services' pricing pages. When one of them changes, change the row and the date.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

TAKEN: Final = "2026-11-24"
REGION: Final = "us-east-1"


class Unit(StrEnum):
    """What a bill counts."""

    S3_PUT = "S3 PUT or LIST"
    S3_GET = "S3 GET"
    S3_DELETE = "S3 DELETE"
    SQS = "SQS request, 64 KB each"
    SQS_FAIR = "…of a message with a group"
    DYNAMODB_WRITE = "DynamoDB write unit, 1 KB each"
    DYNAMODB_READ = "DynamoDB read unit, 4 KB each"
    KMS = "KMS request"
    LOGS = "CloudWatch Logs, byte taken in"
    EVENTS = "EventBridge event, 64 KB each"
    FIREHOSE = "Firehose record, 5 KB each"
    SNS = "SNS publish, 64 KB each"
    LAMBDA_REQUEST = "Lambda invocation"
    LAMBDA_TIME = "Lambda, GB-second"
    SES_MESSAGE = "SES message received"
    SES_SENT = "SES message sent"
    ALARM_METRIC = "CloudWatch alarm, metric and month"
    METRIC = "CloudWatch metric of our own, month"
    DASHBOARD = "CloudWatch dashboard, month"
    KEY = "KMS key, month"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million units, and where that is written."""

    dollars_per_million: float
    source: str


GB: Final = 2**30

PRICES: Final = {
    Unit.S3_PUT: Price(5.00, "aws.amazon.com/s3/pricing: Standard, PUT, COPY, POST, LIST"),
    Unit.S3_GET: Price(0.40, "aws.amazon.com/s3/pricing: Standard, GET and all others"),
    Unit.S3_DELETE: Price(0.00, "aws.amazon.com/s3/pricing: DELETE is free"),
    Unit.SQS: Price(0.40, "aws.amazon.com/sqs/pricing: standard queues"),
    Unit.SQS_FAIR: Price(
        0.10, "aws.amazon.com/sqs/pricing: fair queues, on top; counted on sending, receiving, deleting"
    ),
    Unit.DYNAMODB_WRITE: Price(0.625, "aws.amazon.com/dynamodb/pricing/on-demand: Standard table class"),
    Unit.DYNAMODB_READ: Price(0.125, "aws.amazon.com/dynamodb/pricing/on-demand: Standard table class"),
    Unit.KMS: Price(3.00, "aws.amazon.com/kms/pricing: symmetric keys"),
    Unit.LOGS: Price(0.50 / GB * 1e6, "aws.amazon.com/cloudwatch/pricing: logs, collect, $0.50 a GB"),
    Unit.EVENTS: Price(1.00, "aws.amazon.com/eventbridge/pricing: custom events"),
    Unit.FIREHOSE: Price(
        0.029 / GB * 5 * 1024 * 1e6,
        "aws.amazon.com/firehose/pricing: Direct PUT, $0.029 a GB, in steps of 5 KB a record",
    ),
    Unit.SNS: Price(0.50, "aws.amazon.com/sns/pricing: standard topics; delivery to SQS is free"),
    Unit.LAMBDA_REQUEST: Price(0.20, "aws.amazon.com/lambda/pricing"),
    Unit.LAMBDA_TIME: Price(16.6667, "aws.amazon.com/lambda/pricing: x86"),
    Unit.SES_SENT: Price(100.00, "aws.amazon.com/ses/pricing: outbound, $0.10 per 1,000; attachments $0.12 a GB more"),
    Unit.ALARM_METRIC: Price(0.10e6, "aws.amazon.com/cloudwatch/pricing: alarms, standard resolution, per metric"),
    Unit.METRIC: Price(0.30e6, "aws.amazon.com/cloudwatch/pricing: custom metrics, the first 10,000"),
    Unit.DASHBOARD: Price(3.00e6, "aws.amazon.com/cloudwatch/pricing: custom dashboards"),
    Unit.KEY: Price(1.00e6, "aws.amazon.com/kms/pricing: customer managed keys; a rotated one $1 more, twice at most"),
    Unit.SES_MESSAGE: Price(100.00, "aws.amazon.com/ses/pricing: inbound, the first 256 KB of each message"),
}
"""The stream's reads are not here: what Lambda reads for a trigger is free. Neither is storage, which is paid by the
month, nor the stack key's use by DynamoDB, S3, SQS and SNS, which is by the minute: they cache their data keys."""


def dollars(unit: Unit, count: float) -> float:
    """Return what a number of units costs."""
    return PRICES[unit].dollars_per_million * count / 1e6
