"""What can be known of a customer's log group and role before events are written there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class LogTargets(Protocol):
    """Suite: tests/contract/test_account_checks.py. All raise StoreUnavailableError if AWS did not answer."""

    def trust_policy(self, role_arn: str) -> Mapping[str, Any] | None:
        """Return a role's trust policy; None where there is no such role."""

    def log_group_exists(self, name: str) -> bool:
        """Return whether this account and Region have a log group of this exact name."""
