"""Audit records as lines of a destination: json, plain and w3c.

An absent value is ``-`` in plain and w3c, as in the logs that AWS vends (VPC flow logs, CloudFront), and an absent key
in json. No value ends a line, a column or a header: in plain and w3c, what could do so is percent-encoded as UTF-8,
``%`` included, so that a reader gets the value back (ours; CloudFront's way). The header is that of the W3C's extended
log file format (https://www.w3.org/TR/WD-logfile.html).
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from postroom.model.audit_deliveries import OutputFormat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.audit_deliveries import AuditDelivery

ABSENT: Final = "-"

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
"""Halves of characters. They have no UTF-8, and with one as an escape DuckDB 2.0.1 and pyarrow 26.0.1 refuse a file."""

_ENDS_LINES: Final = re.compile("[\x7f-\x9f\u2028\u2029]")
"""What ``json.dumps`` leaves as it is, and some readers take for the end of a line or a command to a terminal."""

_UNSAFE: Final = "%\x00-\x1f\x7f-\x9f\u2028\u2029"


class HasFields(Protocol):
    """An audit record, as far as it is written."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """Texts, whole numbers, truth values and lists of texts by key; no value is None or empty."""


def lines(records: Sequence[HasFields], delivery: AuditDelivery) -> Sequence[str]:
    """Return one line per record, in their order, without line ends.

    Keys that are not among the delivery's ``record_fields`` are left out.
    """
    if delivery.output_format is OutputFormat.JSON:
        return [_object(record.fields, delivery.record_fields) for record in records]
    return [_columns(record.fields, delivery) for record in records]


def header(delivery: AuditDelivery) -> Sequence[str]:
    """Return the lines with which an object begins; none for formats without a header."""
    if delivery.output_format is not OutputFormat.W3C:
        return ()
    return ("#Version: 1.0", f"#Fields: {' '.join(delivery.record_fields)}")


def _object(fields: Mapping[str, Any], names: Sequence[str]) -> str:
    return json_line({name: fields[name] for name in names if name in fields})


def json_line(value: Mapping[str, Any]) -> str:
    """Return JSON that no reader takes for several lines."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = _SURROGATES.sub("\ufffd", text)
    return _ENDS_LINES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _columns(fields: Mapping[str, Any], delivery: AuditDelivery) -> str:
    unsafe = _unsafe(delivery.field_delimiter)
    values = (_column(fields[name], unsafe) if name in fields else ABSENT for name in delivery.record_fields)
    return delivery.field_delimiter.join(values)


def _column(value: Any, unsafe: re.Pattern[str]) -> str:
    # numbers, truth values and lists as in json
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return unsafe.sub(lambda found: _percent(found[0]), _SURROGATES.sub("\ufffd", text)) or ABSENT


@cache
def _unsafe(delimiter: str) -> re.Pattern[str]:
    """Return what is encoded: also the delimiter, a value that is ``-``, and a ``#`` that would begin a directive."""
    return re.compile(rf"[{_UNSAFE}{re.escape(delimiter)}]|^#|^-\Z")


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
