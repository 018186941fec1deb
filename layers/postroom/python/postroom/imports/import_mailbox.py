"""The station that imports a zip archive from a customer's bucket into a mailbox.

One run imports until shortly before the function's end, then sends its order again; the next run reads the archive from
its start and leaves what has its token row already. So a run may stop anywhere. The job's record decides: every run
reads it first, and again every few seconds, so that a cancellation or a deletion stops it. What has entered stays.

Items that enter between the last note in the job and a crash are counted as there before.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from postroom.contracts.import_orders import Importing as Why
from postroom.contracts.import_orders import ImportOrder
from postroom.effects.jobs import NO_JOB, change_job, job_of
from postroom.errors import PermanentError, PostroomError
from postroom.imports.importing import Importing
from postroom.imports.journal import Journal
from postroom.imports.zip_reader import read_zip
from postroom.model.facts import Fact, OwnFact
from postroom.model.imports import ImportCounts, MailboxImportJob
from postroom.model.jobs import JobState
from postroom.ports.transit import Commit, Outcome, Settle, SettleIfThere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from postroom.calendar_store.store import CalendarStore
    from postroom.imports.incoming import Found
    from postroom.imports.report import Report
    from postroom.ports.directory import JobRecords, MailboxOwners
    from postroom.ports.import_sources import ImportSources
    from postroom.ports.mailboxes import Mailboxes
    from postroom.ports.queues import Queues
    from postroom.ports.transit import Transit

LEFT_MS: Final = 60_000
"""Time before the function's end at which a run stops, in milliseconds: the last batch has to be written. Ours."""

NOTE_MS: Final = 10_000
"""Time between two looks at the job, in milliseconds. Ours."""

OWNER_GONE: Final = "the owner of the mailbox was deleted"
MAILBOX_GONE: Final = "the mailbox was removed"
TOO_SLOW: Final = "the archive is too large to be read in one run of the function; nothing more has entered"


@dataclass(frozen=True, slots=True)
class ImportMailbox:
    """Carries out orders to import.

    Attributes:
        now: gives milliseconds since the epoch.
        pause: ``pause(n)`` waits a little, longer as n grows.
    """

    records: JobRecords
    owners: MailboxOwners
    mailboxes: Mailboxes
    calendars: CalendarStore
    sources: ImportSources
    transit: Transit
    queues: Queues
    now: Callable[[], int]
    pause: Callable[[int], None]

    def accept(self, body: str, remaining_ms: Callable[[], int], *, comes_again: bool = False) -> None:
        """Carry out one order: the archive was imported, or a part of it, or the job has ended.

        Args:
            body: the SQS message's body.
            remaining_ms: returns the milliseconds until the function is stopped.
            comes_again: the queue hands this message out again, so the run that had it is over. Another message of the
                order, such as the sweep's, leaves a job alone on which a run works.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no order; after some attempts park reads it.
        """
        order = ImportOrder.read(body)
        if order.kind is Why.END:
            job = self.change(order, lambda job: job.end(JobState.FAILED, self.now(), order.cause))
            self._end(order, job)
            return
        job = self.job(order)
        if job is None or not job.is_running:
            self._end(order, job)
        elif comes_again or job.busy_until <= self.now():
            self._import(order, remaining_ms)

    def job(self, order: ImportOrder) -> MailboxImportJob | None:
        """Return an order's job; ``None`` if it was not started, or its organization is deleted."""
        return job_of(self.records, MailboxImportJob, order)

    def change(
        self, order: ImportOrder, how: Callable[[MailboxImportJob], MailboxImportJob]
    ) -> MailboxImportJob | None:
        """Change an order's job; see ``change_job``."""
        return change_job(self.records, MailboxImportJob, order, how, self.pause)

    def _import(self, order: ImportOrder, remaining_ms: Callable[[], int]) -> None:
        until = self.now() + remaining_ms()
        job = self.change(order, lambda job: replace(job, busy_until=until))
        if job is None or not job.is_running:
            self._end(order, job)
            return
        run = _Run(self, order, job, remaining_ms)
        try:
            run.run()
        except PermanentError as error:
            self._finish(order, run, JobState.FAILED, str(error))
        except PostroomError:
            self._pause_job(order, run)
            raise
        else:
            if run.is_whole:
                self._finish(order, run, JobState.COMPLETED)
            else:
                self._go_on(order, run)

    def _finish(self, order: ImportOrder, run: _Run, state: JobState, why: str | None = None) -> None:
        counts = run.counts()
        job = self.change(order, lambda job: job.at(run.percent, counts).end(state, self.now(), why))
        self._end(order, job)

    def _go_on(self, order: ImportOrder, run: _Run) -> None:
        """Send the order again for the next run."""
        if not run.has_moved:
            self._finish(order, run, JobState.FAILED, TOO_SLOW)
            return
        job = self._pause_job(order, run)
        if job is None or not job.is_running:
            self._end(order, job)
        else:
            self.queues.send([order])

    def _pause_job(self, order: ImportOrder, run: _Run) -> MailboxImportJob | None:
        """Note how far a run has got, and that no run works on the job."""
        return self.change(order, lambda job: replace(job.at(run.percent, run.counts()), busy_until=0))

    def _end(self, order: ImportOrder, job: MailboxImportJob | None) -> None:
        """End an order of a job that has ended."""
        if self.transit.commit(Commit([Settle(order)], [_ended(order, job, self.now())])) is not Outcome.DONE:
            self.transit.commit(Commit([SettleIfThere(order)]))  # the same order was made again after it had ended


