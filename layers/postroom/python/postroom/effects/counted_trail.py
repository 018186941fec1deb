"""Audit records of authentication and access, counted once they are kept: WorkMail's metrics of what was refused.

Source: guide, ZH:1524-1526: an observation of 1 for what was refused, of 0 for what was allowed, so that the average is
the share. Ours: deliveries count no ActionDenied, because records of them are made only where they are audited.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.model.audit_deliveries import LogType
from postroom.ports.metrics import ACCESS_DENIED, ACTION_DENIED, AUTHENTICATION_FAILURE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.contracts.audit_log import AuditRecord, RecordType
    from postroom.ports.audit_trail import AuditTrail
    from postroom.ports.metrics import Metrics

PERIOD_MS: Final = 60_000
"""Milliseconds that one value of a metric covers. Source: CloudWatch, standard resolution."""

METRICS: Final[Mapping[RecordType, tuple[str, str]]] = {
    LogType.ACCESS_CONTROL: (ACCESS_DENIED, "access_granted"),
    LogType.AUTHENTICATION: (AUTHENTICATION_FAILURE, "auth_successful"),
    LogType.MAILBOX_ACCESS: (ACTION_DENIED, "action_allowed"),
}
"""Metric of a kind of record, and the key that is true for an observation of 0."""


@dataclass(frozen=True, slots=True)
class CountedTrail:
    """Implements ``AuditTrail`` for functions that decide about access."""

    trail: AuditTrail
    metrics: Metrics

    def record(self, records: Sequence[AuditRecord]) -> None:
        """Keep records, then count them."""
        self.trail.record(records)
        counted: dict[tuple[str, int], tuple[Counter[str], Counter[str]]] = {}
        for record in records:
            if record.type in METRICS:
                metric, key = METRICS[record.type]
                series = (record.organization_id, record.at_ms // PERIOD_MS * PERIOD_MS)
                ones, zeros = counted.setdefault(series, (Counter(), Counter()))
                (zeros if record.fields[key] else ones)[metric] += 1
        for (organization_id, at_ms), (ones, zeros) in counted.items():
            self.metrics.count(organization_id, at_ms, ones, zeros)
