"""Jobs that move a mailbox out of or into a customer's bucket: what exports and imports have in common.

A job is RUNNING until its station, a fault or an administrator ends it; an ended job never changes again. Stations read
the job before each of their steps: one that has ended stops them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

from postroom.model.limits import DAY_MS
from postroom.model.owned import Owned

MAX_RUNNING: Final = 10
"""Most jobs of a kind and organization that run at once. Source: guide, ZH:7345, for exports; ours for imports."""

LISTED_MS: Final = 7 * DAY_MS
"""Milliseconds from its start in which a job is listed. Source: model, ListMailboxExportJobs."""

KEPT_S: Final = 7 * 86_400
"""Seconds for which the record of a job is kept after the job has ended. Ours."""

MAX_ERROR_CHARACTERS: Final = 1024
"""Source: model, MailboxExportErrorInfo."""


class JobState(StrEnum):
    """Source: model, MailboxExportJobState."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Owned):
    """A job. Times are milliseconds since the epoch, except ``expires``.

    Attributes:
        entity_id: the user or resource that owns the mailbox.
        role_arn: the customer's role, under which the bucket is written or read.
        external_id: STS's ExternalId, with which the role is always assumed: the organization's ARN. With a condition
            on it, a role excludes the other organizations of the account.
        error_info: why the job failed, or what stops it now; at most ``MAX_ERROR_CHARACTERS``.
        expires: in seconds since the epoch; None while the job runs.
    """

    id: str
    entity_id: str
    role_arn: str
    external_id: str
    bucket: str
    started: int
    description: str | None = None
    state: JobState = JobState.RUNNING
    error_info: str | None = None
    ended: int | None = None
    expires: int | None = None

    @property
    def key(self) -> str:
        """Its id."""
        return self.id

    @property
    def trace(self) -> str:
        """The trace of its orders and facts."""
        raise NotImplementedError

    @property
    def progress(self) -> int:
        """The estimated progress, in percent; only a completed job has 100."""
        raise NotImplementedError

    @property
    def is_running(self) -> bool:
        """Whether its stations go on."""
        return self.state is JobState.RUNNING

    def end(self, state: JobState, now_ms: int, error_info: str | None = None) -> Self:
        """Return the job after its end."""
        info = error_info[:MAX_ERROR_CHARACTERS] if error_info else None
        return replace(self, state=state, ended=now_ms, error_info=info, expires=now_ms // 1000 + KEPT_S)

    def is_listed(self, now_ms: int) -> bool:
        """Say whether the job is one of the last seven days."""
        return now_ms - self.started < LISTED_MS