@dataclass(slots=True)
class _Run:
    """One run through the archive. ``is_whole`` afterwards: the end was reached."""

    station: ImportMailbox
    order: ImportOrder
    job: MailboxImportJob
    remaining_ms: Callable[[], int]
    is_whole: bool = False
    percent: int = 0
    report: Report | None = None
    _noted: int = field(init=False)

    def __post_init__(self) -> None:
        self._noted = self.station.now()

    @property
    def has_moved(self) -> bool:
        """Whether anything has entered, or more of the archive is known."""
        return self.counts().entered > self.job.counts.entered or self.percent > self.job.percent

    def run(self) -> None:
        """Import as much as there is time for.

        Raises:
            PostroomError: as ``Importing.run``; the owner or the mailbox is gone.
        """
        station, mailbox_id = self.station, self.job.entity_id
        self._require_mailbox()
        file, size = station.sources.open(self.job)
        with file, Journal() as journal:
            importing = Importing.into(
                mailbox_id, station.mailboxes, station.calendars, journal=journal, pause=station.pause
            )
            self.report = importing.report
            importing.run(self._until_stopped(file, size))

    def counts(self) -> ImportCounts:
        """Return the job's counts: what earlier runs have entered is there before for this one."""
        before = self.job.counts
        if self.report is None:
            return before
        total = self.report.total()
        return ImportCounts(
            entered=before.entered + total.added,
            known=max(before.known, total.known - before.entered),
            skipped=max(before.skipped, self.report.skipped + total.refused),
        )

    def _until_stopped(self, file: BinaryIO, size: int) -> Iterator[Found]:
        for found in read_zip(file):
            if self.remaining_ms() < LEFT_MS or not self._is_wanted():
                return
            yield found
            self.percent = max(self.percent, file.tell() * 100 // max(size, 1))
        self.is_whole = True

    def _is_wanted(self) -> bool:
        """Say whether the job still runs; look, and note what was done, every few seconds."""
        now = self.station.now()
        if now - self._noted < NOTE_MS:
            return True
        self._noted = now
        self._require_mailbox()
        counts = self.counts()
        job = self.station.change(self.order, lambda job: job.at(self.percent, counts))
        return job is not None and job.is_running

    def _require_mailbox(self) -> None:
        if self.station.owners.owner(self.job.organization_id, self.job.entity_id) is None:
            raise _GoneError(OWNER_GONE)
        if self.station.mailboxes.head(self.job.entity_id) is None:
            raise _GoneError(MAILBOX_GONE)


class _GoneError(PermanentError):
    """The mailbox, or its owner, is gone."""


def _ended(order: ImportOrder, job: MailboxImportJob | None, now_ms: int) -> Fact:
    is_whole = job is not None and job.state is JobState.COMPLETED
    name = OwnFact.IMPORT_COMPLETED if is_whole else OwnFact.IMPORT_ENDED
    said: dict[str, object] = {"jobId": order.job_id, "state": job.state.value if job else NO_JOB}
    if job is not None:
        said |= {"items": job.counts.entered}
        if job.error_info:
            said |= {"cause": job.error_info}
    return Fact(order.trace, order.organization_id, name, f"{name}:{order.key}", now_ms, data=said)
