"""Sealed messages: ciphertext by key; each key is written once."""

from __future__ import annotations

from typing import Protocol


class SealedMail(Protocol):
    """Objects of the mail bucket. Suite: tests/contract/test_sealed_mail.py."""

    def put_once(self, key: str, sealed: bytes) -> bool:
        """Store an object unless one is there; ``False`` means that an earlier one stays and is to be used.

        Raises:
            StoreUnavailableError: the store could not be reached; a retry may succeed.
        """

    def get(self, key: str) -> bytes:
        """Return the object.

        Raises:
            MessageNotFoundError: nothing lies there.
            StoreUnavailableError: as above.
        """

    def delete(self, key: str) -> None:
        """Remove the object, if it is there.

        Raises:
            StoreUnavailableError: as above.
        """
