"""Compares a mailbox with what an import has read: every item is read back, opened and hashed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.batching import batched
from postroom.errors import PermanentError
from postroom.imports.report import What
from postroom.sealing import open_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from postroom.calendar_store.store import CalendarStore, OpenCalendar
    from postroom.imports.journal import Expected, Journal
    from postroom.imports.report import Report
    from postroom.model.mailbox import Item
    from postroom.ports.mailboxes import Mailboxes

CHUNK: Final = 100
"""Items that are looked up at once. Ours."""

GONE: Final = "it is not in the mailbox"


@dataclass(frozen=True, slots=True)
class Reconciling:
    """Reads back one import. ``progress`` is called with the bytes of each item; ``executor`` reads several at once."""

    mailbox_id: str
    mailboxes: Mailboxes
    store: CalendarStore
    progress: Callable[[int], None] = lambda _: None

    def run(self, journal: Journal, report: Report) -> None:
        """Count the items that are as they were read, and name the others.

        Raises:
            UnknownMailboxError: the mailbox is gone.
            TemporaryError: a store did not answer.
        """
        calendar = self.store.require(self.mailbox_id)
        for chunk in batched(journal.messages(), CHUNK):
            found = self.mailboxes.added(self.mailbox_id, [one.name for one in chunk])
            self._compare(calendar, chunk, found, report)
        for chunk in batched(journal.events(), CHUNK):
            known = calendar.find_all([one.name for one in chunk])
            self._compare(calendar, chunk, {uid: one.item for uid, one in known.items()}, report)

    def _compare(
        self, calendar: OpenCalendar, chunk: Sequence[Expected], found: Mapping[str, Item], report: Report
    ) -> None:
        def fault(expected: Expected) -> str:
            item = found.get(expected.name)
            return GONE if item is None else _fault(calendar, item, expected)

        for expected, why in zip(chunk, _mapped(fault, chunk, self.store.executor), strict=True):
            if why:
                report.problem(What.DIFFERS, expected.folder, expected.source, why)
            else:
                tally = report.folder(expected.folder)
                tally.found += 1
                tally.found_bytes += expected.size
            self.progress(expected.size)


def _mapped(do: Callable[[Expected], str], chunk: Iterable[Expected], executor: Executor | None) -> Iterator[str]:
    return map(do, chunk) if executor is None else executor.map(do, chunk)


def _fault(calendar: OpenCalendar, item: Item, expected: Expected) -> str:
    """Return why an item is not as it was read; nothing if it is."""
    digest, size = hashlib.sha256(), 0
    try:
        for piece in open_message(calendar.store.sealed.get(item.blob), mailbox_key=calendar.key, place=item.blob):
            digest.update(piece)
            size += len(piece)
    except PermanentError as error:
        return error.cause
    if (digest.hexdigest(), size, item.size) != (expected.sha256, expected.size, expected.size):
        return "its bytes are not those that were read"
    return ""
