"""Audit records in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.audit_log import AuditRecord


@dataclass(slots=True)
class MemoryAuditTrail:
    """Implements ``AuditTrail``. With ``away`` set, every call fails."""

    records: list[AuditRecord] = field(default_factory=list)
    away: bool = False

    def record(self, records: Sequence[AuditRecord]) -> None:
        if self.away:
            raise StoreUnavailableError("could not send audit records: no answer")
        self.records += records
