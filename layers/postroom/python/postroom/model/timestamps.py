"""Times as texts."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(at: int) -> str:
    """Return milliseconds since the epoch as RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
