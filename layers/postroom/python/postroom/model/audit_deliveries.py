"""Where an organization's audit records go: one delivery per log type and destination.

Names and values are those of CloudWatch Logs' delivery API. Source: botocore, logs 2014-03-28, PutDeliverySource
(``logType`` of Amazon WorkMail), PutDeliveryDestination, CreateDelivery.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from postroom.model.owned import Owned


class LogType(StrEnum):
    """What Amazon WorkMail's delivery sources send."""

    ACCESS_CONTROL = "ACCESS_CONTROL_LOGS"
    AUTHENTICATION = "AUTHENTICATION_LOGS"
    AVAILABILITY_PROVIDER = "WORKMAIL_AVAILABILITY_PROVIDER_LOGS"
    MAILBOX_ACCESS = "WORKMAIL_MAILBOX_ACCESS_LOGS"
    PERSONAL_ACCESS_TOKEN = "WORKMAIL_PERSONAL_ACCESS_TOKEN_LOGS"  # noqa: S105 - a log type, no password


class DestinationKind(StrEnum):
    """``deliveryDestinationType``: log groups, buckets and Firehose streams."""

    CLOUDWATCH_LOGS = "CWL"
    S3 = "S3"
    FIREHOSE = "FH"


class OutputFormat(StrEnum):
    """``outputFormat``; ``raw`` and ``parquet`` are not supported."""

    JSON = "json"
    PLAIN = "plain"
    W3C = "w3c"


@dataclass(frozen=True, slots=True)
class AuditDelivery:
    """One delivery of one organization.

    Attributes:
        id: unique in the account; letters and digits, at most 64.
        target_arn: a log group without ``:*``, a stream, or a bucket, with ``/prefix`` if objects have one; empty if
            it is not known, which is a fault.
        record_fields: keys of a record in the order in which they are written; never empty without a fault.
        field_delimiter: between two values in plain and w3c; 1 to 5 characters there, empty in json.
        suffix_path: of S3 objects, as configured; empty for ours.
        hive: S3 prefixes name their values, as ``year=2026``.
        fault: why nothing can be delivered, for operators; empty if deliveries can be tried. Records of a faulty
            delivery are kept as those of one that fails. With a fault, other members than id and log type may be wrong.
    """

    id: str
    log_type: LogType
    kind: DestinationKind
    target_arn: str
    output_format: OutputFormat
    record_fields: tuple[str, ...]
    field_delimiter: str = ""
    suffix_path: str = ""
    hive: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLogDelivery(Owned):
    """A delivery that the API keeps; ``created`` and ``modified`` are in milliseconds."""

    family: ClassVar[str] = "AUDIT_LOG_DELIVERY"
    delivery: AuditDelivery
    created: int
    modified: int

    @property
    def key(self) -> str:
        """The delivery's id."""
        return self.delivery.id
