"""Paths of an export's entries: safe on Windows, macOS and Linux, and unique there.

    Inbox/Projects 2026/20261130T194931Z-17.eml        folder, its folder, time of receipt (UTC), UID in the folder

Unique means: after Unicode normalization and case folding, and without the characters that file systems ignore. The
paths follow from the folders and the item alone, so that they are the same in every attempt. The manifest has the
folders' true names.

Source: Microsoft's "Naming Files, Paths, and Namespaces"; 255 bytes for a name on Linux; Apple's TN1150 for ignored
characters. Ours: everything else, limits included.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict, deque
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Final

from postroom.contracts.export_manifest import MANIFEST
from postroom.model.folders import TITLE, Folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from postroom.model.mailbox import FolderInfo

MOST_UNITS: Final = 64
"""Length of a folder's name in an archive, in UTF-16 units; at most 192 bytes of UTF-8."""

MOST_PATH_UNITS: Final = 160
"""Length of a folder's path; with a file's name and 60 for the place of the archive, Windows' 260 are kept."""

_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\ud800-\udfff]')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
_JOINERS: Final = "\u200c\u200d"
"""Format characters that scripts and emoji need; others, as those of writing direction, are left out."""

_STANDARD: Final = frozenset(Folder)
_OURS: Final = (".eml", ".ics", ".vcf")
"""What items' names end with; no folder's name does."""


class ArchiveNames:
    """Paths of a mailbox's folders and items.

    Args:
        folders: all folders of the mailbox. A folder whose parent is missing, or that is its own ancestor, is at the
            top.
    """

    def __init__(self, folders: Iterable[FolderInfo]) -> None:
        self._folders: Mapping[str, FolderInfo] = {folder.id: folder for folder in folders}
        self._taken = {_key(MANIFEST)}
        self._numbers: dict[str, Iterator[int]] = {}
        self._above: dict[str, str | None] = {}
        self._paths: dict[str, str] = {}
        below = self._below()
        ordered = sorted(self._folders, key=lambda each: (each not in _STANDARD, each))
        tops = [each for each in ordered if self._folders[each].parent not in self._folders]
        for top in [*tops, *ordered]:  # what no top reaches is in a circle
            self._name_tree(top, below)

    def folder(self, folder: str) -> str:
        """Return the path of a folder, by its id, without a ``/`` at its end."""
        return self._paths[folder]

    def true_names(self, folder: str) -> Sequence[str]:
        """Return the names of a folder and of those that it is in, from the top, as the mailbox has them."""
        names: list[str] = []
        each: str | None = folder
        while each is not None:
            names.append(_title(self._folders[each]))
            each = self._above[each]
        return tuple(reversed(names))

    def item(self, folder: str, *, received_ms: int, uid: int, suffix: str) -> str:
        """Return the path of an item in a folder.

        Args:
            received_ms: milliseconds since the epoch.
            uid: the item's number in this folder.
            suffix: ``eml``, ``ics`` or ``vcf``.
        """
        return f"{self._paths[folder]}/{_time(received_ms)}-{uid}.{suffix}"

    def _below(self) -> Mapping[str, Sequence[str]]:
        below: defaultdict[str, list[str]] = defaultdict(list)
        for folder in sorted(self._folders):
            if (parent := self._folders[folder].parent) is not None:
                below[parent].append(folder)
        return below

    def _name_tree(self, top: str, below: Mapping[str, Sequence[str]]) -> None:
        """Name a folder and all below it, each before those that it holds; none is named twice."""
        waiting: deque[tuple[str, str | None]] = deque([(top, None)])
        while waiting:
            folder, above = waiting.popleft()
            if folder not in self._paths:
                self._above[folder] = above
                self._paths[folder] = self._path(folder, above)
                waiting.extend((each, folder) for each in below.get(folder, ()))

    def _path(self, folder: str, above: str | None) -> str:
        name, base = safe(_title(self._folders[folder])), f"{self._paths[above]}/" if above else ""
        if _units(base + name) > MOST_PATH_UNITS:
            base, name = "", f"deep {_digest(folder)}"
        path = base + name
        numbers = self._numbers.setdefault(_key(path), count(2))
        while _key(path) in self._taken:
            path = f"{base}{name} ({next(numbers)})"
        self._taken.add(_key(path))
        return path


def safe(name: str) -> str:
    """Return a name that every file system takes as one part of a path; the same for a name that already is."""
    kept = "".join(each for each in name if each in _JOINERS or unicodedata.category(each) != "Cf")
    text = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", kept)).strip().rstrip(". ")
    if _units(text) > MOST_UNITS:
        text = f"{_cut(text, MOST_UNITS - 9).rstrip('. ')}~{_digest(name)}"
    if not text or text.startswith(".") or _RESERVED.match(text):
        text = f"_{text}"
    return f"{text}_" if text.lower().endswith(_OURS) else text


def _title(folder: FolderInfo) -> str:
    """Return a folder's name; characters that UTF-8 does not have are replaced."""
    if folder.id in _STANDARD:
        return TITLE[Folder(folder.id)]
    return folder.name.encode("utf-8", "replace").decode()


def _key(path: str) -> str:
    """Return what two paths have in common that one file system takes as one."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())
    return "".join(each for each in folded if unicodedata.category(each) != "Cf")


def _units(text: str) -> int:
    return len(text) + sum(each > "\uffff" for each in text)


def _cut(text: str, units: int) -> str:
    while _units(text) > units:
        text = text[:-1]
    return text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _time(received_ms: int) -> str:
    seconds = min(max(received_ms // 1000, 0), 253_402_300_799)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%SZ}"
