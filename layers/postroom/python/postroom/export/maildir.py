r"""Names in a Maildir: of folders, and of messages with their flags.

    cur/1795549771.FINBOX-17.postroom,S=25600:2,FS      seconds of receipt, folder and UID, size, flags
    .Sent Items/cur/…                                   Maildir++: a folder; "." is between it and the one that it is in
    .INBOX.Projects/dovecot-keywords                    a letter per keyword: "0 $Label" means "a"

Source: D. J. Bernstein's maildir(5); Courier's Maildir++ with names in modified UTF-7 (RFC 3501, 5.1.3); Dovecot for
sizes and keywords. Ours: "_" in place of a "." in a folder's name, which would be two folders.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.mime.folder_names import encoded
from postroom.model.folders import Folder

if TYPE_CHECKING:
    from collections.abc import Iterable

KEYWORDS: Final = "dovecot-keywords"
"""File of a folder with the words that its lower-case letters mean."""

MOST_KEYWORDS: Final = 26

_LETTERS: Final = {"\\Draft": "D", "\\Flagged": "F", "\\Answered": "R", "\\Deleted": "T", "$Forwarded": "P"}
_MOST_BYTES: Final = 255
"""Longest name of a directory, on Linux and macOS."""
_NO_FOLDER: Final = re.compile(r"[^A-Za-z0-9]")
_NO_LINE: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(slots=True)
class MaildirNames:
    """Names of a mailbox's folders: each safe, and unique whatever the case."""

    _taken: set[str] = field(default_factory=set)

    def folder(self, folder: str, path: str) -> str:
        """Return the name of a folder's directory, once; empty for the inbox, which is the Maildir itself.

        Args:
            folder: its id.
            path: its path in an archive (``names.ArchiveNames``).
        """
        if folder == Folder.INBOX:
            return ""
        first, *below = path.split("/")
        parts = ["INBOX" if first == "Inbox" and below else first, *below]
        name = "".join(f".{encoded(part.replace('.', '_'))}" for part in parts)
        if len(name) > _MOST_BYTES or name.lower() in self._taken:
            name = f".folder {hashlib.sha256(folder.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
        self._taken.add(name.lower())
        return name


@dataclass(slots=True)
class Keywords:
    """The keywords of one folder, in the order of their letters."""

    words: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, text: str) -> Keywords:
        """Read what ``text`` returned."""
        return cls([line.partition(" ")[2] for line in text.splitlines()])

    def letters(self, keywords: Iterable[str]) -> str:
        """Return the letters of keywords; those beyond ``MOST_KEYWORDS``, and those that are no line, have none."""
        found = []
        for word in keywords:
            if word in _LETTERS or not word or _NO_LINE.search(word):
                continue
            if word not in self.words and len(self.words) < MOST_KEYWORDS:
                self.words.append(word)
            if word in self.words:
                found.append(chr(ord("a") + self.words.index(word)))
        return "".join(sorted(found))

    def text(self) -> str:
        """Return the lines of ``KEYWORDS``."""
        return "".join(f"{number} {word}\n" for number, word in enumerate(self.words))


def unique(folder: str, uid: int, received_ms: int) -> str:
    """Return what a message's name begins with, up to its size."""
    short = _NO_FOLDER.sub("", folder)[:24]
    return f"{max(received_ms // 1000, 0)}.F{short}-{uid}.postroom"


def info(*, read: bool, flags: Iterable[str], keywords: Iterable[str], letters: str) -> str:
    """Return what a message's name ends with: ``:2,`` and its flags, sorted.

    Args:
        letters: of the other keywords.
    """
    known = {_LETTERS[word] for word in (*flags, *keywords) if word in _LETTERS}
    return f":2,{''.join(sorted(known | ({'S'} if read else set())))}{letters}"
