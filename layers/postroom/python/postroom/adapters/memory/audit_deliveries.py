"""Deliveries of audit records, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.audit_deliveries import AuditDelivery, LogType
    from postroom.model.audit_targets import AuditTarget


@dataclass(slots=True)
class MemoryAuditDeliveries:
    """Implements ``AuditDeliveries``. ``deliveries`` are by organization; ``unavailable`` makes reads fail."""

    deliveries: dict[str, list[AuditDelivery]] = field(default_factory=dict)
    unavailable: bool = False

    def of(self, organization_id: str) -> Sequence[AuditDelivery]:
        if self.unavailable:
            raise StoreUnavailableError("The deliveries of audit records cannot be read.")
        return sorted(self.deliveries.get(organization_id, ()), key=lambda each: each.id)

    def is_audited(self, organization_id: str, log_type: LogType) -> bool:
        return any(each.log_type is log_type for each in self.of(organization_id))


@dataclass(slots=True)
class MemoryAuditTargets:
    """Implements ``AuditTargets``. ``regions`` are by canonical ARN, of buckets without prefix."""

    regions: dict[str, str] = field(default_factory=dict)

    def region(self, target: AuditTarget) -> str | None:
        return self.regions.get(replace(target, prefix="").arn)
