"""Metrics in memory: sums by organization and name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class MemoryMetrics:
    """Implements ``Metrics``.

    Attributes:
        sums: by organization and metric.
        observations: how many there are, those of 0 included, by organization and metric.
        totals: sums over all organizations, by metric.
        minutes: the times of all calls, in order, in milliseconds since the epoch.
    """

    sums: Counter[tuple[str, str]] = field(default_factory=Counter)
    observations: Counter[tuple[str, str]] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    minutes: list[int] = field(default_factory=list)

    def count(
        self, organization_id: str, at_ms: int, counts: Mapping[str, int], zeros: Mapping[str, int] | None = None
    ) -> None:
        self.minutes.append(at_ms)
        for name, count in counts.items():
            self.sums[organization_id, name] += count
            self.observations[organization_id, name] += count
            self.totals[name] += count
        for name, count in (zeros or {}).items():
            self.observations[organization_id, name] += count


@dataclass(slots=True)
class MemoryStackMetrics:
    """Implements ``StackMetrics``. ``recorded`` has the values of every call, in order."""

    recorded: list[dict[str, float]] = field(default_factory=list)

    def record(self, values: Mapping[str, float]) -> None:
        self.recorded.append(dict(values))

    def last(self, name: str) -> float | None:
        """Return the last value of a metric; ``None`` if there is none."""
        return next((values[name] for values in reversed(self.recorded) if name in values), None)
