"""Message keys of submitted mail while it is in transit, wrapped for orders."""

from __future__ import annotations

from typing import Protocol


class TransitKeys(Protocol):
    """Wraps message keys under a key of the stack, not of a mailbox. Suite: tests/contract/test_transit_keys.py.

    Every method raises KeyUnavailableError if the stack's KMS key cannot be used, and StoreUnavailableError if a
    service did not answer.
    """

    def wrap(self, message_key: bytes, place: str) -> str:
        """Return a message key as orders have it: text of at most 120 characters.

        Args:
            message_key: 32 bytes.
            place: what the sealed object is bound to; it opens with this place only.
        """

    def unwrap(self, wrapped: str, place: str) -> bytes:
        """Return the message key of ``wrap``.

        Raises:
            UnreadableMailError: another place, or changed text.
        """
