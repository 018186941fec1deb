"""When something that failed is tried again: one schedule for effects outside our tables and for rules' functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SHORTEST_GAP_MS: Final = 1000
"""Shortest gap, however fast time runs: SQS counts seconds."""

LONGEST_GAP_MS: Final = 15 * 60_000
"""Longest gap between two attempts. Source: SQS, longest delay of a message."""


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """Gaps between attempts: each is twice as long as the one before, with jitter.

    Attributes:
        first_gap_ms: longest gap between the first attempt and the second.
        longest_gap_ms: longest gap of all.
    """

    first_gap_ms: int = 10_000
    longest_gap_ms: int = LONGEST_GAP_MS

    def gap_ms(self, failed: int, chance: float, speed: int = 1) -> int:
        """Return the milliseconds until the next attempt.

        Args:
            failed: attempts before the one that has just failed.
            chance: from 0 to below 1; the gap is between half of the longest and the longest.
            speed: divides the gap.
        """
        longest = min(self.first_gap_ms << min(failed, 10), self.longest_gap_ms)
        return max(SHORTEST_GAP_MS, int(longest * (1 + chance) / 2 / speed))


def delay_s(wait_ms: int) -> int:
    """Return the seconds for which SQS is to hold a message back that is due in so many milliseconds, if it can."""
    return min(-(-max(wait_ms, 0) // 1000), LONGEST_GAP_MS // 1000)
