"""What a delivery of audit records may be set to, and what it is without a setting.

Limits are those of CloudWatch Logs' delivery API (botocore, logs 2014-03-28). Which formats, delimiters and fields AWS
allows for Amazon WorkMail is not public (DescribeConfigurationTemplates tells an account); ours are below.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from postroom.contracts.audit_log import FIELDS
from postroom.contracts.audit_paths import suffix_fault
from postroom.model.audit_deliveries import DestinationKind, OutputFormat
from postroom.model.audit_targets import target_fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.audit_deliveries import AuditDelivery, LogType
    from postroom.model.audit_targets import Place

FORMATS: Final[Mapping[DestinationKind, Sequence[OutputFormat]]] = {
    DestinationKind.CLOUDWATCH_LOGS: (OutputFormat.JSON, OutputFormat.PLAIN),
    DestinationKind.S3: (OutputFormat.JSON, OutputFormat.PLAIN, OutputFormat.W3C),
    DestinationKind.FIREHOSE: (OutputFormat.JSON, OutputFormat.PLAIN),
}
"""Formats by destination. w3c needs objects with a header; AWS vends it to buckets only, for the services that it
documents."""

DEFAULT_FORMAT: Final = OutputFormat.JSON
"""Format of a destination without one. Ours."""

DEFAULT_DELIMITER: Final = "\t"
"""Delimiter in plain and w3c without a setting. CloudFront's, whose user agents have spaces, too."""

MAX_DELIMITER_CHARACTERS: Final = 5
"""Source: botocore, FieldDelimiter."""

_DELIMITER: Final = re.compile(rf"[\t !\"#$&'()*+,./:;<=>?@\[\]^_`{{|}}~\\]{{1,{MAX_DELIMITER_CHARACTERS}}}")
"""Nothing that a value in its encoded form consists of (letters, digits, ``%``), no ``-`` and no line end."""


def fields_or_default(names: Sequence[str] | None, log_type: LogType) -> tuple[str, ...]:
    """Return the fields of a delivery: the given ones, or all of the log type."""
    return tuple(names or FIELDS[log_type])


def delimiter_or_default(delimiter: str | None, output_format: OutputFormat) -> str:
    """Return the delimiter of a delivery; empty for json."""
    return "" if output_format is OutputFormat.JSON else (delimiter or DEFAULT_DELIMITER)


def fault(delivery: AuditDelivery, place: Place) -> str:
    """Return why a delivery cannot be carried out, as a sentence that names what is wrong; empty if it can."""
    return (
        target_fault(delivery.target_arn, delivery.kind, place)
        or fields_fault(delivery.record_fields, delivery.log_type)
        or _format_fault(delivery)
        or _path_fault(delivery)
    )


def fields_fault(names: Sequence[str], log_type: LogType) -> str:
    """Return why these are no fields of a log type, as a sentence; empty if they are."""
    unknown = sorted(set(names) - set(FIELDS[log_type]))
    if unknown:
        return f"{log_type} has no field {', '.join(unknown)}; it has {', '.join(FIELDS[log_type])}."
    if len(set(names)) < len(names):
        return "A field is named once."
    return ""


def _format_fault(delivery: AuditDelivery) -> str:
    allowed = FORMATS[delivery.kind]
    if delivery.output_format not in allowed:
        return f"Destinations of type {delivery.kind} take {' or '.join(allowed)}, not {delivery.output_format}."
    if delivery.output_format is not OutputFormat.JSON and not _DELIMITER.fullmatch(delivery.field_delimiter):
        return f"A delimiter is 1 to {MAX_DELIMITER_CHARACTERS} tabs, spaces or punctuation marks other than % and -."
    return ""


def _path_fault(delivery: AuditDelivery) -> str:
    if delivery.kind is DestinationKind.S3:
        return suffix_fault(delivery.suffix_path, hive=delivery.hive)
    return ""
