"""From folder names of other mail systems to places in a mailbox. Ours; names as the programs below write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.contracts.export_manifest import MANIFEST
from postroom.imports.incoming import Place
from postroom.model.folders import TITLE, Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAX_DEPTH: Final = 64
"""Most folders that an item is in, one in the other. Ours."""

_ALSO: Final[Mapping[str, Folder]] = {
    "sent": Folder.SENT_ITEMS,
    "sent mail": Folder.SENT_ITEMS,
    "sent messages": Folder.SENT_ITEMS,
    "trash": Folder.DELETED_ITEMS,
    "bin": Folder.DELETED_ITEMS,
    "deleted messages": Folder.DELETED_ITEMS,
    "junk": Folder.JUNK_EMAIL,
    "junk e-mail": Folder.JUNK_EMAIL,
    "spam": Folder.JUNK_EMAIL,
}
"""Dovecot's and Thunderbird's names, Apple Mail's, Gmail's, Outlook's."""

STANDARD: Final[Mapping[str, Folder]] = {**_ALSO, **{title.casefold(): folder for folder, title in TITLE.items()}}
"""Names at the top that mean a standard folder, case-folded."""

APPLE: Final = "__MACOSX"
"""A folder that macOS adds to archives, with attributes of files."""

_ROOTS: Final = ("[gmail]", "[google mail]")
"""Gmail's standard folders are in a folder of their own."""


def place_of(names: Sequence[str], *, is_calendar: bool = False) -> Place:
    """Return the place of a folder by its names from the top; what is in no folder is in the inbox or the calendar."""
    if not names:
        return Place(Folder.CALENDAR if is_calendar else Folder.INBOX)
    below = names[1:] if names[0].casefold() in _ROOTS and len(names) > 1 else names
    standard = STANDARD.get(below[0].casefold())
    return Place(standard, tuple(below[1:])) if standard else Place(None, tuple(names))


def wrapper_of(paths: Callable[[], Iterable[str]]) -> str:
    """Return the path of the folder that holds a whole mailbox, with ``/`` at its end; empty for the top.

    It is a folder that every file is in, and that has an inbox or a manifest: ``export/alice/`` of
    ``export/alice/Inbox/1.eml``.

    Args:
        paths: gives all paths of files and folders (with ``/`` at their end), as often as it is called.
    """
    common: list[str] | None = None
    for path in paths():
        *folders, name = path.split("/")
        if not name or folders[:1] == [APPLE]:
            continue
        if common is None:
            common = folders
        while common != folders[: len(common)]:
            common.pop()
    if not common:
        return ""
    for depth, name in enumerate(common):
        if _is_inbox(name):
            return _joined(common[:depth])
    wrapper = _joined(common)
    inner = (path[len(wrapper) :].partition("/")[0] for path in paths() if path.startswith(wrapper))
    return wrapper if any(_is_inbox(name) or name == MANIFEST for name in inner) else ""


def _joined(parts: Sequence[str]) -> str:
    return "".join(f"{part}/" for part in parts)


def _is_inbox(name: str) -> bool:
    return STANDARD.get(name.casefold()) is Folder.INBOX
