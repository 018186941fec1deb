"""A fact as a line of the event log, and lines cut into batches that CloudWatch Logs takes.

Source of the limits: CloudWatch Logs API reference, PutLogEvents.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.event_log import record_of
from postroom.ports.event_log import LogLine

if TYPE_CHECKING:
    from postroom.model.facts import Fact

MAX_BATCH_LINES: Final = 10_000
"""Most events of one call."""

MAX_BATCH_BYTES: Final = 1_048_576
"""Largest call, in bytes: each event's UTF-8 and its overhead."""

LINE_OVERHEAD: Final = 26
"""What the service adds to each event's size, in bytes."""

MAX_BATCH_SPAN: Final = 24 * 3600 * 1000
"""Between the first and the last event of a call, in milliseconds; we stay below it."""

MAX_LINE_BYTES: Final = 262_144 - LINE_OVERHEAD
"""Longest line, in bytes of UTF-8. Ours: the limit until 2025, which subscribers and emulators still have."""


def line_of(fact: Fact) -> LogLine:
    """Return a fact as a line; one that is too long loses the ends of its longest lists and texts."""
    text = fitted(
        fact.event, MAX_LINE_BYTES, lambda event: record_of(fact if event is fact.event else replace(fact, event=event))
    )
    return LogLine(fact.id, fact.at, text)


def batches(lines: Iterable[LogLine], most: int = MAX_BATCH_LINES) -> Iterator[list[LogLine]]:
    """Cut lines into calls: in order of time within and across calls, none beyond a limit, no line left out."""
    batch: list[LogLine] = []
    size = 0
    for line in sorted(lines, key=lambda line: line.at):
        bytes_of_line = len(line.text.encode()) + LINE_OVERHEAD
        if batch and (
            len(batch) >= most or size + bytes_of_line > MAX_BATCH_BYTES or line.at - batch[0].at >= MAX_BATCH_SPAN
        ):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += bytes_of_line
    if batch:
        yield batch


def fitted(fields: Mapping[str, Any], limit: int, render: Callable[[Mapping[str, Any]], str]) -> str:
    """Render fields as text of at most ``limit`` bytes, halving the longest of them as often as that takes.

    Lone surrogates, which UTF-8 cannot write, become question marks.
    """
    text = _writable(render(fields))
    while len(text.encode()) > limit:
        shorter = _halved(fields)
        if shorter == fields:
            break
        fields = shorter
        text = _writable(render(fields))
    return text


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _halved(value: Any) -> Any:
    """Return a JSON value with its longest part cut to half; lists keep their first elements, texts their beginning."""
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
