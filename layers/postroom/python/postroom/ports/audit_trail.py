"""Where audit records go before an answer leaves: what is handed over here reaches every delivery that wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.audit_log import AuditRecord


class AuditTrail(Protocol):
    """Takes records. Suite: tests/contract/test_audit_trail.py."""

    def record(self, records: Sequence[AuditRecord]) -> None:
        """Keep records until they are written. After a return none can be lost; a repeated call may double them.

        Args:
            records: of any organizations and types, in the order in which things happened; none is nothing to do.

        Raises:
            StoreUnavailableError: some may not be kept. What they are about must not be answered as done.
        """
