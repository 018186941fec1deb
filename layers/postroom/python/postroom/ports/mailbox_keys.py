"""Mailbox keys: made and unwrapped by KMS under the organization's KMS key."""

from __future__ import annotations

from typing import Protocol


class MailboxKeys(Protocol):
    """Data keys of 32 bytes. Suite: tests/contract/test_mailbox_keys.py.

    A wrapped key is bound to its organization (encryption context ``aws:workmail:arn``).
    """

    def new(self, kms_key_arn: str, organization_arn: str) -> bytes:
        """Make a mailbox key and return it wrapped; the plain key does not leave KMS.

        Raises:
            KeyUnavailableError: the KMS key is disabled, pending deletion or missing, or its use is denied.
            StoreUnavailableError: KMS did not answer, or throttles; a retry may succeed.
        """

    def unwrap(self, wrapped: bytes, kms_key_arn: str, organization_arn: str) -> bytes:
        """Return the plain key. An implementation may keep it for at most 60 seconds.

        Raises:
            KeyUnavailableError: as for ``new``, or the key was wrapped for another organization.
            StoreUnavailableError: as for ``new``.
        """
