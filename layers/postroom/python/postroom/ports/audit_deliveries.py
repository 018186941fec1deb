"""The deliveries of organizations' audit records, from wherever they are configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.audit_deliveries import AuditDelivery, LogType


class AuditDeliveries(Protocol):
    """Deliveries of our own API and of CloudWatch Logs' delivery API. Suite: tests/contract/test_audit_deliveries.py.

    What is answered may be as old as the deployment's setting AuditSettingsSeconds, and never older: if the deliveries
    cannot be read then, every method raises StoreUnavailableError. The caller keeps its records and tries again; an
    older answer would lose the records of a delivery that was added since. Methods may be called from several threads.
    """

    def of(self, organization_id: str) -> Sequence[AuditDelivery]:
        """Return the organization's deliveries ordered by id, those with a fault included."""

    def is_audited(self, organization_id: str, log_type: LogType) -> bool:
        """Return whether a delivery of the organization has this log type, also one with a fault."""
