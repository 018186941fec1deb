"""Checks of a customer's log group, and of roles that customers name, before they are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """A role: its ARN with its path, its trust policy, and its tags."""

    arn: str
    trust: Mapping[str, Any]
    tags: Mapping[str, str]


class LogTargets(Protocol):
    """Suite: tests/contract/test_account_checks.py.

    Every method raises StoreUnavailableError if AWS did not answer.
    """

    def role(self, role_arn: str) -> RoleFacts | None:
        """Return a role; ``None`` if it does not exist or may not be read."""

    def log_group_exists(self, name: str) -> bool:
        """Return whether a log group of this exact name exists in this account and Region."""
