"""Exports as Maildirs; what is no message is a file beside a folder's messages.

cur/…  new/  tmp/                               the inbox
.Sent Items/cur/…                               another folder
.Calendar/20261130T194931Z-17.ics               an event; the file's time is when it was received
manifest.jsonl                                  the paths as they were written
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from postroom.adapters.files.left_over import remove_after
from postroom.adapters.files.manifest_file import write_manifest
from postroom.adapters.files.private import make_folder, write_private
from postroom.adapters.files.target import State
from postroom.export.maildir import KEYWORDS, Keywords, MaildirNames, info, unique

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from postroom.adapters.files.journal import Journal
    from postroom.contracts.export_journal import Checkpoint
    from postroom.contracts.export_staging import PlannedItem

_MARK: Final = "maildirfolder"
"""An empty file that every folder but the inbox has. Source: Courier's Maildir++."""


def _flush() -> None:
    if hasattr(os, "sync"):  # Windows has none
        os.sync()


class MaildirFiles:
    """Implements ``Target``: a directory. ``flush`` brings many small files to the disk at once."""

    def __init__(self, flush: Callable[[], None] = _flush) -> None:
        self._flush = flush
        self._names: dict[str, str] = {}
        self._root: Path | None = None
        self._folder = ""
        self._keywords = Keywords()
        self._written = ""

    def folders(self, folders: Mapping[str, str]) -> Mapping[str, str]:
        names = MaildirNames()
        self._names = {folder: names.folder(folder, path) for folder, path in folders.items()}
        return {path: self._names[folder] or "." for folder, path in folders.items()}

    def open(self, whole: Path, last: Checkpoint | None) -> None:
        self._root = whole
        kept, uid = (last.folder or "", last.uid) if last else ("", 0)
        for folder, name in self._names.items():
            at = whole / name
            for part in ("cur", "new", "tmp"):
                make_folder(at / part)
            if name:
                write_private(at / _MARK, b"")
            if folder >= kept:
                for each in (at, at / "cur"):
                    remove_after(each, uid if folder == kept else 0)
            if folder > kept:
                (at / KEYWORDS).unlink(missing_ok=True)

    def add(self, item: PlannedItem, content: bytes) -> str:
        root, name = self._opened(), self._names[item.folder]
        base = f"{name}/" if name else ""
        if not item.path.endswith(".eml"):
            path = f"{base}{item.path.rpartition('/')[2]}"
        else:
            letters = self._of(item.folder).letters(item.keywords)
            flags = info(read=item.read, flags=item.flags, keywords=item.keywords, letters=letters)
            path = f"{base}cur/{unique(item.folder, item.uid, item.received)},S={len(content)}{flags}"
        write_private(root / path, content, modified_ms=item.received)
        return path

    def sync(self) -> State:
        self._keep_keywords()
        self._flush()
        return State()

    def finish(self, journal: Journal) -> None:
        write_manifest(self._opened(), journal.pieces())

    def close(self) -> None:
        pass

    def _of(self, folder: str) -> Keywords:
        """Return the keywords of a folder, those of an earlier attempt included."""
        if folder != self._folder:
            self._keep_keywords()
            path = self._opened() / self._names[folder] / KEYWORDS
            self._written = path.read_text("utf-8") if path.is_file() else ""
            self._folder, self._keywords = folder, Keywords.read(self._written)
        return self._keywords

    def _keep_keywords(self) -> None:
        if (text := self._keywords.text()) != self._written:
            write_private(self._opened() / self._names[self._folder] / KEYWORDS, text.encode())
            self._written = text

    def _opened(self) -> Path:
        if self._root is None:
            raise ValueError("the export is not open")
        return self._root
