"""When a message that was not accepted is tried again, when its sender is told, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from postroom.effects.retries import SHORTEST_GAP_MS, RetrySchedule
from postroom.model.limits import DAY_S, HOUR_MS

RETRY_SECONDS: Final = 2 * DAY_S
"""How long a message is tried, in seconds from its submission. Ours; RFC 5321, 4.5.4.1, advises four to five days, and
operators set what they want (parameter TransmitRetrySeconds)."""

NOTICE_MS: Final = 4 * HOUR_MS
"""Milliseconds after which the sender of a message that waits is told. Ours."""

FIRST_GAP_MS: Final = 60_000
"""Longest gap between the first attempt and the second, in milliseconds. Ours."""

LONGEST_GAP_MS: Final = 3 * HOUR_MS
"""Longest gap of all, in milliseconds. Ours. Source of the growth: RFC 5321, 4.5.4.1."""

EXPIRED_STATUS: Final = "4.4.7"
"""Status of a recipient that is given up. Source: RFC 3463, 3.5, delivery time expired."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """Times in milliseconds. ``speed`` divides the gaps; the other two are given as they are."""

    retry_ms: int = RETRY_SECONDS * 1000
    notice_ms: int = NOTICE_MS
    speed: int = 1
    schedule: RetrySchedule = field(default_factory=lambda: RetrySchedule(FIRST_GAP_MS, LONGEST_GAP_MS))

    def until(self, since: int) -> int:
        """Return when a message is given up: the last attempt is not before."""
        return since + self.retry_ms

    def is_late(self, since: int, now: int) -> bool:
        """Say whether the sender is to be told that the message waits."""
        return now >= since + self.notice_ms

    def due(self, since: int, now: int, failed: int, chance: float) -> int:
        """Return when the next attempt is due.

        One is at the time of the notice, and the last is at the end.

        Args:
            failed: attempts before the one that has just failed.
            chance: from 0 to below 1.
        """
        due = now + self.schedule.gap_ms(failed, chance, self.speed)
        for at in (since + self.notice_ms, self.until(since)):
            if now < at < due:
                due = at
        return max(due, now + SHORTEST_GAP_MS)
