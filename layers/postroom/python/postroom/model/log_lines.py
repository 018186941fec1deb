"""Lines of logs, as they are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event as it is written, without a line end. ``id`` is its fact's or record's; ``at_ms`` since the epoch."""

    id: str
    at_ms: int
    text: str
