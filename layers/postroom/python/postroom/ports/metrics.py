"""Numbers for people who watch: what was counted in an organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

RULE_FUNCTION_FAILURE: Final = "RuleFunctionFailure"
"""Attempts of a rule to call its function that brought no valid answer, or that Lambda did not take. Ours."""

WATCHED: Final = frozenset({RULE_FUNCTION_FAILURE})
"""Metrics that are summed up over all organizations as well: the stack's alarms cannot name each organization. Ours."""


class Metrics(Protocol):
    """Suite: tests/contract/test_metrics.py."""

    def count(self, organization_id: str, at_ms: int, counts: Mapping[str, int]) -> None:
        """Count what happened in one organization around one time; what is ``WATCHED`` over all of them, too.

        Args:
            organization_id: the metrics' only dimension; sums over all organizations have none.
            at_ms: milliseconds since the epoch; metrics keep it to the minute.
            counts: how often, by metric name; each occurrence is an observation of 1.
        """
