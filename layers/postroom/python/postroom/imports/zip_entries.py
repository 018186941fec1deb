"""The entries of a zip archive: each is checked by its record alone, and kept in a database on disk, not in memory.

Ours: which entries are refused. Python's ``zipfile`` takes all of them but those of unknown methods.
"""

from __future__ import annotations

import sqlite3
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from postroom.errors import InvalidArchiveError
from postroom.imports.temporary import TemporaryRows
from postroom.imports.zip_directory import field_of
from postroom.imports.zip_names import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.imports.zip_directory import Record

STORED: Final = 0
DEFLATED: Final = 8

MAX_RATIO: Final = 1032
"""Most bytes of content per deflated byte that Deflate can reach. Source: zlib's technical details."""

MAX_EXPANSION: Final = 200
MAX_HARMLESS_BYTES: Final = 1 << 30
"""An archive with more content than this has at most ``MAX_EXPANSION`` times its own length. Ours."""

_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
"""Flags: encrypted, strongly encrypted, masked headers. Source: APPNOTE 4.4.4."""
_PATCHED: Final = 0x20
_AES_METHOD, _AES_FIELD = 99, 0x9901
_OTHER_METHODS: Final = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ"}
_KINDS: Final = (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFIFO)
"""Kinds of files; Info-ZIP says of its standard input that it was a pipe."""

_TABLE: Final = """
CREATE TABLE entry (offset INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, name BLOB NOT NULL, flags INTEGER NOT NULL,
                    method INTEGER NOT NULL, crc INTEGER NOT NULL, packed INTEGER NOT NULL, size INTEGER NOT NULL)
"""


class Entry(NamedTuple):
    """An entry as the central directory has it.

    Attributes:
        offset: where its local header begins in the file.
        path: decoded and safe; a folder's ends with ``/``.
        name: the name's bytes, as the local header must repeat them.
        packed: bytes of its data in the archive.
        size: bytes of its content.
    """

    offset: int
    path: str
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int

    @property
    def is_folder(self) -> bool:
        """Say whether this is a folder."""
        return self.path.endswith("/")


def entry_of(record: Record) -> Entry:
    """Check a central record and return its entry.

    Raises:
        InvalidArchiveError: it is encrypted, a link or a device, has an unsafe path, or cannot have the stated size.
    """
    path = path_of(record)
    if record.flags & _ENCRYPTED or record.method == _AES_METHOD or field_of(record.extra, _AES_FIELD) is not None:
        raise InvalidArchiveError(f"an entry is encrypted: {path!r}")
    if record.flags & _PATCHED:
        raise InvalidArchiveError(f"an entry is a patch: {path!r}")
    kind = stat.S_IFMT(record.attributes >> 16)
    if kind not in _KINDS:
        raise InvalidArchiveError(f"an entry is {'a link' if kind == stat.S_IFLNK else 'no file'}: {path!r}")
    if path.endswith("/") and record.size:
        raise InvalidArchiveError(f"a folder has content of its own: {path!r}")
    if record.method == STORED and record.packed != record.size:
        raise InvalidArchiveError(f"an entry that is stored has two sizes: {path!r}")
    if record.method == DEFLATED and record.size > MAX_RATIO * record.packed:
        raise _cannot_have_size(path)
    return Entry(record.offset, path, record.name, record.flags, record.method, record.crc, record.packed, record.size)


def _cannot_have_size(path: str) -> InvalidArchiveError:
    return InvalidArchiveError(f"an entry cannot have the size that the archive says: {path!r}")


def require_known_method(entry: Entry) -> None:
    """Refuse an entry whose content must be read, and cannot.

    Raises:
        InvalidArchiveError: it is compressed by another method than Deflate.
    """
    if entry.method not in (STORED, DEFLATED):
        name = _OTHER_METHODS.get(entry.method, f"method {entry.method}")
        raise InvalidArchiveError(f"an entry is compressed by {name}, not by Deflate: {entry.path!r}")


class Catalog(TemporaryRows):
    """All entries of an archive."""

    def __init__(self) -> None:
        super().__init__(_TABLE)

    def add(self, entry: Entry) -> None:
        """Add an entry.

        Raises:
            InvalidArchiveError: another has its path, or begins at the same byte; or its size is beyond 63 bits.
        """
        try:
            self._rows.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", entry)
        except sqlite3.IntegrityError as error:
            if "entry.path" in str(error):
                raise InvalidArchiveError(f"two entries have the same path: {entry.path!r}") from error
            raise InvalidArchiveError(f"two entries overlap: {entry.path!r} and another") from error
        except OverflowError as error:
            raise _cannot_have_size(entry.path) from error

    def entries(self) -> Iterator[Entry]:
        """Yield all entries in the order of their data."""
        return map(Entry._make, self._rows.execute("SELECT * FROM entry ORDER BY offset"))

    def find(self, path: str) -> Entry | None:
        """Return the entry with a path."""
        row = self._rows.execute("SELECT * FROM entry WHERE path = ?", (path,)).fetchone()
        return Entry._make(row) if row else None

    def end_of(self, entry: Entry) -> int | None:
        """Return where the entry behind another begins, if there is one."""
        (end,) = self._rows.execute("SELECT min(offset) FROM entry WHERE offset > ?", (entry.offset,)).fetchone()
        return None if end is None else int(end)

    def paths(self) -> Iterator[str]:
        """Yield all paths, in the order of their data."""
        return (path for (path,) in self._rows.execute("SELECT path FROM entry ORDER BY offset"))

    def require_harmless(self, archive_bytes: int) -> None:
        """Refuse an archive that becomes far larger than it is.

        Raises:
            InvalidArchiveError: the sizes of its entries, in sum, say so.
        """
        (total,) = self._rows.execute("SELECT total(size) FROM entry").fetchone()
        if total > max(MAX_HARMLESS_BYTES, MAX_EXPANSION * archive_bytes):
            raise InvalidArchiveError(f"the archive would grow from {archive_bytes} bytes to {int(total)}")
