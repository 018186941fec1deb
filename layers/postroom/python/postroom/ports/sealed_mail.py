"""Sealed messages: ciphertext by object key. Each key is written once."""

from __future__ import annotations

from typing import Protocol


class SealedMail(Protocol):
    """Objects of the mail bucket. Suite: tests/contract/test_sealed_mail.py.

    Every method raises StoreUnavailableError if the store did not answer; a retry may succeed.
    """

    def put_once(self, key: str, sealed: bytes) -> bool:
        """Store an object, unless one exists. After ``False``, the existing object is the one to use."""

    def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            MessageNotFoundError: the object does not exist.
        """

    def delete(self, key: str) -> None:
        """Remove an object, if it exists."""
