"""Mailbox keys, wrapped under KMS keys of this process."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from postroom.errors import KeyUnavailableError, UnreadableMailError
from postroom.sealing import KEY_BYTES, open_entry, seal_entry


@dataclass(slots=True)
class MemoryMailboxKeys:
    """Implements ``MailboxKeys``. ``add`` makes a KMS key; ``disabled`` holds keys that cannot be used."""

    disabled: set[str] = field(default_factory=set)
    _kms: dict[str, bytes] = field(default_factory=dict)

    def add(self, kms_key_arn: str) -> None:
        """Make a KMS key, unless it exists."""
        self._kms.setdefault(kms_key_arn, os.urandom(KEY_BYTES))

    def new(self, kms_key_arn: str, organization_arn: str) -> bytes:
        return seal_entry(os.urandom(KEY_BYTES), mailbox_key=self._key(kms_key_arn), place=organization_arn)

    def unwrap(self, wrapped: bytes, kms_key_arn: str, organization_arn: str) -> bytes:
        """Plain keys are not kept."""
        try:
            return open_entry(wrapped, mailbox_key=self._key(kms_key_arn), place=organization_arn)
        except UnreadableMailError as error:
            raise KeyUnavailableError("the organization's KMS key cannot be used: it wrapped something else") from error

    def _key(self, kms_key_arn: str) -> bytes:
        if kms_key_arn in self.disabled or kms_key_arn not in self._kms:
            raise KeyUnavailableError("the organization's KMS key cannot be used: disabled or missing")
        return self._kms[kms_key_arn]
