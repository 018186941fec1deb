"""What the operations of export jobs and of import jobs share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from postroom.admin import lookup, pages
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import (
    EntityNotFoundException,
    InvalidParameterException,
    LimitExceededException,
)
from postroom.model.directory import EntityKind, EntityState
from postroom.model.facts import Fact
from postroom.model.jobs import MAX_RUNNING, Job
from postroom.model.records import Insert, Replace
from postroom.ports.directory import every_owned
from postroom.ports.transit import Commit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postroom.admin.context import Context
    from postroom.admin.idempotency import Replay
    from postroom.contracts.stored import Order
    from postroom.model.facts import OwnFact
    from postroom.model.records import Entity, Organization

JobT = TypeVar("JobT", bound=Job)


def mailbox_owner(context: Context, organization: Organization, identifier: str) -> Entity:
    """Return the owner of a job's mailbox, a disabled one included.

    Raises:
        EntityNotFoundException: no user or resource has the identifier, or it has no mailbox.
    """
    owner = lookup.entity(context, organization.id, identifier, EntityKind.USER, EntityKind.RESOURCE)
    if owner.state is EntityState.DELETED or context.mailboxes.head(owner.id) is None:
        raise EntityNotFoundException(f"EntityId: {identifier} has no mailbox.")
    return owner


def find(context: Context, kind: type[JobT], organization: Organization, job_id: str) -> JobT:
    """Return a job by its id.

    Raises:
        EntityNotFoundException: the organization has none.
    """
    job = context.directory.owned(kind, organization.id, job_id)
    if job is None:
        raise EntityNotFoundException(f"There is no mailbox {kind.family.lower()} job {job_id} in the organization.")
    return job


def every(context: Context, kind: type[JobT], organization: Organization) -> list[JobT]:
    """Return the jobs of an organization."""
    return list(every_owned(context.directory, kind, organization.id))


def require_room(kind: type[JobT], known: Iterable[JobT]) -> None:
    """Check that one more job of a kind may run, with those of its organization.

    Raises:
        LimitExceededException: as many run as may.
    """
    if sum(job.is_running for job in known) >= MAX_RUNNING:
        raise LimitExceededException(
            f"At most {MAX_RUNNING} mailbox {kind.family.lower()} jobs of an organization run at once."
        )


def require_running(job: Job) -> None:
    """Check that a job can be cancelled.

    Raises:
        InvalidParameterException: it has ended.
    """
    if not job.is_running:
        raise InvalidParameterException(f"JobId: job {job.id} is {job.state} and cannot be cancelled.")


def page(
    context: Context, operation: str, request: Mapping[str, Any], kind: type[JobT], now: int
) -> tuple[list[JobT], str | None]:
    """Return a page of the jobs that were started in the last seven days, by id, and the token of the next page."""
    organization = lookup.organization(context, request["OrganizationId"])
    return pages.page(
        context,
        operation,
        request,
        lambda after: (
            job for job in every_owned(context.directory, kind, organization.id, after) if job.is_listed(now)
        ),
        lambda job: job.id,
    )


def begin(context: Context, organization: Organization, job: Job, fact: Fact, order: Order, replay: Replay) -> None:
    """Write the order that begins a job, then the job, then send the order.

    So a job has its order whenever the function stops, and an order without a job ends at its station. The organization
    is replaced with the job, so that of two starts at once the second counts the first.
    """
    context.transit.commit(Commit(facts=[fact], orders=[order]))
    context.directory.commit([Replace(organization), Insert(job), *replay.remember(job.id)])
    context.queues.send([order])


def started(job: Job, name: OwnFact, path: str) -> Fact:
    """Return the fact that a job was started; ``path`` is the key of its archive."""
    said = {"jobId": job.id, "mailboxId": job.entity_id, "bucket": job.bucket, "path": path}
    return Fact(job.trace, job.organization_id, name, name.value, job.started, data=said)


def listed(job: Job, **own: object) -> dict[str, Any]:
    """Return what a list shows of a job, with what only its kind has."""
    return present(
        JobId=job.id,
        EntityId=job.entity_id,
        Description=job.description,
        S3BucketName=job.bucket,
        **own,
        EstimatedProgress=job.progress,
        State=job.state.value,
        StartTime=seconds(job.started),
        EndTime=seconds(job.ended),
    )
