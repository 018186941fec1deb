"""What an import has read, in a temporary file: as many items as there are, in a fixed amount of memory."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from postroom.imports.incoming import Place

_TABLES: Final = """
CREATE TABLE times (content BLOB PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE expected (name TEXT PRIMARY KEY, sha256 TEXT, size INTEGER, folder TEXT, source TEXT) WITHOUT ROWID;
"""


class Expected(NamedTuple):
    """An item that the mailbox must have: its token, or the UID of an event; ``size`` in bytes."""

    name: str
    sha256: str
    size: int
    folder: str
    source: str


class Journal:
    """The items of one source. Use it in one thread, and close it."""

    def __init__(self) -> None:
        self._messages = _database()
        self._events = _database()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the file."""
        self._messages.close()
        self._events.close()

    def token(self, mailbox_id: str, place: Place, sha256: str) -> str:
        """Return the token of the next item with this content at this place: 32 hexadecimal digits.

        It is made of mailbox, place, content and the number of the occurrence: a source that is read again gives the
        same tokens, in whichever order.
        """
        where = [mailbox_id, place.standard, *place.names]
        content = hashlib.sha256(f"{sha256}\0{json.dumps(where)}".encode()).digest()[:16]
        ((times,),) = self._messages.execute(
            "INSERT INTO times VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times", (content,)
        )
        return hashlib.sha256(b"token\0%b\0%d" % (content, times)).hexdigest()[:32]

    def expect_message(self, expected: Expected) -> None:
        """Note a message that is in the mailbox now, by its token."""
        self._messages.execute("INSERT OR REPLACE INTO expected VALUES (?, ?, ?, ?, ?)", expected)

    def expect_event(self, expected: Expected) -> None:
        """Note an event that is in the calendar now, by its UID; it replaces a former version of the source."""
        self._events.execute("INSERT OR REPLACE INTO expected VALUES (?, ?, ?, ?, ?)", expected)

    def messages(self) -> Iterator[Expected]:
        """Yield the messages that were noted."""
        return _all(self._messages)

    def events(self) -> Iterator[Expected]:
        """Yield the events that were noted."""
        return _all(self._events)


def _database() -> sqlite3.Connection:
    """Return a database in a file without a name, which the system removes with the connection."""
    made = sqlite3.connect("", isolation_level=None)
    made.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")
    return made


def _all(database: sqlite3.Connection) -> Iterator[Expected]:
    return map(Expected._make, database.execute("SELECT * FROM expected"))
