"""Which organizations there are: for work that goes over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Organizations(Protocol):
    """Suite: tests/contract/test_directory.py."""

    def ids(self) -> Iterator[str]:
        """Return the id of every organization there ever was, deleted ones included.

        Raises:
            StoreUnavailableError: the directory could not be reached; a retry may succeed.
        """
