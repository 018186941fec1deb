"""Enters messages into a mailbox, some at a time. Every write may be repeated, and may stop anywhere.

    which are there already?  →  note the names of the sealed objects  →  store them
      →  one transaction: folders, items, tokens, head; the note is gone

A stop before the transaction leaves objects that the note names; the next import, or the next change of the calendar,
that comes an hour later removes them. A message whose token is there is left. A transaction that another change of the
mailbox was faster than is made again with what that change has left.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

from postroom.errors import ConflictError, MailboxFullError, PostroomError, TemporaryError, UnknownMailboxError
from postroom.imports.folders import MAIL, MAX_FOLDERS, FolderTree
from postroom.model.calendars import BlobNote
from postroom.model.mailbox import NewItem, blob_key
from postroom.ports.mailboxes import MAX_ADDED, MAX_ADDED_BYTES
from postroom.sealing import seal_message
from postroom.summaries import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from postroom.calendar_store.store import CalendarStore
    from postroom.imports.incoming import Place
    from postroom.model.additions import NewFolder
    from postroom.model.mailbox import Head, Marks
    from postroom.ports.mailboxes import Mailboxes

MAX_RACES: Final = 8
"""How often messages are tried again because the mailbox has changed meanwhile, or a store did not answer. Ours."""

T = TypeVar("T")

_NAME_BYTES: Final = 16
_FOLDER_BYTES: Final = 6


def again(do: Callable[[], T], pause: Callable[[int], None]) -> T:
    """Do something that may be repeated until it is done, or fails ``MAX_RACES`` times. ``pause`` as in the writer."""
    for attempt in range(MAX_RACES - 1):
        try:
            return do()
        except TemporaryError:
            pause(attempt)
    return do()


class Message(NamedTuple):
    """A message for the folder at a place; ``token`` is the same at every attempt (``Journal.token``)."""

    token: str
    place: Place
    content: bytes
    marks: Marks
    item_class: str


class Written(NamedTuple):
    """What became of messages: tokens that were there before, and those that entered. The others had no room."""

    known: frozenset[str]
    added: frozenset[str]


class Writer(Protocol):
    """Enters messages and makes folders, or only says what would become of them.

    ``new_folders`` is the number of folders that were made so far.

    Every method raises UnknownMailboxError if the mailbox is gone, MailboxFullError if it would have more than
    ``MAX_FOLDERS``, and TemporaryError if a store did not answer, or others change the mailbox all the time.
    """

    new_folders: int

    def write(self, messages: Sequence[Message]) -> Written:
        """Enter messages, in order, until one has no room. Each has another token."""

    def make_folders(self, places: Mapping[Place, str]) -> None:
        """Make the folders that are missing, with these classes, and those above them."""


@dataclass(slots=True)
class MailboxWriter:
    """Implements ``Writer``. ``pause(n)`` waits a little, longer as n grows."""

    mailbox_id: str
    mailboxes: Mailboxes
    store: CalendarStore
    pause: Callable[[int], None]
    new_folders: int = 0
    _tree: FolderTree | None = None

    def write(self, messages: Sequence[Message]) -> Written:
        """See ``Writer``."""
        added: set[str] = set()
        known = again(lambda: self._write(messages, added), self.pause)
        return Written(known - added, frozenset(added))

    def make_folders(self, places: Mapping[Place, str]) -> None:
        """See ``Writer``."""
        again(lambda: self._make_folders(places), self.pause)

    def _write(self, messages: Sequence[Message], added: set[str]) -> frozenset[str]:
        """Enter messages that are not there; return the tokens that are, and put those that entered into ``added``."""
        known = frozenset(self.mailboxes.added(self.mailbox_id, [message.token for message in messages]))
        rest = [message for message in messages if message.token not in known]
        while rest:
            head = self._head()
            if not (some := _with_room(head, rest)):
                break
            entered = self._enter(head, some)
            added.update(entered)
            rest = rest[len(entered) :]
        return known

    def _enter(self, head: Head, messages: Sequence[Message]) -> Sequence[str]:
        """Enter the first messages, as many as one transaction takes; return their tokens.

        Raises:
            ConflictError: the mailbox has changed again and again, or another import was faster.
        """
        entries = self._entries(head, messages)
        note = BlobNote(self._random_name(), self.store.now_ms, tuple(item.blob for _, item in entries))
        self.store.calendars.note(self.mailbox_id, note)
        try:
            self.store.each(self._seal(head), entries)
            self._commit(entries, note)
        except PostroomError:
            with suppress(TemporaryError):  # what was committed after all has no note any more, and stays
                self.store.give_up(self.mailbox_id, note)
            raise
        return [message.token for message, _ in entries]

    def _commit(self, entries: Sequence[tuple[Message, NewItem]], note: BlobNote) -> None:
        """Write the index, again with a fresh head as long as others are faster."""
        for attempt in range(MAX_RACES):
            try:
                if self._add(entries, note):
                    return
                break
            except ConflictError:
                self.pause(attempt)
        raise ConflictError("others were faster")

    def _add(self, entries: Sequence[tuple[Message, NewItem]], note: BlobNote) -> bool:
        """Write the index once; ``False``: there is no room any more, or another import has entered one of these."""
        messages = [message for message, _ in entries]
        head, tree = self._make_folders({message.place: MAIL for message in messages})
        if len(_with_room(head, messages)) < len(messages):
            return False
        additions = [replace(item, folder=tree.find(message.place) or "") for message, item in entries]
        return self.mailboxes.add(head, additions, note) is not None

    def _make_folders(self, places: Mapping[Place, str]) -> tuple[Head, FolderTree]:
        """Make what is missing of folders; return the mailbox with them."""
        while True:
            head = self._head()
            tree, self._tree = self._tree, None  # it has new folders before they are made
            if tree is None or tree.ids != head.folders.keys():
                tree = FolderTree(self.mailboxes.folders(self.mailbox_id))
            if not tree.ids <= head.folders.keys():
                raise ConflictError("a folder was made meanwhile")
            if not (missing := list(self._missing(tree, places))):
                self._tree = tree
                return head, tree
            _require_few(len(head.folders) + len(missing))
            made = missing[:MAX_ADDED]
            self.mailboxes.add(head, [], None, folders=made)
            self.new_folders += len(made)

    def _missing(self, tree: FolderTree, places: Mapping[Place, str]) -> Iterator[NewFolder]:
        for place, folder_class in places.items():
            yield from tree.make(place, folder_class, lambda: self.store.random(_FOLDER_BYTES).hex())

    def _entries(self, head: Head, messages: Sequence[Message]) -> list[tuple[Message, NewItem]]:
        """Return the first messages, as many as one transaction takes, with their index entries; at least one."""
        key = self._key(head)
        entries: list[tuple[Message, NewItem]] = []
        size = 0
        for message in messages[:MAX_ADDED]:
            item = self._item(head, message, key)
            size += _weight(item)
            if entries and size > MAX_ADDED_BYTES:
                break
            entries.append((message, item))
        return entries

    def _item(self, head: Head, message: Message, key: bytes) -> NewItem:
        """Return a message's index entry; its folder comes later."""
        token, now_ms, marks = message.token, self.store.now_ms, message.marks
        described = describe(
            message.content, mailbox_id=self.mailbox_id, token=token, mailbox_key=key, random=self.store.random
        )
        return NewItem(
            token=token,
            folder="",
            blob=blob_key(head.organization_id, self.mailbox_id, self._random_name()),
            size=len(message.content),
            summary=described.summary,
            item_class=message.item_class,
            conversation=described.conversation,
            received=now_ms if marks.received is None else marks.received,
            created=now_ms,
            has_attachments=described.has_attachments,
            unread=not marks.read,
            flags=marks.flags,
            keywords=marks.keywords,
            categories=marks.categories,
        )

    def _seal(self, head: Head) -> Callable[[tuple[Message, NewItem]], None]:
        key = self._key(head)

        def seal(entry: tuple[Message, NewItem]) -> None:
            message, item = entry
            sealed = seal_message(message.content, mailbox_key=key, place=item.blob, random=self.store.random)
            self.store.sealed.put_once(item.blob, sealed)

        return seal

    def _key(self, head: Head) -> bytes:
        return self.store.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn)

    def _random_name(self) -> str:
        return self.store.random(_NAME_BYTES).hex()

    def _head(self) -> Head:
        return _head_of(self.mailboxes, self.mailbox_id)


