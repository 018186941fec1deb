"""Facts as lines of the event log."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postroom.contracts.event_log import record_of
from postroom.contracts.log_batches import MAX_LINE_BYTES
from postroom.model.log_lines import LogLine

if TYPE_CHECKING:
    from postroom.model.facts import Fact


def line_of(fact: Fact) -> LogLine:
    """Return a fact as a line; if it is too long, its longest lists and texts are cut at the end."""
    text = fitted(
        fact.event, MAX_LINE_BYTES, lambda event: record_of(fact if event is fact.event else replace(fact, event=event))
    )
    return LogLine(fact.id, fact.at, text)


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
