"""Items that enter a mailbox without a flow, several in one transaction: what an import adds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from postroom.model.mailbox import Counters, FolderInfo, enter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.mailbox import Head, Item, NewItem


@dataclass(frozen=True, slots=True)
class NewFolder:
    """A folder to be made. ``id`` is chosen at random by the caller; ``parent`` is a folder's id, or the top."""

    id: str
    name: str
    parent: str | None
    folder_class: str = "IPF.Note"


@dataclass(frozen=True, slots=True)
class Entered:
    """A mailbox after additions: its head, the new folders and the new items, each in the given order."""

    head: Head
    folders: tuple[FolderInfo, ...]
    items: tuple[Item, ...]

    def changed_folders(self, before: Head) -> list[str]:
        """Return the ids of folders whose counters are not those of an earlier head."""
        now = self.head.folders
        return [folder for folder in now if now[folder] != before.folders.get(folder)]


def enter_all(head: Head, additions: Sequence[NewItem], folders: Sequence[NewFolder], now_ms: int) -> Entered:
    """Return the mailbox after new folders and items. Each takes one sequence, folders first.

    Raises:
        KeyError: the folder of an item is neither in the head nor new.
    """
    made: list[FolderInfo] = []
    for new in folders:
        head = replace(head, sequence=head.sequence + 1)
        head = replace(head, folders={**head.folders, new.id: Counters(modseq=head.sequence)})
        made.append(_made(new, head.sequence, now_ms))
    items: list[Item] = []
    for new_item in additions:
        item, counters = enter(head, new_item, now_ms)
        head = replace(
            head,
            sequence=head.sequence + 1,
            size=head.size + item.size,
            folders={**head.folders, new_item.folder: counters},
        )
        items.append(item)
    return Entered(head, tuple(made), tuple(items))


def _made(new: NewFolder, sequence: int, now_ms: int) -> FolderInfo:
    return FolderInfo(
        id=new.id,
        name=new.name,
        parent=new.parent,
        folder_class=new.folder_class,
        special_use=None,
        uid_validity=now_ms // 1000,
        modseq=sequence,
    )
