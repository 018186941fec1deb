"""Imports what a reader finds into one mailbox, and then compares the mailbox with what was read.

An import that stopped is run again with the same source: what is there already is left, in any order. So is an item
that two sources have at the same place with the same bytes; twice in one source, it is two items.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.calendar_store.imports import FULL, Import
from postroom.errors import InvalidArchiveError, MailboxFullError, TemporaryError
from postroom.imports.events import EventWriter
from postroom.imports.folders import MAX_DEPTH, of_messages, path, settled
from postroom.imports.incoming import Incoming, IncomingFolder, Skipped
from postroom.imports.journal import Expected, Journal
from postroom.imports.report import Report, What
from postroom.imports.writer import DryWriter, MailboxWriter, Message
from postroom.model.limits import MAX_MESSAGE_BYTES, MAX_STORED_BYTES, MB
from postroom.model.mailbox import Marks
from postroom.ports.mailboxes import MAX_ADDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from postroom.calendar_store.store import CalendarStore
    from postroom.imports.incoming import Found, Place
    from postroom.imports.writer import Writer
    from postroom.ports.mailboxes import Mailboxes

MAX_BATCH_BYTES: Final = 16 * MB
"""Most bytes of messages that wait for others before they are written together; one message may have more. Ours."""

MAX_WORDS: Final = 100
"""Most flags, keywords or categories of an item, each of at most 255 characters. Ours."""

_MAX_WORD_CHARACTERS: Final = 255
_NOT_KEPT: Final = ("\\Seen", "\\Recent")
"""Flags that are no flags of an item: one is its read state, the other a session's."""

_FIRST_MS: Final = -62_135_596_800_000
_LAST_MS: Final = 253_402_300_799_999
"""The years 1 to 9999, which a manifest can write."""


