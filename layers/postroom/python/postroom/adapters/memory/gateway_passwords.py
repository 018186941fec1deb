"""Passwords of SMTP gateways, encrypted under a key of this process."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from postroom.errors import KeyUnavailableError
from postroom.sealing import KEY_BYTES, open_entry, seal_entry


@dataclass(slots=True)
class MemoryGatewayPasswords:
    """Implements ``GatewayPasswords`` and ``GatewayPasswordReads``."""

    disabled: bool = False
    key: bytes = field(default_factory=lambda: os.urandom(KEY_BYTES))

    def seal(self, password: str, organization_id: str, gateway_id: str) -> bytes:
        self._check_key()
        return seal_entry(password.encode(), mailbox_key=self.key, place=_place(organization_id, gateway_id))

    def open(self, sealed: bytes, organization_id: str, gateway_id: str) -> str:
        self._check_key()
        return open_entry(sealed, mailbox_key=self.key, place=_place(organization_id, gateway_id)).decode()

    def _check_key(self) -> None:
        if self.disabled:
            raise KeyUnavailableError("the stack's KMS key cannot be used: disabled")


def _place(organization_id: str, gateway_id: str) -> str:
    """Return the context that an encrypted password is bound to."""
    return f"gateway\0{organization_id}\0{gateway_id}"