@dataclass(slots=True)
class DryWriter:
    """Implements ``Writer``: it reads, and writes nothing. What it was given counts as entered."""

    mailbox_id: str
    mailboxes: Mailboxes
    new_folders: int = 0
    _tree: FolderTree | None = None
    _size: int = 0

    def write(self, messages: Sequence[Message]) -> Written:
        """See ``Writer``."""
        known = frozenset(self.mailboxes.added(self.mailbox_id, [message.token for message in messages]))
        fresh = [message for message in messages if message.token not in known]
        self.make_folders({message.place: MAIL for message in fresh})
        head = _head_of(self.mailboxes, self.mailbox_id)
        some = _with_room(replace(head, size=head.size + self._size), fresh)
        self._size += sum(len(message.content) for message in some)
        return Written(known, frozenset(message.token for message in some))

    def make_folders(self, places: Mapping[Place, str]) -> None:
        """See ``Writer``."""
        if self._tree is None:
            self._tree = FolderTree(self.mailboxes.folders(self.mailbox_id))
        numbers = count(self.new_folders)
        for place, folder_class in places.items():
            made = self._tree.make(place, folder_class, lambda: f"new {next(numbers)}")
            self.new_folders += len(made)
        _require_few(len(self._tree.ids) + self.new_folders)


def _head_of(mailboxes: Mailboxes, mailbox_id: str) -> Head:
    head = mailboxes.head(mailbox_id)
    if head is None:
        raise UnknownMailboxError("the mailbox is gone")
    return head


def _with_room(head: Head, messages: Sequence[Message]) -> Sequence[Message]:
    """Return the first messages that a mailbox has room for."""
    size = head.size
    for number, message in enumerate(messages):
        size += len(message.content)
        if size > head.quota_bytes:
            return messages[:number]
    return messages


def _weight(item: NewItem) -> int:
    """Return the bytes of an item's index entry that its source decides."""
    words = (*item.flags, *item.keywords, *item.categories, item.item_class)
    return len(item.summary) + sum(len(word.encode()) for word in words)


def _require_few(folders: int) -> None:
    if folders > MAX_FOLDERS:
        raise MailboxFullError(f"the mailbox would have more than {MAX_FOLDERS} folders")