@dataclass(slots=True)
class Importing:
    """One import. Run it once, then ``reconcile``, in one thread.

    Attributes:
        progress: is called with the bytes of each item that was read.
    """

    mailbox_id: str
    writer: Writer
    calendar: Import
    journal: Journal
    writes: bool = True
    progress: Callable[[int], None] = lambda _: None
    report: Report = field(default_factory=Report)
    _events: EventWriter = field(init=False)
    _batch: list[tuple[Message, Expected]] = field(default_factory=list)
    _size: int = 0
    _folders: dict[Place, str] = field(default_factory=dict)

    @classmethod
    def into(
        cls,
        mailbox_id: str,
        mailboxes: Mailboxes,
        store: CalendarStore,
        *,
        journal: Journal,
        pause: Callable[[int], None],
        dry_run: bool = False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Importing:
        """Return an import into a mailbox.

        Args:
            store: the stores that messages share with calendars; its executor stores several objects at once.
            pause: ``pause(n)`` waits a little, longer as n grows.
            dry_run: nothing is written; the report says what would become of each item.
        """
        writer = DryWriter(mailbox_id, mailboxes) if dry_run else MailboxWriter(mailbox_id, mailboxes, store, pause)
        calendar = Import(store, mailbox_id, pause)
        return cls(mailbox_id, writer, calendar, journal, not dry_run, progress)

    def __post_init__(self) -> None:
        self._events = EventWriter(self.calendar, self.report, self.journal, self.writes)

    def run(self, found: Iterable[Found]) -> None:
        """Import everything; ``report`` says what became of it, also after an error.

        Raises:
            InvalidArchiveError: the reader's; everything before it was imported.
            MailboxFullError: an item has no room, or the mailbox would have too many folders.
            UnknownMailboxError: the mailbox is gone.
            KeyUnavailableError: the organization's KMS key cannot be used.
            TemporaryError: a store did not answer, or others change the mailbox all the time.
        """
        if self.writes:
            with suppress(TemporaryError):
                self.calendar.store.remove_left_over(self.mailbox_id)
        try:
            for one in found:
                self._take(one)
        except InvalidArchiveError:
            self._flush_all()
            raise
        else:
            self._flush_all()
        finally:
            self.report.new_folders = self.writer.new_folders

    def _take(self, one: Found) -> None:
        match one:
            case Skipped(source, why):
                self.report.problem(What.SKIPPED, "", _text(source), why)
            case IncomingFolder(place, folder_class):
                self._folder(settled(place), folder_class)
            case Incoming(is_calendar=True):
                self._compare_with_manifest(one)
                self._events.add(one, _text(one.source), _marks(one))
                self.progress(len(one.content))
            case Incoming():
                self._message(one)
                self.progress(len(one.content))

    def _folder(self, place: Place, folder_class: str) -> None:
        self.report.folder(path(place))
        if len(place.names) <= MAX_DEPTH and place.names:
            self._folders[place] = _word(folder_class)
        if len(self._folders) >= MAX_ADDED:
            self._flush()

    def _message(self, one: Incoming) -> None:
        place = of_messages(settled(one.place))
        folder, source, size = path(place), _text(one.source), len(one.content)
        tally = self.report.folder(folder)
        tally.read += 1
        tally.read_bytes += size
        if why := _refusal(place, size):
            self.report.problem(What.REFUSED, folder, source, why)
            return
        sha256 = self._compare_with_manifest(one, folder)
        if self._size + size > MAX_BATCH_BYTES or len(self._batch) == MAX_ADDED:
            self._flush()
        token = self.journal.token(self.mailbox_id, place, sha256)
        message = Message(token, place, one.content, _marks(one), _word(one.item_class or "IPM.Note"))
        self._batch.append((message, Expected(token, sha256, size, folder, source)))
        self._size += size

    def _compare_with_manifest(self, one: Incoming, folder: str | None = None) -> str:
        """Return the SHA-256 of an item; it is named if the source's own manifest has another."""
        sha256 = hashlib.sha256(one.content).hexdigest()
        if one.sha256 is not None and one.sha256 != sha256:
            why = "its bytes are not those that the manifest names"
            self.report.problem(What.CHANGED, folder or path(settled(one.place)), _text(one.source), why)
        return sha256

    def _flush_all(self) -> None:
        self._flush()
        self._events.flush()

    def _flush(self) -> None:
        """Write the folders and messages that wait."""
        folders, self._folders = self._folders, {}
        batch, self._batch, self._size = self._batch, [], 0
        if folders:
            self.writer.make_folders(folders)
        if not batch:
            return
        written = self.writer.write([message for message, _ in batch])
        for message, expected in batch:
            tally = self.report.folder(expected.folder)
            if message.token in written.known:
                tally.known += 1
            elif message.token in written.added:
                tally.added += 1
                tally.added_bytes += expected.size
            else:
                raise MailboxFullError(f"{FULL}: no room for the {expected.size} bytes of {expected.source}")
            self.journal.expect_message(expected)


def _refusal(place: Place, size: int) -> str:
    """Return why a message cannot enter; nothing if it can."""
    if size > MAX_STORED_BYTES:
        return f"a message of more than {MAX_MESSAGE_BYTES // MB} MB"
    return f"a folder in more than {MAX_DEPTH} others" if len(place.names) > MAX_DEPTH else ""


def _marks(one: Incoming) -> Marks:
    received = None if one.received is None else min(max(one.received, _FIRST_MS), _LAST_MS)
    flags = (flag for flag in one.flags if flag not in _NOT_KEPT)
    return Marks(received, one.read, _words(flags), _words(one.keywords), _words(one.categories))


def _words(words: Iterable[str]) -> tuple[str, ...]:
    """Return words as an index takes them: sorted, each once, none empty."""
    return tuple(sorted({_word(word) for word in words if word})[:MAX_WORDS])


def _word(word: str) -> str:
    return _text(word)[:_MAX_WORD_CHARACTERS]


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
