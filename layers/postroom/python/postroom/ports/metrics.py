"""Metrics: counts per organization, for dashboards and alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

RULE_FUNCTION_FAILURE: Final = "RuleFunctionFailure"
"""Calls of a rule's function without a valid answer, and asynchronous calls that Lambda refused. Ours."""

AVAILABILITY_PROVIDER_FAILURE: Final = "AvailabilityProviderFailure"
"""Calls of availability providers: 1 for a call that failed, 0 for one that did not, so that the average is the share.
Source: guide, ZH:1527; which calls count, and the 0, are ours."""

AUTHENTICATION_FAILURE: Final = "AuthenticationFailure"
"""Attempts of clients to authenticate: 1 for one that failed, 0 for one that did not. Source: guide, ZH:1524; the 0 is
WorkMail's, too: Sum counts failures, SampleCount attempts."""

ACCESS_DENIED: Final = "AccessDenied"
"""Evaluations of access rules: 1 for access that was denied, 0 for access that was granted. Source: guide, ZH:1525."""

ACTION_DENIED: Final = "ActionDenied"
"""Actions on data of mailboxes: 1 for one that was refused, 0 for one that was allowed. Source: guide, ZH:1526."""

WATCHED: Final = frozenset({RULE_FUNCTION_FAILURE, AVAILABILITY_PROVIDER_FAILURE})
"""Metrics that are also summed up over all organizations, for the stack's alarms. Ours."""


class Metrics(Protocol):
    """Records counts. Suite: tests/contract/test_metrics.py."""

    def count(
        self, organization_id: str, at_ms: int, counts: Mapping[str, int], zeros: Mapping[str, int] | None = None
    ) -> None:
        """Record counts of one organization; those of ``WATCHED`` metrics also without an organization.

        Args:
            organization_id: the only dimension; a sum over all organizations has none.
            at_ms: milliseconds since the epoch; metrics have a resolution of one minute.
            counts: by metric name; each occurrence is an observation of 1.
            zeros: by metric name; each is an observation of 0.
        """
