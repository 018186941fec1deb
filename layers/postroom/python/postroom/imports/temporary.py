"""Rows in a database on disk, not in memory: as many as an archive has entries, in a fixed amount of memory."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class TemporaryRows:
    """A database in a file without a name, which is gone when it is closed. Threads may use it, one at a time.

    It has no rollback journal, because nothing reads the file after an error.
    """

    def __init__(self, table: str) -> None:
        """Open the database; ``table`` is the statement that makes its table."""
        self._rows = sqlite3.connect("", check_same_thread=False)
        self._rows.execute("PRAGMA journal_mode=OFF")
        self._rows.execute(table)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._rows.close()
