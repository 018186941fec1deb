"""Jobs that import a zip archive from a customer's bucket into a mailbox (ours; Amazon WorkMail has none).

A job is RUNNING until its station, a fault or an administrator ends it; an ended job never changes again. What has
entered the mailbox stays there, however the job ends: a new job of the same archive leaves it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Final

from postroom.model.limits import DAY_MS, MB
from postroom.model.owned import Owned

MAX_RUNNING_IMPORTS: Final = 10
"""Most jobs of an organization that run at once: as many as exports. Ours."""

MAX_ARCHIVE_BYTES: Final = 10_240 * MB
"""Largest archive of a job: it is read from its start in every run of the function. Ours."""

IMPORT_PREFIX: Final = "import:"
"""Prefix of the traces of imports."""

_LISTED_MS: Final = 7 * DAY_MS
_KEPT_S: Final = 7 * 86_400
_MAX_ERROR_CHARACTERS: Final = 1024
_LAST_PERCENT: Final = 99
"""As for exports: see ``model.exports``. Only a completed job has 100 percent."""


class ImportState(StrEnum):
    """The states of export jobs."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


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
class MailboxImportJob(Owned):
    """A job. Times are milliseconds since the epoch, except ``expires``.

    Attributes:
        entity_id: the user or resource that owns the mailbox.
        role_arn: the customer's role, under which the archive is read.
        external_id: STS's ExternalId, with which the role is always assumed: the organization's ARN.
        path: key of the archive in the bucket.
        etag: entity tag of the archive when the job was started; another object is refused.
        busy_until: a run of the station works on it until then, unless it stops; another run leaves it alone.
        percent: of the archive that was gone through; it never falls.
        expires: in seconds since the epoch; None while the job runs.
    """

    family: ClassVar[str] = "IMPORT"
    id: str
    entity_id: str
    role_arn: str
    external_id: str
    bucket: str
    path: str
    etag: str
    started: int
    description: str | None = None
    state: ImportState = ImportState.RUNNING
    error_info: str | None = None
    ended: int | None = None
    busy_until: int = 0
    percent: int = 0
    counts: ImportCounts = ImportCounts()
    expires: int | None = None

    @property
    def key(self) -> str:
        """Its id."""
        return self.id

    @property
    def trace(self) -> str:
        """The trace of its orders and facts."""
        return import_trace(self.id)

    @property
    def account(self) -> str:
        """The role's account, which owns the bucket, too."""
        return self.role_arn.split(":")[4]

    @property
    def is_running(self) -> bool:
        """Whether its station goes on."""
        return self.state is ImportState.RUNNING

    @property
    def progress(self) -> int:
        """The estimated progress, in percent."""
        return 100 if self.state is ImportState.COMPLETED else self.percent

    def at(self, percent: int, counts: ImportCounts) -> MailboxImportJob:
        """Return the job after more of the archive was gone through."""
        reached = max(self.percent, min(percent, _LAST_PERCENT))
        return replace(self, percent=reached, counts=counts, error_info=None)

    def end(self, state: ImportState, now_ms: int, error_info: str | None = None) -> MailboxImportJob:
        """Return the job after its end."""
        info = error_info[:_MAX_ERROR_CHARACTERS] if error_info else None
        return replace(self, state=state, ended=now_ms, error_info=info, expires=now_ms // 1000 + _KEPT_S)

    def is_listed(self, now_ms: int) -> bool:
        """Say whether the job is one of the last seven days."""
        return now_ms - self.started < _LISTED_MS


def import_trace(job_id: str) -> str:
    """Return the trace of a job's orders and facts."""
    return f"{IMPORT_PREFIX}{job_id}"
