"""Passwords of SMTP gateways, encrypted for the directory."""

from __future__ import annotations

from typing import Protocol


class GatewayPasswords(Protocol):
    """Encrypts passwords under the stack's KMS key. Suite: tests/contract/test_gateway_passwords.py."""

    def seal(self, password: str, organization_id: str, gateway_id: str) -> bytes:
        """Return an encrypted password. It can be decrypted for this gateway of this organization only.

        Raises:
            KeyUnavailableError: the stack's KMS key is disabled, pending deletion or missing, or its use is denied.
            StoreUnavailableError: KMS did not answer, or throttles; a retry may succeed.
        """


class GatewayPasswordReads(Protocol):
    """Decrypts passwords, for the function that uses them. Suite: tests/contract/test_gateway_passwords.py."""

    def open(self, sealed: bytes, organization_id: str, gateway_id: str) -> str:
        """Return the password that ``GatewayPasswords.seal`` encrypted for this gateway of this organization.

        Raises:
            UnreadableMailError: it belongs to another gateway, or is damaged.
            KeyUnavailableError: the stack's KMS key is disabled, pending deletion or missing, or its use is denied.
            StoreUnavailableError: KMS did not answer, or throttles; a retry may succeed.
        """
