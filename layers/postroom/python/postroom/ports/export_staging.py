"""What an export keeps with us while it runs, and the reading of many sealed objects one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class ExportStaging(Protocol):
    """Sealed objects under ``exports/`` of the mail bucket. Suite: tests/contract/test_export_staging.py.

    Every method raises StoreUnavailableError if the store did not answer; a retry may succeed.
    """

    def put(self, key: str, sealed: bytes) -> None:
        """Store an object, or replace it."""

    def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            MessageNotFoundError: the object does not exist.
        """

    def in_order(self, keys: Iterable[str]) -> Iterator[bytes]:
        """Yield objects in the order of their keys; a few are read ahead.

        Raises:
            MessageNotFoundError: an object does not exist.
        """

    def remove_under(self, prefix: str) -> None:
        """Remove every object whose key begins with a prefix."""


class SealedReads(Protocol):
    """Reads sealed messages ahead of their use. Suite: tests/contract/test_export_staging.py."""

    def in_order(self, keys: Iterable[tuple[str, int]]) -> Iterator[bytes | None]:
        """Yield objects in the order of their keys; ``None`` for one that does not exist.

        Args:
            keys: each with about how many bytes its object has, which limits how far is read ahead.

        Raises:
            StoreUnavailableError: the store did not answer; a retry may succeed.
        """
