"""Passwords of SMTP gateways, as the directory may keep them."""

from __future__ import annotations

from typing import Protocol


class GatewayPasswords(Protocol):
    """Suite: tests/contract/test_gateway_passwords.py."""

    def seal(self, password: str, organization_id: str, gateway_id: str) -> bytes:
        """Return a password that only opens for this gateway of this organization, by whoever may use the key to open.

        Raises:
            KeyUnavailableError: the stack's KMS key is disabled, pending deletion, missing, or not ours to use.
            StoreUnavailableError: KMS could not be reached, or throttled; a retry may succeed.
        """
