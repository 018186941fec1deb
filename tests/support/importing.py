"""Imports into a mailbox in memory, and what the mailbox has then."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from postroom.imports.importing import Importing
from postroom.imports.incoming import Incoming, Place
from postroom.imports.journal import Journal
from postroom.imports.reconcile import Reconciling
from postroom.model.folders import Folder
from postroom.sealing import open_message
from tests.support.builders import NOON
from tests.support.calendars import Calendar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from postroom.imports.incoming import Found
    from postroom.imports.report import Report, Tally
    from postroom.model.mailbox import Item

INBOX = Place(Folder.INBOX)


class Kept(NamedTuple):
    """An item of a mailbox: its folder's path, by names, and what must survive an import."""

    folder: tuple[str, ...]
    sha256: str
    received: int
    read: bool
    flags: tuple[str, ...]
    keywords: tuple[str, ...]
    categories: tuple[str, ...]


def message(number: int = 1, place: Place = INBOX, **changes: Any) -> Incoming:
    made: dict[str, Any] = {"content": b"Subject: %d\r\n\r\nbody %d\r\n" % (number, number), "received": NOON - number}
    return Incoming(**{"source": f"{number}.eml", "place": place, **made, **changes})


@dataclass
class ImportedMailbox(Calendar):
    """Ann's mailbox. ``at`` is called before each call of a store, by name."""

    pauses: list[int] = field(default_factory=list)

    def importing(self, journal: Journal, *, dry_run: bool = False, **stores: Any) -> Importing:
        return Importing.into(
            "ann",
            stores.get("mailboxes", self.mailboxes),
            stores.get("store", self.store),
            journal=journal,
            pause=self.pauses.append,
            dry_run=dry_run,
        )

    def run(self, found: Iterable[Found], *, dry_run: bool = False) -> Report:
        """Import, and compare the mailbox with what was read."""
        with Journal() as journal:
            importing = self.importing(journal, dry_run=dry_run)
            importing.run(found)
            if not dry_run:
                Reconciling("ann", self.mailboxes, self.store).run(journal, importing.report)
            return importing.report

    def total(self, found: Iterable[Found]) -> Tally:
        return self.run(found).total()

    def items(self) -> list[Item]:
        return [item for folder in self.paths() for item in self.mailboxes.items("ann", folder)]

    def paths(self) -> dict[str, tuple[str, ...]]:
        """Return the names of each folder and those above it, by its id."""
        known = {folder.id: folder for folder in self.mailboxes.folders("ann")}

        def names(folder: str) -> tuple[str, ...]:
            parent = known[folder].parent
            return (*(names(parent) if parent else ()), known[folder].name)

        return {folder: names(folder) for folder in known}

    def kept(self) -> Counter[Kept]:
        paths, found = self.paths(), Counter[Kept]()
        for folder, path in paths.items():
            for item in self.mailboxes.items("ann", folder):
                sha256 = hashlib.sha256(self.content(item)).hexdigest()
                marks = (item.received, item.read, item.flags, item.keywords, item.categories)
                found[Kept(path, sha256, *marks)] += 1
        return found

    def content(self, item: Item) -> bytes:
        return b"".join(open_message(self.blobs.get(item.blob), mailbox_key=self.open().key, place=item.blob))

    def in_use(self) -> set[str]:
        return {item.blob for item in self.items()}

    def check(self) -> None:
        """Check that every sealed object is an item's or noted, and that the head counts what there is."""
        head, items = self.mailboxes.head("ann"), self.items()
        assert head is not None
        noted = {blob for note in self.calendars.notes("ann", before_ms=1 << 60) for blob in note.blobs}
        assert self.in_use() <= self.objects() <= self.in_use() | noted
        assert head.size == sum(item.size for item in items)
        for folder, counters in head.folders.items():
            here = self.mailboxes.items("ann", folder)
            assert (counters.total, counters.uid_next) == (len(here), len(here) + 1)
            assert counters.unread == sum(not item.read for item in here)
            assert counters.size == sum(item.size for item in here)


def each_call(target: object, before: Callable[[str], None], after: Callable[[str], None]) -> Any:
    """Return an object whose methods are those of ``target``, with a call before and after each."""

    class Around:
        def __getattr__(self, name: str) -> Any:
            value = getattr(target, name)
            if not callable(value):
                return value

            def call(*arguments: Any, **named: Any) -> Any:
                before(name)
                answer = value(*arguments, **named)
                after(name)
                return answer

            return call

    return Around()
