"""Raw messages: the object that SES stored, and what we put beside it while a message is on its way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.contracts.between_stations import RawLocation


class RawMail(Protocol):
    """RFC 5322 bytes as received, by location. Suite: tests/contract/test_raw_mail.py."""

    def head(self, location: RawLocation, length_bytes: int) -> tuple[bytes, int]:
        """Return the first ``length_bytes`` (fewer if the message is shorter) and the whole size in bytes.

        Raises:
            MessageNotFoundError: nothing lies there.
            StoreUnavailableError: the store could not be reached; a retry may succeed.
        """

    def read(self, location: RawLocation) -> bytes:
        """Return the bytes exactly as they were stored.

        Raises:
            MessageNotFoundError: nothing lies there.
            StoreUnavailableError: as above.
        """

    def keep(self, key: str, content: bytes) -> RawLocation:
        """Store bytes of ours under ``transit/…``, once: what already lies there stays and counts.

        Raises:
            StoreUnavailableError: as above.
        """


@dataclass(frozen=True, slots=True)
class StoredRaw:
    """One object under ``inbound/`` or ``transit/``; ``stored_ms`` is milliseconds since the epoch."""

    key: str
    stored_ms: int


class RawArchive(Protocol):
    """All raw messages, for the sweep. Suite: tests/contract/test_raw_mail.py.

    Every method raises StoreUnavailableError if the store could not be reached.
    """

    def stored(self, prefix: str, *, after: str = "") -> Iterator[StoredRaw]:
        """Return every object whose key begins so and stands behind ``after``, by key; pages inside."""

    def remove(self, key: str) -> None:
        """Remove one object, if it is there."""
