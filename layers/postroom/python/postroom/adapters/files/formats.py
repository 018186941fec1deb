"""Which files each format has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.adapters.files.disk import DiskFiles
from postroom.adapters.files.maildir_files import MaildirFiles
from postroom.adapters.files.mbox_files import MboxFiles
from postroom.adapters.files.zip_files import ZipFiles
from postroom.contracts.export_journal import JournalHead
from postroom.model.export_formats import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from postroom.adapters.files.target import Target

TARGETS: Final[Mapping[Format, Callable[[], Target]]] = {
    Format.ZIP: ZipFiles,
    Format.MBOX: MboxFiles,
    Format.MAILDIR: MaildirFiles,
}


def files_for(format_: Format, path: Path, mailbox_id: str, *, now_ms: int, status_fields: bool = False) -> DiskFiles:
    """Return the files of an export of a mailbox to a path; nothing is opened yet.

    Args:
        now_ms: when the export begins, if it does not go on; in milliseconds since the epoch.
        status_fields: of mbox files: see ``MboxFiles``.
    """
    head = JournalHead(format=format_, mailbox_id=mailbox_id, started=now_ms)
    target = MboxFiles(status_fields=True) if format_ is Format.MBOX and status_fields else TARGETS[format_]()
    return DiskFiles(path, head, target)
