"""Metrics in memory: sums by organization and name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class MemoryMetrics:
    """``Metrics``; ``sums`` by organization and metric, ``minutes`` the times that were named, in order."""

    sums: Counter[tuple[str, str]] = field(default_factory=Counter)
    minutes: list[int] = field(default_factory=list)

    def count(self, organization_id: str, at: int, counts: Mapping[str, int]) -> None:
        """See the port."""
        self.minutes.append(at)
        for name, count in counts.items():
            self.sums[organization_id, name] += count
