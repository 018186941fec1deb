"""Lines of logs, as they are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event as it is written, without a line end. ``id`` is its fact's or record's; ``at_ms`` since the epoch."""

    id: str
    at_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a line was not written; ``final`` if no retry can write it, so that it waits for an operator at once."""

    cause: str
    final: bool = False
