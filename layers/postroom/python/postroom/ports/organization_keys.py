"""What can be known of a KMS key before an organization is built upon it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A KMS key.

    Attributes:
        arn: of the key itself, even where an alias was asked for.
        spec: ``SYMMETRIC_DEFAULT`` or an asymmetric or HMAC kind.
        usage: ``ENCRYPT_DECRYPT`` or another.
        state: ``Enabled``, ``Disabled``, ``PendingDeletion`` …
    """

    arn: str
    spec: str
    usage: str
    state: str


class OrganizationKeys(Protocol):
    """Suite: tests/contract/test_account_checks.py."""

    def describe(self, key_arn: str) -> KeyFacts | None:
        """Return a key's facts; None where there is no such key that we may look at.

        Raises:
            StoreUnavailableError: KMS did not answer.
        """
