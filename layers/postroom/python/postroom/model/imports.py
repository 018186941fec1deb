"""Jobs that import a zip archive from a customer's bucket into a mailbox (ours; Amazon WorkMail has none).

What has entered the mailbox stays there, however the job ends: a new job of the same archive leaves it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from postroom.model.jobs import Job, JobState
from postroom.model.limits import MB

MAX_ARCHIVE_BYTES: Final = 10_240 * MB
"""Largest archive of a job: it is read from its start in every run of the function. Ours."""

IMPORT_PREFIX: Final = "import:"
"""Prefix of the traces of imports."""

_LAST_PERCENT: Final = 99
"""Progress of a job that is not completed, at most."""


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """Items of the archive, as far as it was read.

    Attributes:
        entered: entered the mailbox by this job.
        known: were in the mailbox before, or the calendar has a newer version.
        skipped: are no mail, or cannot enter.
    """

    entered: int = 0
    known: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxImportJob(Job):
    """A job, and how far its station is.

    Attributes:
        path: key of the archive in the bucket.
        etag: entity tag of the archive when the job was started; another object is refused.
        busy_until: a run of the station works on it until then, unless it stops; another run leaves it alone.
        percent: of the archive that was gone through; it never falls.
    """

    family: ClassVar[str] = "IMPORT"
    path: str
    etag: str
    busy_until: int = 0
    percent: int = 0
    counts: ImportCounts = ImportCounts()

    @property
    def trace(self) -> str:
        """The trace of its orders and facts."""
        return import_trace(self.id)

    @property
    def account(self) -> str:
        """The role's account, which owns the bucket, too."""
        return self.role_arn.split(":")[4]

    @property
    def progress(self) -> int:
        """The estimated progress, in percent."""
        return 100 if self.state is JobState.COMPLETED else self.percent

    def at(self, percent: int, counts: ImportCounts) -> MailboxImportJob:
        """Return the job after more of the archive was gone through."""
        reached = max(self.percent, min(percent, _LAST_PERCENT))
        return replace(self, percent=reached, counts=counts, error_info=None)


def import_trace(job_id: str) -> str:
    """Return the trace of a job's orders and facts."""
    return f"{IMPORT_PREFIX}{job_id}"
