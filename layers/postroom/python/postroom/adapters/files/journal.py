"""The journal of an export to a disk, see ``contracts.export_journal``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Final

from pydantic import ValidationError

from postroom.adapters.files.private import lock, open_private, sync
from postroom.contracts.export_journal import Checkpoint, JournalHead, Record
from postroom.errors import ExportRefusedError
from postroom.export.manifest import Piece

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LINE_BYTES: Final = 64 * 1024


class Journal:
    """The journal at a path; it is made if there is none. ``last`` is the last checkpoint."""

    def __init__(self, path: Path, head: JournalHead, first: bytes) -> None:
        """Open a journal, and cut off a record that is not whole.

        Args:
            first: the first piece of the manifest, for a new journal.

        Raises:
            ExportRefusedError: it is of another export, or another process uses it.
        """
        self._file: BinaryIO = open_private(path)
        if not lock(self._file):
            self.close()
            raise ExportRefusedError(f"another process writes {str(path.parent)!r}")
        self.last: Checkpoint | None = None
        found = self._head()
        if found is None:
            self.head = head.model_copy(update={"first_bytes": len(first)})
            self._file.truncate(0)
            self._file.seek(0)
            self._file.write(self.head.model_dump_json().encode() + b"\n" + first)
            sync(self._file)
            return
        if (found.format, found.mailbox_id) != (head.format, head.mailbox_id):
            self.close()
            which = "mailbox" if found.mailbox_id != head.mailbox_id else f"format: {found.format}"
            raise ExportRefusedError(f"{str(path.parent)!r} is an unfinished export of another {which}")
        self.head = found
        end = self._file.tell()
        for record in self.records():
            self.last, end = record.checkpoint, self._file.tell()
        self._file.truncate(end)

    def append(self, record: Record) -> None:
        """Add a checkpoint; what it counts is on the disk."""
        self._file.seek(0, os.SEEK_END)
        self._file.write(record.checkpoint.model_dump_json().encode() + b"\n" + record.index + record.piece)
        sync(self._file)
        self.last = record.checkpoint

    def first(self) -> Piece:
        """Return the first piece of the manifest."""
        self._head()
        self._file.seek(-self.head.first_bytes, os.SEEK_CUR)
        return Piece.load(self._file.read(self.head.first_bytes))

    def records(self) -> Iterator[Record]:
        """Yield all that are whole; nothing else may use the journal meanwhile."""
        self._head()
        while line := self._file.readline(_LINE_BYTES):
            try:
                checkpoint = Checkpoint.model_validate_json(line)
            except ValidationError:
                return
            index, piece = self._file.read(checkpoint.index_bytes), self._file.read(checkpoint.piece_bytes)
            if len(index) < checkpoint.index_bytes or len(piece) < checkpoint.piece_bytes:
                return
            yield Record(checkpoint, index, piece)

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces of the manifest; nothing else may use the journal meanwhile."""
        yield self.first()
        for record in self.records():
            yield Piece.load(record.piece)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _head(self) -> JournalHead | None:
        """Read the head and step over the first piece; ``None`` if they are not whole."""
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        try:
            head = JournalHead.model_validate_json(self._file.readline(_LINE_BYTES))
        except ValidationError:
            return None
        return head if self._file.seek(head.first_bytes, os.SEEK_CUR) <= size else None
