"""When a call that failed comes again."""

from __future__ import annotations

from typing import Final

FIRST_GAP: Final = 10_000
"""Milliseconds, at most, between the first attempt and the second; each further gap is twice as long. Ours."""

LONGEST_GAP: Final = 15 * 60_000
"""Longest gap between two attempts, in milliseconds. Source: SQS, longest delay of a message; architecture 4.5."""

SHORTEST_GAP: Final = 1000
"""Shortest gap, in milliseconds, however fast time runs: SQS counts seconds."""


def gap(failed: int, chance: float, speed: int) -> int:
    """Return the milliseconds until the next attempt: they double with each that failed, with jitter.

    Args:
        failed: attempts before the one that has just failed.
        chance: from 0 to below 1.
        speed: divides the gap.
    """
    longest = min(FIRST_GAP << min(failed, 10), LONGEST_GAP)
    return max(SHORTEST_GAP, int(longest * (1 + chance) / 2 / speed))


def delay(wait: int) -> int:
    """Return the seconds for which SQS is to hold a call back that is due in so many milliseconds, if it can."""
    return min(-(-max(wait, 0) // 1000), LONGEST_GAP // 1000)
