"""Which items of a mailbox are exported, and as what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.contracts.export_manifest import ManifestFolder, ManifestHead
from postroom.contracts.export_staging import PlannedItem
from postroom.export.names import ArchiveNames
from postroom.model.folders import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.contracts.export_manifest import ManifestLine
    from postroom.model.mailbox import FolderInfo, Item
    from postroom.ports.mailboxes import Mailboxes

PAGE_ITEMS: Final = 1000
"""Items that one read of a folder returns at most."""

_CALENDAR: Final = "IPM.APPOINTMENT"
_OTHERS: Final = {"IPM.CONTACT": "vcf", "IPM.DISTLIST": "vcf", "IPM.TASK": "ics", "IPM.STICKYNOTE": "eml"}
"""First parts of item classes. Source: [MS-OXCMSG] and those that it names."""


def suffix_of(item_class: str, *, others: bool) -> str | None:
    """Return what an item's name ends with in an archive; ``None`` if it is not exported.

    Mail of a class that is not known is mail: an item that is left out is lost.

    Args:
        others: contacts, tasks and notes are exported, which WorkMail leaves out.
    """
    name = item_class.upper()
    if _is(name, _CALENDAR):
        return "ics"
    for known, suffix in _OTHERS.items():
        if _is(name, known):
            return suffix if others else None
    return "eml"


def _is(name: str, known: str) -> bool:
    return name == known or name.startswith(f"{known}.")


@dataclass(slots=True)
class Contents:
    """The items of a mailbox, in order of folders and UIDs.

    An item that moves to another folder meanwhile may be found in both, or in none: an export is no snapshot.
    Source: guide, ZH:7193.

    Attributes:
        left_out: number of items that are not exported, until now.
        items: number of the others, and ``size`` their bytes.
    """

    mailboxes: Mailboxes
    mailbox_id: str
    others: bool = False
    left_out: int = 0
    items: int = 0
    size: int = 0
    folders: Sequence[FolderInfo] = field(init=False)
    names: ArchiveNames = field(init=False)

    def __post_init__(self) -> None:
        """Read the folders."""
        self.folders = self.mailboxes.folders(self.mailbox_id)
        self.names = ArchiveNames(self.folders)

    def lines(self) -> Iterator[ManifestLine]:
        """Yield the manifest's first lines: its head, and one for each folder."""
        yield ManifestHead()
        for folder in self.folders:
            yield ManifestFolder(
                path=self.names.folder(folder.id),
                folder=tuple(self.names.true_names(folder.id)),
                standard=folder.id if folder.id in set(Folder) else None,
                folder_class=folder.folder_class,
            )

    def planned(self, after: tuple[str, int] = ("", 0)) -> Iterator[PlannedItem]:
        """Yield what is exported; afterwards the counts are right.

        Args:
            after: an item by folder id and UID; it and those before it are not counted, and not yielded.
        """
        for folder in self.folders:
            for uid, item in self._in(folder.id, after):
                suffix = suffix_of(item.item_class, others=self.others)
                if suffix is None:
                    self.left_out += 1
                    continue
                self.items += 1
                self.size += item.size
                yield self._planned(item, folder.id, uid, suffix)

    def _in(self, folder: str, after: tuple[str, int]) -> Iterator[tuple[int, Item]]:
        """Yield a folder's items behind an item; folders come in the order of their ids."""
        last = after[1] if folder == after[0] else 0
        while folder >= after[0] and (found := self._page(folder, last)):
            for item in found:
                last = item.uids[folder]
                yield last, item

    def _page(self, folder: str, after_uid: int) -> Sequence[Item]:
        return self.mailboxes.items(self.mailbox_id, folder, after_uid=after_uid, limit=PAGE_ITEMS)

    def _planned(self, item: Item, folder: str, uid: int, suffix: str) -> PlannedItem:
        return PlannedItem(
            blob=item.blob,
            size=item.size,
            received=item.received,
            path=self.names.item(folder, received_ms=item.received, uid=uid, suffix=suffix),
            folder=folder,
            uid=uid,
            item_class=item.item_class,
            read=item.read,
            flags=item.flags,
            keywords=item.keywords,
            categories=item.categories,
        )

    def names_of(self, items: Sequence[PlannedItem]) -> dict[str, tuple[str, ...]]:
        """Return the true names of the folders that items are in, from the top, by folder id."""
        used = dict.fromkeys(item.folder for item in items)
        return {folder: tuple(self.names.true_names(folder)) for folder in used}
