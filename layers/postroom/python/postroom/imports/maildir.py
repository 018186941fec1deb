"""Reads Maildirs: Maildir++ (``.Archive.2020``), and folders in folders (``Archive/2020``); the root is the inbox.

An .ics file beside a folder's messages is read, too: our exports have events so.

Source: D. J. Bernstein's maildir(5); Courier's Maildir++; Dovecot for keywords and for the date, which is the file's
time of modification. Ours: a name that begins with an earlier time wins, because a copy of a file is newer than the
message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from postroom.imports.directory import ReadFile, entries_of, label_of, read_file
from postroom.imports.incoming import Incoming, IncomingFolder, Skipped
from postroom.imports.places import MAX_DEPTH, place_of
from postroom.imports.tree import Kind, kind_of
from postroom.mime.folder_names import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from postroom.imports.incoming import Found, Place

_PARTS: Final = ("cur", "new", "tmp")
_INFO: Final = re.compile(r"[:;!]2,([A-Za-z]*)$")
"""``:2,FS``; programs on Windows write another character for the colon."""
_TIME: Final = re.compile(r"(\d{9,10})\.")
_FLAGS: Final = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "T": "\\Deleted"}
_PASSED: Final = "$Forwarded"
_KEYWORDS: Final = "dovecot-keywords"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_NUMBERS: Final = {str(number) for number in range(len(_LETTERS))}
_MAX_KEYWORDS_BYTES: Final = 64 * 1024


def is_maildir(root: Path, depth: int = 2) -> bool:
    """Say whether a directory, or one in it, has messages in ``cur`` and ``new``."""
    if (root / "cur").is_dir() and (root / "new").is_dir():
        return True
    if not depth:
        return False
    return any(is_maildir(each, depth - 1) for each in root.iterdir() if each.is_dir() and not each.is_symlink())


def read_maildir(root: Path) -> Iterator[Found]:
    """Yield the folders and messages of a Maildir; links and what else is no file are skipped.

    ``tmp`` holds messages that were never delivered whole; they are not read.
    """
    yield from _folder(root, (), root)


def _folder(at: Path, names: tuple[str, ...], root: Path) -> Iterator[Found]:
    if (at / "cur").is_dir() or (at / "new").is_dir():
        place = place_of(names)
        yield IncomingFolder(place)
        keywords = _keywords(at / _KEYWORDS)
        for part in ("cur", "new"):
            yield from _messages(at / part, place, keywords, root)
    for each in entries_of(at):
        if each.is_symlink():
            yield Skipped(label_of(each, root), "a link")
        elif kind_of(each.name) is Kind.CALENDAR and each.is_file():
            yield _event(read_file(each, label_of(each, root)), names)
        elif each.is_dir() and each.name not in _PARTS:
            below = names + _names(label_of(each, at))
            if len(below) <= MAX_DEPTH:
                yield from _folder(each, below, root)
            else:
                yield Skipped(label_of(each, root), f"in more than {MAX_DEPTH} folders")


def _names(name: str) -> tuple[str, ...]:
    """Return the folder names of a directory: several in Maildir++."""
    parts = name[1:].split(".") if name.startswith(".") else [name]
    return tuple(decoded(part) for part in parts if part)


def _messages(at: Path, place: Place, keywords: Mapping[str, str], root: Path) -> Iterator[Found]:
    for each in entries_of(at):
        if not each.name.startswith("."):
            found = read_file(each, label_of(each, root))
            yield found if isinstance(found, Skipped) else _incoming(found, each.name, place, keywords)


def _incoming(found: ReadFile, name: str, place: Place, keywords: Mapping[str, str]) -> Incoming:
    info = _INFO.search(name)
    letters = info[1] if info else ""
    words = [keywords[letter] for letter in letters if letter in keywords]
    return Incoming(
        source=found.label,
        place=place,
        content=found.content,
        received=_received(name, found.modified),
        read="S" in letters,
        flags=tuple(flag for letter, flag in _FLAGS.items() if letter in letters),
        keywords=tuple([*words, _PASSED] if "P" in letters else words),
    )


def _event(found: ReadFile | Skipped, names: tuple[str, ...]) -> Found:
    if isinstance(found, Skipped):
        return found
    place = place_of(names, is_calendar=True)
    return Incoming(found.label, place, found.content, is_calendar=True, received=found.modified)


def _received(name: str, modified: int) -> int:
    """Return the file's time, which may have fractions of a second, unless the name has an earlier one; in ms."""
    stated = _TIME.match(name)
    return min(int(stated[1]) * 1000, modified) if stated and int(stated[1]) < modified // 1000 else modified


def _keywords(path: Path) -> Mapping[str, str]:
    """Return the keywords of Dovecot's lower-case letters: lines with a number from 0, and a word."""
    if path.is_symlink() or not path.is_file():
        return {}
    with path.open("rb") as file:
        text = file.read(_MAX_KEYWORDS_BYTES).decode("utf-8", "replace")
    found = (line.partition(" ") for line in text.splitlines())
    return {_LETTERS[int(number)]: word for number, _, word in found if number in _NUMBERS and word}
