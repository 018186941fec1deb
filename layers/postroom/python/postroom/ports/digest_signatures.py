"""The key that signs digests."""

from __future__ import annotations

from typing import Protocol


class DigestSigner(Protocol):
    """An RSA key. Suite: tests/contract/test_digest_signatures.py.

    Every method raises StoreUnavailableError if the key service did not answer, and KeyUnavailableError if the key is
    disabled, deleted or not allowed.
    """

    def sign(self, text: bytes) -> bytes:
        """Return the RSASSA-PKCS1-v1_5 signature of a text of at most 4,096 bytes, with SHA-256."""

    def public_key(self) -> bytes:
        """Return the public key, as DER of its SubjectPublicKeyInfo (RFC 5280)."""
