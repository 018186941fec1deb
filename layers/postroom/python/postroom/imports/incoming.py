"""What readers of mail find, one message in memory at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from postroom.model.folders import Folder


class Place(NamedTuple):
    """A folder of the mailbox: names below a standard folder, or from the top if ``standard`` is ``None``.

    ``Place(Folder.INBOX, ("Projects",))`` is a folder in the inbox. ``Place(None, ("Inbox",))`` is another folder with
    the inbox's name. The names are as the source has them: characters that a mailbox does not take are in it.
    """

    standard: Folder | None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IncomingFolder:
    """A folder that the source has, empty or not; it comes before its items. ``folder_class`` is Exchange's."""

    place: Place
    folder_class: str = "IPF.Note"


@dataclass(frozen=True, slots=True)
class Incoming:
    r"""A message, or a file of calendar objects.

    Attributes:
        source: where it is in the source, for people: a path, or the number of the message in an mbox file.
        content: the bytes, as the source has them.
        is_calendar: the content is iCalendar data, not a message.
        received: milliseconds since the epoch; ``None`` where neither the source nor the message says it.
        read: true as well where the source does not say it, so that years of mail are not new.
        flags: as in IMAP: ``\Flagged``, ``\Answered``, ``\Draft``, ``\Deleted``.
        sha256: what our manifest says of the content, in hexadecimal digits. Readers do not compare.
    """

    source: str
    place: Place
    content: bytes
    is_calendar: bool = False
    received: int | None = None
    read: bool = True
    flags: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    item_class: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in the source that is not read; ``why`` is for people. The import goes on."""

    source: str
    why: str


Found = Incoming | IncomingFolder | Skipped
