"""Mailbox keys: made and unwrapped by KMS under the organization's key."""

from __future__ import annotations

from typing import Protocol


class MailboxKeys(Protocol):
    """Data keys of 32 bytes. Suite: tests/contract/test_mailbox_keys.py."""

    def new(self, kms_key_arn: str, organization_arn: str) -> bytes:
        """Make a mailbox key and return it wrapped; nobody has seen it plain.

        The wrapping is bound to the organization (encryption context ``aws:workmail:arn``).

        Raises:
            KeyUnavailableError: the KMS key is disabled, pending deletion, missing, or not ours to use.
            StoreUnavailableError: KMS could not be reached, or throttled; a retry may succeed.
        """

    def unwrap(self, wrapped: bytes, kms_key_arn: str, organization_arn: str) -> bytes:
        """Return the plain key. An implementation may keep it for at most 60 seconds.

        Raises:
            KeyUnavailableError: as above, or the key was wrapped for another organization.
            StoreUnavailableError: as above.
        """
