"""Exports of a mailbox in memory to a disk, and mailboxes that are hard to export."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.files.disk import DiskFiles
from postroom.adapters.files.formats import TARGETS
from postroom.adapters.files.maildir_files import MaildirFiles
from postroom.adapters.memory.exports import MemorySealedReads
from postroom.contracts.export_journal import JournalHead
from postroom.export.to_disk import ToDisk
from postroom.imports.incoming import Incoming, IncomingFolder, Place
from postroom.model.export_formats import Format
from postroom.model.folders import Folder
from tests.support.builders import NOON
from tests.support.calendars import vcalendar, vevent
from tests.support.importing import ImportedMailbox, message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from postroom.contracts.export_journal import Counted

PROJECTS: Final = Place(Folder.INBOX, ("Projects", "2026"))

BODIES: Final = (
    b"",
    b"\n",
    b"\r",
    b"\r\n",
    b"From ben",
    b"From me\r\nFrom ben Tue Nov 24 12:00:00 2026\r\n>From\r\n>>From you\r\n",
    b"Subject: no line end",
    b"Subject: two\n\n\n",
    b"From: a@b\r\nContent-Length: 4\r\n\r\nmore than four\r\n\r\n",
    b"\0\xff\x80 no text \r\n\r\r\n",
)


def full_mailbox(*more: Incoming) -> ImportedMailbox:
    """Return a mailbox with messages, marks, folders and events that are hard to export."""
    mailbox = ImportedMailbox()
    names = ("a/b", "..", "CON", "v1.0", "a_b", "Inbox", "x.mbox", "x", "e\u0301", "\u00e9", "&", "人" * 100)
    marked: list[dict[str, Any]] = [
        {"read": False},
        {"flags": ("\\Answered", "\\Deleted", "\\Draft", "\\Flagged")},
        {"keywords": ("$Forwarded", "Work", "two words"), "categories": ("Red",)},
        {"item_class": "IPM.Note.SMIME", "keywords": ("Later", "Work")},
        {"received": NOON - 86_400_123},
        {"received": 0},
    ]
    event = {"place": Place(Folder.CALENDAR), "is_calendar": True}
    mailbox.run(
        [
            *(message(number, content=body) for number, body in enumerate(BODIES)),
            *(message(100 + number, PROJECTS, **marks) for number, marks in enumerate(marked)),
            *(message(200 + number, Place(None, (name,))) for number, name in enumerate(names)),
            message(300, Place(None, ("x.mbox", "below"))),
            message(400, Place(Folder.SENT_ITEMS)),
            IncomingFolder(Place(None, ("Empty", "Tasks")), "IPF.Task"),
            *(
                Incoming(f"{n}.ics", content=vcalendar(vevent(f"e{n}")), received=NOON - n, **event)  # type: ignore[arg-type]
                for n in range(3)
            ),
            *more,
        ]
    )
    return mailbox


def files_at(path: Path, format_: Format, mailbox_id: str = "ann") -> DiskFiles:
    head = JournalHead(format=format_, mailbox_id=mailbox_id, started=NOON)
    target = MaildirFiles(lambda: None) if format_ is Format.MAILDIR else TARGETS[format_]()
    return DiskFiles(path, head, target)


def to_disk(
    mailbox: ImportedMailbox,
    path: Path,
    format_: Format,
    *,
    files: Any = None,
    reads: Any = None,
    progress: Callable[[Counted], None] = lambda _: None,
) -> Counted:
    """Export Ann's mailbox."""
    head = mailbox.mailboxes.head("ann")
    assert head is not None
    return ToDisk(
        mailbox.mailboxes,
        reads or MemorySealedReads(mailbox.blobs),
        lambda head: mailbox.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn),
        files or files_at(path, format_),
        progress,
    ).run(head)


def manifest_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_bytes().splitlines()]
