"""Checks of a KMS key, before an organization uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A KMS key.

    Attributes:
        arn: of the key itself, also if an alias was given.
        spec: KMS's KeySpec, such as ``SYMMETRIC_DEFAULT``.
        usage: KMS's KeyUsage, such as ``ENCRYPT_DECRYPT``.
        state: KMS's KeyState, such as ``Enabled``, ``Disabled`` or ``PendingDeletion``.
    """

    arn: str
    spec: str
    usage: str
    state: str


class OrganizationKeys(Protocol):
    """Suite: tests/contract/test_account_checks.py."""

    def describe(self, key_arn: str) -> KeyFacts | None:
        """Return a key's properties; ``None`` if it does not exist or may not be read.

        Args:
            key_arn: of a key or of an alias.

        Raises:
            StoreUnavailableError: KMS did not answer.
        """
