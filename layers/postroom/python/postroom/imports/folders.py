"""Folders of a mailbox by the places that a source names, and those that have to be made."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from postroom.imports.incoming import Place
from postroom.model.additions import NewFolder
from postroom.model.folders import TITLE, Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from postroom.model.mailbox import FolderInfo

MAX_FOLDERS: Final = 2000
"""Most folders of a mailbox: the counters of all are in its head, which every delivery writes. Ours."""

MAX_DEPTH: Final = 100
"""Most folders above one another. Ours."""

MAX_NAME_CHARACTERS: Final = 255
"""Longest name of a folder. Source: Exchange's limit."""

MAIL: Final = "IPF.Note"


def settled(place: Place) -> Place:
    """Return the place with names that a mailbox takes.

    A name that is too long ends in a part of its hash. Half surrogates, which UTF-8 does not have, are replaced.
    """
    return Place(place.standard, tuple(map(_name, place.names)))


def of_messages(place: Place) -> Place:
    """Return where messages of a place go: those in the calendar to an ordinary folder of the same name.

    Everything in the folder CALENDAR is an object of the calendar.
    """
    if place.standard is not Folder.CALENDAR:
        return place
    return Place(None, (TITLE[Folder.CALENDAR], *place.names))


def path(place: Place) -> str:
    """Return a place as people read it; parts are joined by ``/``, which names may have, too."""
    top = (TITLE[place.standard],) if place.standard is not None else ()
    return "/".join((*top, *place.names))


class FolderTree:
    """The folders of a mailbox; ``ids`` has those that exist."""

    def __init__(self, folders: Iterable[FolderInfo]) -> None:
        """Of folders with the same name and parent, the first counts. A standard folder is found by its id only."""
        self._children: dict[tuple[str | None, str], str] = {}
        self.ids: set[str] = set()
        for folder in folders:
            self.ids.add(folder.id)
            if folder.id not in _STANDARD:
                self._children.setdefault((folder.parent, folder.name), folder.id)

    def find(self, place: Place) -> str | None:
        """Return the id of a folder, if it exists. An empty place is the inbox."""
        at = self._top(place)
        for name in place.names:
            at = self._children.get((at, name))
            if at is None:
                return None
        return at

    def make(self, place: Place, folder_class: str, new_id: Callable[[], str]) -> list[NewFolder]:
        """Return the folders that a place lacks, each after its parent; from now on they are known.

        Args:
            folder_class: of the last one; those above it are folders of mail.
        """
        made: list[NewFolder] = []
        at = self._top(place)
        for number, name in enumerate(place.names, 1):
            known = self._children.get((at, name))
            if known is None:
                known = new_id()
                made.append(NewFolder(known, name, at, folder_class if number == len(place.names) else MAIL))
                self._children[at, name] = known
            at = known
        return made

    @staticmethod
    def _top(place: Place) -> str | None:
        if place.standard is not None:
            return place.standard.value
        return None if place.names else Folder.INBOX.value


_STANDARD: Final = frozenset(Folder)


def _name(name: str) -> str:
    text = name.encode("utf-8", "replace").decode() or "_"
    if len(text) <= MAX_NAME_CHARACTERS:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[: MAX_NAME_CHARACTERS - 9]}~{digest}"
