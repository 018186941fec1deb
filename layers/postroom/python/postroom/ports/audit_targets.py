"""Checks of a destination of audit records, before records are delivered there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from postroom.model.audit_targets import AuditTarget


class AuditTargets(Protocol):
    """Suite: tests/contract/test_audit_targets.py."""

    def region(self, target: AuditTarget) -> str | None:
        """Return the Region of a destination; None if there is no such destination, or it may not be seen.

        Log groups and streams are looked up in the stack's own Region and account, buckets everywhere.

        Raises:
            StoreUnavailableError: AWS did not answer.
        """
