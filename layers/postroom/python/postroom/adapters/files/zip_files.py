"""Exports as zip archives: the same entries as an export job writes."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from postroom.adapters.files.private import open_private, sync
from postroom.adapters.files.target import State
from postroom.export.archive import Entry, RunIndex, RunWriter, directory
from postroom.export.manifest import END, add_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from postroom.adapters.files.journal import Journal
    from postroom.contracts.export_journal import Checkpoint
    from postroom.contracts.export_staging import PlannedItem


class ZipFiles:
    """Implements ``Target``: one file. What is written between two checkpoints is a run."""

    def __init__(self) -> None:
        self._file: BinaryIO | None = None
        self._run = RunWriter()
        self._folders: Sequence[str] = ()

    def folders(self, folders: Mapping[str, str]) -> Mapping[str, str]:
        self._folders = tuple(folders.values())
        return {path: path for path in self._folders}

    def open(self, whole: Path, last: Checkpoint | None) -> None:
        self._file = open_private(whole, last.length if last else 0)

    def add(self, item: PlannedItem, content: bytes) -> str:
        for piece in self._run.add(Entry(item.path, item.received), content):
            self._opened().write(piece)
        return item.path

    def sync(self) -> State:
        file, run = self._opened(), self._run
        sync(file)
        self._run = RunWriter()
        return State(length=file.tell(), run=run.index().dump())

    def finish(self, journal: Journal) -> None:
        file, run = self._opened(), RunWriter()
        for path in self._folders:
            file.writelines(run.add(Entry(f"{path}/", journal.head.started), b""))
        file.write(add_manifest(run, (piece.sums for piece in journal.pieces()), journal.head.started))
        for piece in journal.pieces():
            file.write(piece.data)
        file.write(END)
        runs = (RunIndex.load(record.index) for record in journal.records())
        for records in directory(chain(runs, [run.index()])):
            file.write(records)
        sync(file)

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the archive is not open")
        return self._file
