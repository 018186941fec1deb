"""Types of the values in audit records, and reading a line of any format back.

A reader of records as a table has to name the columns: a key may be absent in every line of many files, and a program
that guesses columns from the first files loses those that appear later.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from postroom.contracts.audit_formats import ABSENT
from postroom.model.audit_deliveries import OutputFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.audit_deliveries import AuditDelivery


class Column(StrEnum):
    """Types; the values are those of Athena (Hive DDL)."""

    TEXT = "string"
    NUMBER = "bigint"
    TRUTH = "boolean"
    TEXTS = "array<string>"


NOT_TEXT: Final[Mapping[str, Column]] = {
    "event_timestamp": Column.NUMBER,
    "action_allowed": Column.TRUTH,
    "access_granted": Column.TRUTH,
    "auth_successful": Column.TRUTH,
    "availability_event_successful": Column.TRUTH,
    "scopes": Column.TEXTS,
}
"""Types of all keys that are no text. Source: contracts.audit_log; the schemas in schemas/ say the same."""


def column(name: str) -> Column:
    """Return the type of a key's values."""
    return NOT_TEXT.get(name, Column.TEXT)


def read_line(line: str, delivery: AuditDelivery) -> dict[str, Any] | None:
    """Return the fields of a record in a line that a delivery has written; None for a line of a header.

    Raises:
        ValueError: the line is not in the delivery's format.
    """
    if delivery.output_format is OutputFormat.JSON:
        found = json.loads(line)
        if not isinstance(found, dict):
            raise ValueError("not an object")
        return found
    if line.startswith("#"):
        return None
    values = line.split(delivery.field_delimiter)
    named = zip(delivery.record_fields, values, strict=True)
    return {name: _value(name, text) for name, text in named if text != ABSENT}


def _value(name: str, text: str) -> Any:
    decoded = unquote(text, errors="strict")
    return decoded if column(name) is Column.TEXT else json.loads(decoded)
