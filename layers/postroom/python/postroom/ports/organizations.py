"""The ids of all organizations, for work on each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Organizations(Protocol):
    """Lists organizations. Suite: tests/contract/test_directory.py."""

    def ids(self) -> Iterator[str]:
        """Yield the id of every organization, deleted ones included.

        Raises:
            StoreUnavailableError: the table did not answer; a retry may succeed.
        """
