"""Numbers for people who watch: what was counted in an organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Metrics(Protocol):
    """Suite: tests/contract/test_metrics.py."""

    def count(self, organization_id: str, at: int, counts: Mapping[str, int]) -> None:
        """Count what happened in one organization around one time.

        Args:
            organization_id: the metrics' only dimension.
            at: milliseconds since the epoch; metrics keep it to the minute.
            counts: how often, by metric name; each occurrence is an observation of 1.
        """
