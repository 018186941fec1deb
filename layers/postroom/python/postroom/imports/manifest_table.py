"""The manifest of one of our exports, in a temporary database: an archive that was packed again has another order."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from postroom.contracts.export_manifest import ManifestFolder, ManifestHead, ManifestItem, MissingItem, read_line
from postroom.errors import InvalidArchiveError
from postroom.imports.incoming import Incoming, IncomingFolder, Place, Skipped
from postroom.imports.places import place_of
from postroom.imports.temporary import TemporaryRows
from postroom.model.folders import Folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postroom.contracts.export_manifest import ManifestLine

MAX_LINE_BYTES: Final = 256 * 1024
"""Longest line of a manifest. Ours."""

_TABLE: Final = "CREATE TABLE line (path TEXT PRIMARY KEY, text BLOB NOT NULL, kind TEXT NOT NULL, seen INTEGER)"
_STANDARD: Final = frozenset(Folder)


class ManifestTable(TemporaryRows):
    """What a manifest says, by the path in the archive."""

    def __init__(self) -> None:
        super().__init__(_TABLE)

    def load(self, pieces: Iterable[bytes]) -> bool:
        """Read a manifest; return ``False`` if the file only has its name.

        Raises:
            InvalidArchiveError: a line is damaged, or two have the same path.
        """
        number = 0
        for number, text in enumerate(_lines(pieces), 1):
            try:
                line = read_line(text)
            except ValueError as error:
                if number == 1:
                    return False
                raise InvalidArchiveError(f"line {number} of the manifest is damaged") from error
            if number == 1 and not isinstance(line, ManifestHead):
                return False
            self._add(line, text, number)
        return number > 0

    def _add(self, line: ManifestLine | None, text: bytes, number: int) -> None:
        if line is None or isinstance(line, ManifestHead):
            return
        try:
            self._rows.execute("INSERT INTO line VALUES (?, ?, ?, 0)", (line.path, text, line.kind))
        except (sqlite3.IntegrityError, UnicodeEncodeError) as error:
            raise InvalidArchiveError(f"line {number} of the manifest has the path of another one, or none") from error

    def folders(self) -> Iterator[IncomingFolder]:
        """Yield the folders, each after the folder that it is in."""
        rows = self._rows.execute("SELECT text FROM line WHERE kind = 'folder' ORDER BY path")
        for (text,) in rows:
            line = read_line(text)
            if isinstance(line, ManifestFolder) and line.folder:
                yield IncomingFolder(self._place(line.path, line.folder), line.folder_class)

    def incoming(self, path: str, content: bytes, *, is_calendar: bool) -> Incoming | None:
        """Return an item as the manifest describes it; ``None`` if it does not name the path."""
        line = self._line(path)
        if not isinstance(line, ManifestItem):
            return None
        self.mark(path)
        return Incoming(
            source=path,
            place=self._place(path, line.folder),
            content=content,
            is_calendar=is_calendar,
            received=line.received,
            read=line.read,
            flags=line.flags,
            keywords=line.keywords,
            categories=line.categories,
            item_class=line.item_class,
            sha256=line.sha256,
        )

    def has_item(self, path: str) -> bool:
        """Say whether the manifest names an item at a path."""
        return isinstance(self._line(path), ManifestItem)

    def has_folder(self, path: str) -> bool:
        """Say whether the manifest names a folder at a path."""
        return isinstance(self._line(path), ManifestFolder)

    def mark(self, path: str) -> None:
        """Note that the source has what is at a path."""
        self._rows.execute("UPDATE line SET seen = 1 WHERE path = ?", (path,))

    def place(self, folder: str, *, is_calendar: bool) -> Place:
        """Return the place of an item that the manifest does not name, by its folder's path in the archive."""
        line = self._line(folder)
        if isinstance(line, ManifestFolder) and line.folder:
            return self._place(folder, line.folder)
        return place_of(folder.split("/") if folder else (), is_calendar=is_calendar)

    def missing(self) -> Iterator[Skipped]:
        """Yield the items that the manifest names, and that were not asked for."""
        rows = self._rows.execute("SELECT text FROM line WHERE kind IN ('item', 'missing') AND NOT seen ORDER BY path")
        for (text,) in rows:
            line = read_line(text)
            if isinstance(line, MissingItem):
                yield Skipped(line.path, f"the export does not have it: {line.cause}")
            elif isinstance(line, ManifestItem):
                yield Skipped(line.path, "the manifest names it, and the source does not have it")

    def _line(self, path: str) -> ManifestLine | None:
        row = self._rows.execute("SELECT text FROM line WHERE path = ?", (path,)).fetchone()
        return read_line(row[0]) if row else None

    def _place(self, path: str, names: tuple[str, ...]) -> Place:
        """Return the place of true names; the top folder of the path says whether the first is a standard folder."""
        if not names:
            return Place(Folder.INBOX)
        top = self._line(path.partition("/")[0])
        if isinstance(top, ManifestFolder) and len(top.folder) == 1:
            return _below(top.standard, names)
        row = self._rows.execute(
            "SELECT text FROM line WHERE kind = 'folder' AND path = ?", (names[0],)
        ).fetchone()  # a folder that is too deep has a path of its own, at the top
        above = read_line(row[0]) if row else None
        return _below(above.standard if isinstance(above, ManifestFolder) else None, names)


def _below(standard: str | None, names: tuple[str, ...]) -> Place:
    return Place(Folder(standard), names[1:]) if standard in _STANDARD else Place(None, names)


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines without their line feeds; empty ones are left out."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from filter(None, whole)
        if len(rest) > MAX_LINE_BYTES:
            raise InvalidArchiveError("a line of the manifest is too long")
    if rest:
        yield rest
