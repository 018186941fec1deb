"""StartMailboxExportJob, CancelMailboxExportJob, DescribeMailboxExportJob, ListMailboxExportJobs.

A start writes the order that plans the export, then the job, then sends the order: a job has its order whenever the
function stops, and an order without a job ends at its station. A cancellation likewise writes the order that removes
what there is of the job, then the job, then sends the order. Each start also replaces the organization, so that of two
starts at once the second counts the first. Source: guide, "Exporting mailbox content" (ZH:7189-7350); for what it
does not say, docs/parity.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.admin import export_targets, idempotency, lookup, pages
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import (
    EntityNotFoundException,
    InvalidParameterException,
    LimitExceededException,
)
from postroom.contracts.export_orders import PlanExportOrder, destination_of, end_order
from postroom.model.directory import EntityKind, EntityState
from postroom.model.exports import MailboxExportJob
from postroom.model.facts import Fact, OwnFact
from postroom.model.jobs import MAX_RUNNING, JobState
from postroom.model.records import Insert, Replace
from postroom.ports.directory import every_owned
from postroom.ports.transit import Commit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Entity, Organization


def start(
    context: Context, request: requests.StartMailboxExportJobRequest, now: int
) -> answers.StartMailboxExportJobResponse:
    """Start the export of a mailbox, after everything that it needs was checked."""
    organization = lookup.organization(context, request["OrganizationId"])
    replay = idempotency.look_up(context, "StartMailboxExportJob", request, now)
    if replay.answer is not None:
        return {"JobId": replay.answer}
    owner = _owner(context, organization, request["EntityId"])
    _check_limits(context, organization, owner, now)
    job_id = context.new_uuid()
    export_targets.check(context, organization, request, job_id)
    job = MailboxExportJob(
        organization_id=organization.id,
        id=job_id,
        entity_id=owner.id,
        role_arn=request["RoleArn"],
        external_id=organization.arn,
        key_arn=request["KmsKeyArn"],
        bucket=request["S3BucketName"],
        prefix=request["S3Prefix"],
        description=request.get("Description"),
        started=now,
    )
    order = PlanExportOrder(
        trace=job.trace, organization_id=organization.id, job_id=job_id, destination=destination_of(job)
    )
    context.transit.commit(Commit(facts=[_started(job)], orders=[order]))
    context.directory.commit([Replace(organization), Insert(job), *replay.remember(job_id)])
    context.queues.send([order])
    return {"JobId": job_id}


def cancel(
    context: Context, request: requests.CancelMailboxExportJobRequest, now: int
) -> answers.CancelMailboxExportJobResponse:
    """Cancel a job: its stations stop, and remove what they have written. Cancelling it again changes nothing."""
    organization = lookup.organization(context, request["OrganizationId"])
    replay = idempotency.look_up(context, "CancelMailboxExportJob", request, now)
    if replay.answer is not None:
        return {}
    job = _job(context, organization, request["JobId"])
    if job.state is not JobState.CANCELLED:
        _check_cancellable(job)
        order = end_order(job.trace, organization.id, job.id)
        context.transit.commit(Commit(orders=[order]))
        context.directory.commit([Replace(job.end(JobState.CANCELLED, now)), *replay.remember(job.id)])
        context.queues.send([order])
    return {}


def describe(context: Context, request: requests.DescribeMailboxExportJobRequest, _now: int) -> dict[str, Any]:
    """Describe a job: while it runs, and for a week after its end."""
    organization = lookup.organization(context, request["OrganizationId"])
    job = _job(context, organization, request["JobId"])
    listed = _listed(job)
    del listed["JobId"]
    return listed | present(
        RoleArn=job.role_arn, KmsKeyArn=job.key_arn, S3Prefix=job.prefix, ErrorInfo=job.error_info or None
    )


def list_(context: Context, request: requests.ListMailboxExportJobsRequest, now: int) -> dict[str, Any]:
    """List the jobs that were started in the last seven days, ordered by id."""
    organization = lookup.organization(context, request["OrganizationId"])
    found, token = pages.page(
        context,
        "ListMailboxExportJobs",
        request,
        lambda after: (job for job in _all(context, organization.id, after) if job.is_listed(now)),
        lambda job: job.id,
    )
    return present(Jobs=[_listed(job) for job in found], NextToken=token)


def _started(job: MailboxExportJob) -> Fact:
    said = {"jobId": job.id, "mailboxId": job.entity_id, "bucket": job.bucket, "path": job.path}
    name = OwnFact.EXPORT_STARTED
    return Fact(job.trace, job.organization_id, name, name.value, job.started, data=said)


def _owner(context: Context, organization: Organization, identifier: str) -> Entity:
    """Return the owner of the mailbox to export, a disabled one included."""
    owner = lookup.entity(context, organization.id, identifier, EntityKind.USER, EntityKind.RESOURCE)
    if owner.state is EntityState.DELETED or context.mailboxes.head(owner.id) is None:
        raise EntityNotFoundException(f"EntityId: {identifier} has no mailbox.")
    return owner


def _check_limits(context: Context, organization: Organization, owner: Entity, now: int) -> None:
    jobs = list(_all(context, organization.id))
    barring = next((job for job in jobs if job.entity_id == owner.id and job.bars_next(now)), None)
    if barring is not None:
        why = "is running" if barring.is_running else "was started less than 24 hours ago"
        raise LimitExceededException(
            f"A mailbox can be exported once in 24 hours, and job {barring.id} of {owner.id} {why}."
        )
    if sum(job.is_running for job in jobs) >= MAX_RUNNING:
        raise LimitExceededException(f"At most {MAX_RUNNING} mailbox export jobs of an organization run at once.")


def _check_cancellable(job: MailboxExportJob) -> None:
    if not job.is_running:
        raise InvalidParameterException(f"JobId: job {job.id} is {job.state} and cannot be cancelled.")
    if not job.can_be_cancelled:
        raise InvalidParameterException(f"JobId: job {job.id} is being completed and cannot be cancelled any more.")


def _job(context: Context, organization: Organization, job_id: str) -> MailboxExportJob:
    job = context.directory.owned(MailboxExportJob, organization.id, job_id)
    if job is None:
        raise EntityNotFoundException(f"There is no mailbox export job {job_id} in the organization.")
    return job


def _all(context: Context, organization_id: str, after: str | None = None) -> Iterable[MailboxExportJob]:
    return every_owned(context.directory, MailboxExportJob, organization_id, after)


def _listed(job: MailboxExportJob) -> dict[str, Any]:
    return present(
        JobId=job.id,
        EntityId=job.entity_id,
        Description=job.description,
        S3BucketName=job.bucket,
        S3Path=job.path,
        EstimatedProgress=job.progress,
        State=job.state.value,
        StartTime=seconds(job.started),
        EndTime=seconds(job.ended),
    )
