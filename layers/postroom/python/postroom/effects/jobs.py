"""The record of a job, as its stations read and change it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from postroom.errors import ConflictError
from postroom.model.jobs import Job
from postroom.model.records import Replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.ports.directory import JobRecords

MAX_RACES: Final = 12
"""How often a job's record is changed anew, as others are faster, before the queue waits. Ours."""

NO_JOB: Final = "NONE"
"""State in the fact of an order that has no job."""

JobT = TypeVar("JobT", bound=Job)


class JobOrder(Protocol):
    """An order of a job."""

    @property
    def organization_id(self) -> str:
        """The job's."""

    @property
    def job_id(self) -> str:
        """The job's."""


def job_of(records: JobRecords, kind: type[JobT], order: JobOrder) -> JobT | None:
    """Return an order's job; ``None`` if it was not started, or its organization is deleted."""
    return records.owned(kind, order.organization_id, order.job_id)


def change_job(
    records: JobRecords,
    kind: type[JobT],
    order: JobOrder,
    how: Callable[[JobT], JobT | None],
    pause: Callable[[int], None],
) -> JobT | None:
    """Change an order's job, again as long as others are faster.

    Args:
        how: returns the changed job; ``None``, or the same, if it stays as it is. A job that has ended is not passed
            to it.
        pause: ``pause(n)`` waits a little, longer as n grows.

    Returns:
        The job as it is now; ``None`` if there is none.

    Raises:
        ConflictError: others were faster again and again.
    """
    for attempt in range(MAX_RACES):
        job = job_of(records, kind, order)
        if job is None or not job.is_running:
            return job
        changed = how(job)
        if changed is None or changed == job:
            return job
        try:
            records.commit([Replace(changed)])
        except ConflictError:
            pause(attempt)
        else:
            return replace(changed, version=job.version + 1)
    raise ConflictError(f"others have changed the job {MAX_RACES} times")
