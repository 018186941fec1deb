"""Puts objects of calendar files into a calendar. It may be repeated: what the calendar has already is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from postroom.calendar_store.sealed import version_of
from postroom.calendar_store.store import Put
from postroom.errors import ConflictError, InvalidCalendarError, MailboxFullError
from postroom.model.limits import MAX_MESSAGE_BYTES
from postroom.ports.calendars import MAX_CHANGE_BYTES, MAX_CHANGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from postroom.calendar_store.store import CalendarStore, OpenCalendar
    from postroom.calendars.objects import CalendarObject

MAX_RACES: Final = 8
"""How often a batch is tried again because the mailbox has changed meanwhile. Ours."""

SUMMARY_BYTES: Final = 8 * 1024
"""Allowance for what the index keeps of an object beside its entry, in bytes."""

FULL: Final = "the mailbox is full"
"""Why an object is refused for which there is no room."""


class Result(StrEnum):
    """What became of an object."""

    ADDED = "added"
    REPLACED = "replaced"
    LEFT = "left"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Imported:
    """The result for one object; ``why`` says why it was refused, or left."""

    uid: str
    result: Result
    why: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """Imports into one mailbox. ``pause(n)`` waits a little, longer as n grows."""

    store: CalendarStore
    mailbox_id: str
    pause: Callable[[int], None]

    def run(self, objects: Iterable[CalendarObject]) -> Iterator[Imported]:
        """Put objects into the calendar; see ``put``."""
        return self.put(map(Put, objects))

    def put(self, puts: Iterable[Put]) -> Iterator[Imported]:
        """Put objects with their marks into the calendar, some at a time, and yield a result for each.

        An object replaces one with the same UID if its SEQUENCE, or at the same SEQUENCE its DTSTAMP, is greater. A
        series is never replaced by changed instances alone.

        Raises:
            UnknownMailboxError: the mailbox is gone.
            StoreUnavailableError: a table or bucket did not answer. What was yielded is done.
            ConflictError: others change the mailbox all the time. What was yielded is done.
        """
        batch: list[Put] = []
        size = 0
        for put in puts:
            one = put.new
            try:
                weight = len(one.entry.freeze()) + SUMMARY_BYTES
            except InvalidCalendarError as error:
                yield Imported(one.uid, Result.REFUSED, str(error))
                continue
            if len(one.ics) > MAX_MESSAGE_BYTES:
                yield Imported(one.uid, Result.REFUSED, f"an event of more than {MAX_MESSAGE_BYTES} bytes")
                continue
            is_full = len(batch) == MAX_CHANGES or size + weight > MAX_CHANGE_BYTES
            if is_full or any(one.uid == other.new.uid for other in batch):
                yield from self._put(batch)
                batch, size = [], 0
            batch.append(put)
            size += weight
        yield from self._put(batch)
        self.store.remove_left_over(self.mailbox_id)

    def _put(self, batch: Sequence[Put]) -> Iterator[Imported]:
        """Put a batch; where it does not fit into the mailbox, each object of it alone."""
        if not batch:
            return
        try:
            yield from self._put_together(batch)
        except MailboxFullError:
            for put in batch:
                try:
                    yield from self._put_together([put])
                except MailboxFullError:
                    yield Imported(put.new.uid, Result.REFUSED, FULL)

    def _put_together(self, batch: Sequence[Put]) -> Sequence[Imported]:
        for attempt in range(MAX_RACES):
            calendar = self.store.require(self.mailbox_id)
            changes, results = compared(calendar, batch)
            try:
                if changes:
                    calendar.change(changes)
            except ConflictError:
                self.pause(attempt)
            else:
                return results
        raise ConflictError(f"others were faster {MAX_RACES} times")


def compared(calendar: OpenCalendar, batch: Sequence[Put]) -> tuple[list[Put], list[Imported]]:
    """Return the changes that bring a calendar up to the objects, and the result for each object."""
    known = calendar.find_all([put.new.uid for put in batch])
    changes: list[Put] = []
    results: list[Imported] = []
    for put in batch:
        one = put.new
        old = known.get(one.uid)
        if old is not None and old.stored.times.recurs and one.master is None:
            results.append(Imported(one.uid, Result.REFUSED, "a change of instances, without the series"))
        elif old is None or version_of(one) > old.summary.version:
            changes.append(replace(put, replaces=old))
            results.append(Imported(one.uid, Result.REPLACED if old else Result.ADDED))
        else:
            is_same = version_of(one) == old.summary.version
            results.append(Imported(one.uid, Result.LEFT, "" if is_same else "the calendar has a newer version"))
    return changes, results
