"""Facts as lines of the event log, and batches of lines within the limits of CloudWatch Logs.

Source of the limits: CloudWatch Logs API reference, PutLogEvents.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.event_log import record_of
from postroom.model.limits import DAY_MS
from postroom.ports.event_log import LogLine

if TYPE_CHECKING:
    from postroom.model.facts import Fact

MAX_BATCH_LINES: Final = 10_000
"""Most lines per call."""

MAX_BATCH_BYTES: Final = 1_048_576
"""Largest call, in bytes: each line's UTF-8 and its overhead."""

LINE_OVERHEAD_BYTES: Final = 26
"""Bytes that the service adds to the size of each line."""

MAX_BATCH_SPAN_MS: Final = DAY_MS
"""Time between the first and the last line of a call, in milliseconds; a call stays below it."""

MAX_LINE_BYTES: Final = 262_144 - LINE_OVERHEAD_BYTES
"""Longest line, in bytes of UTF-8. Ours: the service's limit until 2025; subscribers and emulators still have it."""


def line_of(fact: Fact) -> LogLine:
    """Return a fact as a line; if it is too long, its longest lists and texts are cut at the end."""
    text = fitted(
        fact.event, MAX_LINE_BYTES, lambda event: record_of(fact if event is fact.event else replace(fact, event=event))
    )
    return LogLine(fact.id, fact.at, text)


def batches(lines: Iterable[LogLine], max_lines: int = MAX_BATCH_LINES) -> Iterator[list[LogLine]]:
    """Divide lines into calls, ordered by time. No call exceeds a limit; no line is left out."""
    batch: list[LogLine] = []
    size = 0
    for line in sorted(lines, key=lambda line: line.at_ms):
        bytes_of_line = len(line.text.encode()) + LINE_OVERHEAD_BYTES
        if batch and (
            len(batch) >= max_lines
            or size + bytes_of_line > MAX_BATCH_BYTES
            or line.at_ms - batch[0].at_ms >= MAX_BATCH_SPAN_MS
        ):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += bytes_of_line
    if batch:
        yield batch


def fitted(fields: Mapping[str, Any], limit_bytes: int, render: Callable[[Mapping[str, Any]], str]) -> str:
    """Render fields as text of at most ``limit_bytes`` in UTF-8; the longest field is halved until the text fits.

    Text that cannot be made to fit is returned too long. Lone surrogates, which UTF-8 cannot encode, become question
    marks.
    """
    text = _encodable(render(fields))
    while len(text.encode()) > limit_bytes:
        shorter = _halved(fields)
        if shorter == fields:
            break
        fields = shorter
        text = _encodable(render(fields))
    return text


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _halved(value: Any) -> Any:
    """Return a JSON value whose longest part is halved; lists keep their first elements, texts their beginning."""
    match value:
        case str():
            return value[: len(value) // 2]
        case list() | tuple() if len(value) > 1:
            return list(value[: len(value) // 2])
        case list() | tuple():
            return [_halved(element) for element in value]
        case Mapping() if value:
            longest = max(value, key=lambda name: len(json.dumps(value[name])))
            return {**value, longest: _halved(value[longest])}
        case _:
            return value
