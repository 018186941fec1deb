"""Exports to a disk: what is written is beside its final name until it is whole.

ada@example.com.zip.part/journal        how far it is
ada@example.com.zip.part/whole          what gets the name ada@example.com.zip
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.files.journal import Journal
from postroom.adapters.files.private import make_folder
from postroom.contracts.export_journal import Checkpoint, Counted, Record
from postroom.contracts.export_manifest import ManifestFolder
from postroom.export.manifest import PieceWriter, piece_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from postroom.adapters.files.target import Target
    from postroom.contracts.export_journal import JournalHead
    from postroom.contracts.export_manifest import ManifestLine
    from postroom.contracts.export_staging import PlannedItem

PART: Final = ".part"
"""Behind the name of an export that is not whole."""


class DiskFiles:
    """Implements ``ExportFiles``."""

    def __init__(self, path: Path, head: JournalHead, target: Target) -> None:
        """Open nothing yet; ``path`` is where the export is when it is whole."""
        self._path, self._head, self._target = path, head, target
        self._part = path.with_name(path.name + PART)
        self._lines = PieceWriter()
        self._journal: Journal | None = None

    def open(self, folders: Mapping[str, str], lines: Iterable[ManifestLine]) -> Counted | None:
        make_folder(self._part)
        paths = self._target.folders(folders)
        first = piece_of(_renamed(lines, paths)).dump()
        self._journal = Journal(self._part / "journal", self._head, first)
        self._target.open(self._part / "whole", self._journal.last)
        return Counted(**_counts(self._journal.last)) if self._journal.last else None

    def add(self, item: PlannedItem, content: bytes) -> str:
        return self._target.add(item, content)

    def line(self, line: ManifestLine) -> None:
        self._lines.add(line)

    def checkpoint(self, counted: Counted) -> None:
        state, piece = self._target.sync(), self._lines.piece().dump()
        checkpoint = Checkpoint(
            **_counts(counted),
            file=state.file,
            length=state.length,
            entries=state.entries,
            index_bytes=len(state.run),
            piece_bytes=len(piece),
        )
        self._opened().append(Record(checkpoint, state.run, piece))
        self._lines = PieceWriter()

    def finish(self) -> None:
        self._target.finish(self._opened())
        self._target.close()
        (self._part / "whole").replace(self._path)
        self.close()
        shutil.rmtree(self._part)

    def close(self) -> None:
        self._target.close()
        if self._journal:
            self._journal.close()

    def _opened(self) -> Journal:
        if self._journal is None:
            raise ValueError("the export is not open")
        return self._journal


def _renamed(lines: Iterable[ManifestLine], paths: Mapping[str, str]) -> Iterator[ManifestLine]:
    """Yield the lines of folders with their paths in the format."""
    for line in lines:
        yield line.model_copy(update={"path": paths[line.path]}) if isinstance(line, ManifestFolder) else line


def _counts(counted: Counted) -> dict[str, Any]:
    return counted.model_dump(include=set(Counted.model_fields))
