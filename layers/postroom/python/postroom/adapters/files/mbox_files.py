"""Exports as mbox files, one per folder; what is no message is a file of its own.

Inbox.mbox                                  messages of a folder; the folder may be empty
Inbox/Projects.mbox                         those of a folder in it
Calendar/20261130T194931Z-17.ics            an event; the file's time is when it was received
manifest.jsonl                              "Inbox/3" is the third message of Inbox.mbox
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from postroom.adapters.files.left_over import remove_after
from postroom.adapters.files.manifest_file import write_manifest
from postroom.adapters.files.private import make_folder, open_private, sync, write_private
from postroom.adapters.files.target import State
from postroom.export.mbox import in_mbox, status_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from postroom.adapters.files.journal import Journal
    from postroom.contracts.export_journal import Checkpoint
    from postroom.contracts.export_staging import PlannedItem

_MBOX: Final = ".mbox"


class MboxFiles:
    """Implements ``Target``: a directory. With ``status_fields``, each message has its flags in front."""

    def __init__(self, *, status_fields: bool = False) -> None:
        self._status_fields = status_fields
        self._names: dict[str, str] = {}
        self._root: Path | None = None
        self._file: BinaryIO | None = None
        self._name = ""
        self._entries = 0

    def folders(self, folders: Mapping[str, str]) -> Mapping[str, str]:
        paths = _paths(folders.values())
        self._names = {folder: paths[path] for folder, path in folders.items()}
        return paths

    def open(self, whole: Path, last: Checkpoint | None) -> None:
        self._root = whole
        make_folder(whole)
        kept, uid = (last.folder or "", last.uid) if last else ("", 0)
        for folder, name in self._names.items():
            make_folder((whole / name).parent)
            is_whole = folder < kept or (last is not None and f"{name}{_MBOX}" == last.file)
            open_private(whole / f"{name}{_MBOX}", None if is_whole else 0).close()
            if folder >= kept:
                remove_after(whole / name, uid if folder == kept else 0)
        if last and last.file:
            self._name, self._entries = last.file, last.entries
            self._file = open_private(whole / last.file, last.length)

    def add(self, item: PlannedItem, content: bytes) -> str:
        root, name = self._opened(), self._names[item.folder]
        if not item.path.endswith(".eml"):
            path = f"{name}/{item.path.rpartition('/')[2]}"
            make_folder(root / name)
            write_private(root / path, content, modified_ms=item.received)
            return path
        file = self._of(f"{name}{_MBOX}")
        if self._status_fields:
            content = status_fields(content, read=item.read, flags=item.flags, keywords=item.keywords) + content
        file.write(in_mbox(content, item.received))
        self._entries += 1
        return f"{name}/{self._entries}"

    def sync(self) -> State:
        if self._file is None:
            return State()
        sync(self._file)
        return State(self._name, self._file.tell(), self._entries)

    def finish(self, journal: Journal) -> None:
        write_manifest(self._opened(), journal.pieces())

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _of(self, name: str) -> BinaryIO:
        if self._file is None or name != self._name:
            if self._file:
                sync(self._file)
                self._file.close()
            self._file, self._name, self._entries = open_private(self._opened() / name, 0), name, 0
        return self._file

    def _opened(self) -> Path:
        if self._root is None:
            raise ValueError("the export is not open")
        return self._root


def _paths(paths: Iterable[str]) -> Mapping[str, str]:
    """Return other paths for folders whose names end like those of files; else the same."""
    found: dict[str, str] = {}
    taken = {path.casefold() for path in paths}
    for path in paths:
        name = "/".join(f"{part}_" if part.lower().endswith(_MBOX) else part for part in path.split("/"))
        while name != path and name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        found[path] = name
    return found
