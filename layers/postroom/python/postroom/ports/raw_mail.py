"""Raw messages: the objects that SES stored, and objects of ours for messages in transit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.contracts.orders import RawLocation


class RawMail(Protocol):
    """RFC 5322 bytes as received, by location. Suite: tests/contract/test_raw_mail.py.

    Every method raises StoreUnavailableError if the store did not answer; a retry may succeed.
    """

    def head(self, location: RawLocation, length_bytes: int) -> tuple[bytes, int]:
        """Return the first ``length_bytes`` (fewer if the message is shorter), and the size of the message in bytes.

        Raises:
            MessageNotFoundError: the object does not exist.
        """

    def read(self, location: RawLocation) -> bytes:
        """Return the bytes exactly as they were stored.

        Raises:
            MessageNotFoundError: the object does not exist.
        """

    def keep(self, key: str, content: bytes) -> RawLocation:
        """Store bytes under a key that begins with ``transit/``. An object that exists stays unchanged."""


def keep_beside(raw: RawMail, key: str, content: bytes) -> RawLocation:
    """Store bytes of which another attempt may have others: their hash is added to ``key``, so that both are kept."""
    return raw.keep(f"{key}-{hashlib.sha256(content).hexdigest()[:32]}", content)


@dataclass(frozen=True, slots=True)
class StoredRaw:
    """One object under ``inbound/`` or ``transit/``. ``stored_ms`` is its time in milliseconds since the epoch."""

    key: str
    stored_ms: int


class RawArchive(Protocol):
    """All raw messages, for the sweep and for deletions. Suite: tests/contract/test_raw_mail.py.

    Every method raises StoreUnavailableError if the store did not answer; a retry may succeed.
    """

    def stored(self, prefix: str, *, after: str = "") -> Iterator[StoredRaw]:
        """Yield every object whose key begins with ``prefix`` and is greater than ``after``, in order of keys."""

    def remove(self, key: str) -> None:
        """Remove an object, if it exists."""

    def remove_all(self, keys: Sequence[str]) -> None:
        """Remove those objects that exist, in one request. ``keys``: at most 1,000."""
