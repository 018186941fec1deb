"""Log events as rows of fields, and values as Insights compares, sorts and writes them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = dict[str, Any]
"""Values by field: text, int or float. A field that an event does not have is missing."""

MAX_DIGITS: Final = 100
"""Of a number, before and behind its point; what has more is text. Ours."""

_NUMBER: Final = re.compile(rf"-?\d{{1,{MAX_DIGITS}}}(?:\.\d{{1,{MAX_DIGITS}}})?", re.ASCII)
_LARGEST: Final = 10**MAX_DIGITS
_CHUNK: Final = re.compile(r"[0-9]+|[^0-9]+")


class Time(int):
    """Milliseconds since the epoch, which are written as date and time."""


@dataclass(frozen=True, slots=True)
class Event:
    """One log event: its time in milliseconds since the epoch, its text, and its place in the log.

    ``pointer`` is what ``@ptr`` says; ``log`` is ``account:group``.
    """

    at: int
    message: str
    ingested: int = 0
    stream: str = ""
    log: str = ""
    pointer: str = ""

    def row(self) -> Row:
        """Return the fields that Insights discovers: its own, and the leaves of a JSON object by dotted path."""
        row: Row = {
            "@timestamp": Time(self.at),
            "@message": self.message,
            "@ingestionTime": Time(self.ingested),
            "@logStream": self.stream,
            "@log": self.log,
            "@ptr": self.pointer,
        }
        if self.message.lstrip().startswith("{"):
            try:
                row = {**_flat(json.loads(self.message)), **row}
            except (ValueError, RecursionError):
                return row
        return row


def _flat(value: Any, prefix: str = "") -> Row:
    """Return the leaves of a JSON value; elements of lists by their index, true and false as 1 and 0, no null."""
    pairs: Iterable[tuple[str, Any]]
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = ((str(place), each) for place, each in enumerate(value))
    else:
        return {} if value is None else {prefix: _leaf(value)}
    leaves: Row = {}
    for name, each in pairs:
        leaves |= _flat(each, f"{prefix}.{name}" if prefix else name)
    return leaves


def _leaf(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return str(value) if isinstance(value, int) and abs(value) >= _LARGEST else value


def number(value: Any) -> float | int | None:
    """Return a value as a number if it is one, also where text holds it."""
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return None


def compared(left: Any, right: Any) -> tuple[Any, Any]:
    """Return two values in forms that compare: as numbers if both are, else as text."""
    numbers = number(left), number(right)
    return numbers if None not in numbers else (written(left), written(right))


def sort_key(row: Row, field: str) -> tuple[Any, ...]:
    """Return a key of the natural order: missing values, then text, then numbers.

    In text, runs of digits are compared by length, then by value. Source: User Guide, "sort"; missing ones: ours.
    """
    if field not in row:
        return (0,)
    value = number(row[field])
    if value is not None:
        return (2, value)
    chunks = _CHUNK.findall(written(row[field]))
    return (1, [("0", len(chunk), chunk) if chunk[0].isdigit() else (chunk[0], 0, chunk) for chunk in chunks])


def written(value: Any) -> str:
    """Return a value as a result says it."""
    if isinstance(value, Time):
        moment = datetime.fromtimestamp(value // 1000, UTC)
        return f"{moment:%Y-%m-%d %H:%M:%S}.{value % 1000:03d}"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
