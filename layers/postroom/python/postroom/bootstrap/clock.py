"""The clock: the time, and waiting."""

from __future__ import annotations

import random
import time


def now_ms() -> int:
    """Return the time, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def monotonic_s() -> float:
    """Return the seconds of a clock that never goes back, for what an environment keeps for a while."""
    return time.monotonic()


def pause(attempt: int) -> None:
    """Wait before another attempt: 5 ms doubling to at most 320 ms, each with full jitter. Ours."""
    time.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))  # noqa: S311 - spreads load, protects nothing
