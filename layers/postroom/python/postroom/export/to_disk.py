"""Exports one mailbox to a disk, an item after the other; a stopped export goes on from its last checkpoint.

An item that arrives after its folder was read, in this run or in one that stopped, is not exported: an export is no
snapshot.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.export_journal import Counted
from postroom.contracts.export_manifest import ManifestItem, MissingItem
from postroom.errors import PostroomError, UnknownMailboxError, UnreadableMailError
from postroom.export.contents import Contents
from postroom.export.pack_export import SEALED_MORE, UNREADABLE, VANISHED
from postroom.model.limits import MB
from postroom.sealing import open_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.contracts.export_staging import PlannedItem
    from postroom.model.mailbox import Head
    from postroom.ports.export_files import ExportFiles
    from postroom.ports.export_staging import SealedReads
    from postroom.ports.mailboxes import Mailboxes

CHECKPOINT_BYTES: Final = 32 * MB
CHECKPOINT_ITEMS: Final = 1000
"""Most that is written again after a stop. Ours."""


@dataclass(frozen=True, slots=True)
class ToDisk:
    """One export.

    Attributes:
        key: returns the plain key of a mailbox; it is called for each item.
        progress: is called with the counts after each item, and at the start.
    """

    mailboxes: Mailboxes
    reads: SealedReads
    key: Callable[[Head], bytes]
    files: ExportFiles
    progress: Callable[[Counted], None] = lambda _: None

    def run(self, head: Head) -> Counted:
        """Export a mailbox, and return what is in it.

        Raises:
            OSError: the disk takes no more.
            ExportRefusedError: see ``ExportFiles.open``.
            KeyUnavailableError: the organization's KMS key cannot be used.
            UnknownMailboxError: the mailbox was removed meanwhile.
            StoreUnavailableError: a table or bucket did not answer.
        """
        contents = Contents(self.mailboxes, head.mailbox_id, others=True)
        paths = {folder.id: contents.names.folder(folder.id) for folder in contents.folders}
        try:
            counted = self.files.open(paths, contents.lines()) or Counted()
            self.progress(counted)
            counted = self._items(head, contents, counted)
            if self.mailboxes.head(head.mailbox_id) is None:
                raise UnknownMailboxError("the mailbox was removed while it was exported")
            self.files.finish()
        finally:
            self.files.close()
        return counted

    def _items(self, head: Head, contents: Contents, done: Counted) -> Counted:
        """Write the items behind those that are done."""
        kept = done
        items = contents.planned((done.folder or "", done.uid))
        try:
            for item, content in self._contents(head, items):
                done = self._write(item, contents, content, done)
                self.progress(done)
                if _is_due(done, kept):
                    self.files.checkpoint(done)
                    kept = done
        except PostroomError:  # between two items; another error may have left one half written
            self.files.checkpoint(done)
            raise
        self.files.checkpoint(done)
        return done

    def _write(self, item: PlannedItem, contents: Contents, content: bytes | str, done: Counted) -> Counted:
        described = item.model_dump(exclude={"blob", "uid", "path", "size", "folder"})
        described["folder"] = tuple(contents.names.true_names(item.folder))
        counts = {"folder": item.folder, "uid": item.uid}
        if isinstance(content, str):
            self.files.line(MissingItem(path=item.path, size=item.size, cause=content, **described))
            return done.model_copy(update={**counts, "missing": done.missing + 1})
        path, size = self.files.add(item, content), len(content)
        digest = hashlib.sha256(content).hexdigest()
        self.files.line(ManifestItem(path=path, size=size, sha256=digest, **described))
        return done.model_copy(update={**counts, "items": done.items + 1, "size": done.size + size})

    def _contents(self, head: Head, items: Iterator[PlannedItem]) -> Iterator[tuple[PlannedItem, bytes | str]]:
        """Yield each item with its content; with a text, if it cannot be exported."""
        waiting: deque[PlannedItem] = deque()

        def wanted() -> Iterator[tuple[str, int]]:
            for item in items:
                waiting.append(item)
                yield item.blob, item.size + SEALED_MORE

        for sealed in self.reads.in_order(wanted()):
            item = waiting.popleft()
            yield item, VANISHED if sealed is None else self._opened(head, item, sealed)

    def _opened(self, head: Head, item: PlannedItem, sealed: bytes) -> bytes | str:
        key = self.key(head)
        try:
            return b"".join(open_message(sealed, mailbox_key=key, place=item.blob))
        except UnreadableMailError:
            return UNREADABLE


def _is_due(done: Counted, kept: Counted) -> bool:
    items = done.items + done.missing - kept.items - kept.missing
    return items >= CHECKPOINT_ITEMS or done.size - kept.size >= CHECKPOINT_BYTES
