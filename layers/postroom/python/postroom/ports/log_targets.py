"""Checks of a customer's log group and role, before the event log is sent there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class LogTargets(Protocol):
    """Suite: tests/contract/test_account_checks.py.

    Every method raises StoreUnavailableError if AWS did not answer.
    """

    def trust_policy(self, role_arn: str) -> Mapping[str, Any] | None:
        """Return a role's trust policy; ``None`` if the role does not exist or may not be read."""

    def log_group_exists(self, name: str) -> bool:
        """Return whether a log group of this exact name exists in this account and Region."""
