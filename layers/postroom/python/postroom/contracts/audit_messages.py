"""The queue message with audit records as it is read and parked; ``contracts.audit_sending`` sends it."""

from __future__ import annotations

from typing import ClassVar, Literal

from postroom.contracts.audit_log import AuditRecord
from postroom.contracts.audit_sending import KIND, station_of
from postroom.contracts.stored import Stored


class AuditRecords(Stored):
    """Records of one organization."""

    says: ClassVar[str] = "a message of audit records"

    kind: Literal["AUDIT_RECORDS"] = KIND
    records: tuple[AuditRecord, ...]
    delivery_id: str = ""
    """The delivery that still needs them; empty for every delivery of the organization."""

    @property
    def station(self) -> str:
        """See ``contracts.audit_sending``."""
        return station_of(self.delivery_id)

    @property
    def group(self) -> str:
        """The organization, so that one that records much delays no other."""
        return self.organization_id

    @property
    def message(self) -> str:
        """Body of the queue message."""
        return self.model_dump_json()
