"""Enters calendar files into the calendar of a mailbox: events of many files in one transaction."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.calendar_store.imports import FULL, Import, Result, compared
from postroom.calendar_store.store import Put
from postroom.calendars.objects import read_calendar
from postroom.errors import InvalidCalendarError, MailboxFullError
from postroom.imports.folders import path
from postroom.imports.journal import Expected
from postroom.imports.report import What
from postroom.imports.writer import again
from postroom.model.limits import MB
from postroom.ports.calendars import MAX_CHANGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.calendar_store.imports import Imported
    from postroom.imports.incoming import Incoming
    from postroom.imports.journal import Journal
    from postroom.imports.report import Report
    from postroom.model.mailbox import Marks

MAX_WAITING_BYTES: Final = 4 * MB
"""Most bytes of events that wait for others before they are written together. Ours."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    put: Put
    folder: str
    source: str


@dataclass(slots=True)
class EventWriter:
    """Enters events. Without ``writes`` it only says what would become of them."""

    calendar: Import
    report: Report
    journal: Journal
    writes: bool
    _waiting: dict[str, _Waiting] = field(default_factory=dict)
    _size: int = 0

    def add(self, incoming: Incoming, source: str, marks: Marks) -> None:
        """Enter the events of a file, now or with those of later files.

        Raises:
            MailboxFullError: there is no room for one of the events that waited.
            TemporaryError: a store did not answer, or others change the mailbox all the time.
        """
        folder = path(incoming.place)
        tally = self.report.folder(folder)
        try:
            read = read_calendar(incoming.content)
            if not (read.objects or read.refused):
                raise InvalidCalendarError("no event")  # noqa: TRY301 - as other data that is none
        except InvalidCalendarError as error:
            tally.read += 1
            tally.read_bytes += len(incoming.content)
            self.report.problem(What.REFUSED, folder, source, str(error))
            return
        for refused in read.refused:
            tally.read += 1
            self.report.problem(What.REFUSED, folder, source, refused.why)
        for one in read.objects:
            if one.uid in self._waiting or len(self._waiting) == MAX_CHANGES or self._size > MAX_WAITING_BYTES:
                self.flush()
            tally.read += 1
            tally.read_bytes += len(one.ics)
            self._waiting[one.uid] = _Waiting(Put(one, marks=marks), folder, source)
            self._size += len(one.ics)

    def flush(self) -> None:
        """Enter the events that wait. Raises what ``add`` raises."""
        waiting, self._waiting, self._size = self._waiting, {}, 0
        for result in self._results([one.put for one in waiting.values()]):
            self._count(waiting[result.uid], result)

    def _results(self, puts: list[Put]) -> Iterable[Imported]:
        if not puts:
            return ()
        if self.writes:
            return again(lambda: list(self.calendar.put(puts)), self.calendar.pause)
        calendar = self.calendar.store.require(self.calendar.mailbox_id)
        return compared(calendar, puts)[1]

    def _count(self, one: _Waiting, result: Imported) -> None:
        tally, size = self.report.folder(one.folder), len(one.put.new.ics)
        match result.result:
            case Result.REFUSED if result.why == FULL:
                raise MailboxFullError(f"{FULL}: no room for the {size} bytes of {one.source}")
            case Result.REFUSED:
                self.report.problem(What.REFUSED, one.folder, one.source, result.why)
                return
            case Result.LEFT if result.why:
                self.report.problem(What.OLDER, one.folder, one.source, result.why)
                return
            case Result.LEFT:
                tally.known += 1
            case _:
                tally.added += 1
                tally.added_bytes += size
        sha256 = hashlib.sha256(one.put.new.ics).hexdigest()
        self.journal.expect_event(Expected(result.uid, sha256, size, one.folder, one.source))
