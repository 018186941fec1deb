"""Names of the log streams that functions write records and events to."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def daily() -> Callable[[], str]:
    """Return a function that returns the name of today's stream, which no other execution environment writes to."""
    instance = uuid.uuid4().hex
    return lambda: f"{datetime.now(UTC):%Y/%m/%d}/{instance}"
