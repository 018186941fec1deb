"""Metrics for dashboards and alarms: counts of what happened in organizations, and values of the stack itself."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

RULE_FUNCTION_FAILURE: Final = "RuleFunctionFailure"
"""Calls of a rule's function without a valid answer, and asynchronous calls that Lambda refused. Ours."""

OUTGOING_EMAIL_DELAYED: Final = "OutgoingEmailDelayed"
"""Recipients for which neither SES nor a gateway has taken a message for hours, at each attempt, unless their own
address or mailbox is the reason. Ours."""

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

FAILED_RECORDS: Final = "FailedRecords"
"""Records of queues that their function could not process, whether they come again or are given up. Lambda's own metric
of errors does not count them, because the function answers. Ours."""

PARKED_OPEN: Final = "ParkedOpen"
"""Things that are parked at the moment, counted by each sweep. Ours."""

SWEEP_BEHIND: Final = "SweepBehindSeconds"
"""How far the sweep is behind with what is due; 0 if it keeps up. Every sweep records it: its absence says that there
was no sweep. Ours."""

UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {FAILED_RECORDS: "Count", PARKED_OPEN: "Count", SWEEP_BEHIND: "Seconds"}
)
"""The metrics of the stack itself, each with its unit in CloudWatch."""


class Metrics(Protocol):
    """Records counts. Suite: tests/contract/test_metrics.py."""

    def count(
        self, organization_id: str, at_ms: int, counts: Mapping[str, int], zeros: Mapping[str, int] | None = None
    ) -> None:
        """Record counts of one organization. They add up over all organizations.

        Args:
            organization_id: whose they are; the stack decides whether it has metrics by organization, too.
            at_ms: milliseconds since the epoch; metrics have a resolution of one minute.
            counts: by metric name; each occurrence is an observation of 1.
            zeros: by metric name; each is an observation of 0.
        """


class StackMetrics(Protocol):
    """Records values of the stack itself. Suite: tests/contract/test_stack_metrics.py."""

    def record(self, values: Mapping[str, float]) -> None:
        """Record values as of now, by names of ``UNITS``."""
