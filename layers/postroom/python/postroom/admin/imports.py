"""StartMailboxImportJob, CancelMailboxImportJob, DescribeMailboxImportJob, ListMailboxImportJobs. Ours, as for exports.

A start writes the order that imports, then the job, then sends the order: a job has its order whenever the function
stops, and an order without a job ends at its station. Each start also replaces the organization, so that of two starts
at once the second counts the first. A cancelled job's station stops by itself; what has entered stays.
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
from postroom.contracts.import_orders import ImportOrder
from postroom.model.directory import EntityKind, EntityState
from postroom.model.facts import Fact, OwnFact
from postroom.model.imports import MAX_ARCHIVE_BYTES, MailboxImportJob
from postroom.model.jobs import MAX_RUNNING, JobState
from postroom.model.limits import MB
from postroom.model.records import Insert, Replace
from postroom.ports.directory import every_owned
from postroom.ports.transit import Commit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Entity, Organization
    from postroom.ports.import_sources import ObjectFacts


def start(
    context: Context, request: requests.StartMailboxImportJobRequest, now: int
) -> answers.StartMailboxImportJobResponse:
    """Start an import into a mailbox, after everything that it needs was checked."""
    organization = lookup.organization(context, request["OrganizationId"])
    replay = idempotency.look_up(context, "StartMailboxImportJob", request, now)
    if replay.answer is not None:
        return {"JobId": replay.answer}
    owner = _owner(context, organization, request["EntityId"])
    _check_limits(context, organization, owner)
    export_targets.check_role(context, request["RoleArn"], organization.arn, (context.settings.import_role_arn,))
    found = _object(context, request["S3BucketName"], request["S3Key"])
    job = MailboxImportJob(
        organization_id=organization.id,
        id=context.new_uuid(),
        entity_id=owner.id,
        role_arn=request["RoleArn"],
        external_id=organization.arn,
        bucket=request["S3BucketName"],
        path=request["S3Key"],
        etag=found.etag,
        description=request.get("Description"),
        started=now,
    )
    order = ImportOrder(trace=job.trace, organization_id=organization.id, job_id=job.id)
    context.transit.commit(Commit(facts=[_started(job)], orders=[order]))
    context.directory.commit([Replace(organization), Insert(job), *replay.remember(job.id)])
    context.queues.send([order])
    return {"JobId": job.id}


def cancel(
    context: Context, request: requests.CancelMailboxImportJobRequest, now: int
) -> answers.CancelMailboxImportJobResponse:
    """Cancel a job: its station stops within seconds. Cancelling it again changes nothing."""
    organization = lookup.organization(context, request["OrganizationId"])
    job = _job(context, organization, request["JobId"])
    if job.state is JobState.CANCELLED:
        return {}
    if not job.is_running:
        raise InvalidParameterException(f"JobId: job {job.id} is {job.state} and cannot be cancelled.")
    context.directory.commit([Replace(job.end(JobState.CANCELLED, now))])
    return {}


def describe(context: Context, request: requests.DescribeMailboxImportJobRequest, _now: int) -> dict[str, Any]:
    """Describe a job: while it runs, and for a week after its end."""
    organization = lookup.organization(context, request["OrganizationId"])
    job = _job(context, organization, request["JobId"])
    listed = _listed(job)
    del listed["JobId"]
    return listed | present(RoleArn=job.role_arn, ErrorInfo=job.error_info or None)


def list_(context: Context, request: requests.ListMailboxImportJobsRequest, now: int) -> dict[str, Any]:
    """List the jobs that were started in the last seven days, ordered by id."""
    organization = lookup.organization(context, request["OrganizationId"])
    found, token = pages.page(
        context,
        "ListMailboxImportJobs",
        request,
        lambda after: (job for job in _all(context, organization.id, after) if job.is_listed(now)),
        lambda job: job.id,
    )
    return present(Jobs=[_listed(job) for job in found], NextToken=token)


def _started(job: MailboxImportJob) -> Fact:
    said = {"jobId": job.id, "mailboxId": job.entity_id, "bucket": job.bucket, "path": job.path}
    name = OwnFact.IMPORT_STARTED
    return Fact(job.trace, job.organization_id, name, name.value, job.started, data=said)


def _owner(context: Context, organization: Organization, identifier: str) -> Entity:
    """Return the owner of the mailbox, a disabled one included."""
    owner = lookup.entity(context, organization.id, identifier, EntityKind.USER, EntityKind.RESOURCE)
    if owner.state is EntityState.DELETED or context.mailboxes.head(owner.id) is None:
        raise EntityNotFoundException(f"EntityId: {identifier} has no mailbox.")
    return owner


def _check_limits(context: Context, organization: Organization, owner: Entity) -> None:
    running = [job for job in _all(context, organization.id) if job.is_running]
    barring = next((job for job in running if job.entity_id == owner.id), None)
    if barring is not None:
        raise LimitExceededException(f"Job {barring.id} imports into {owner.id}; one at a time does.")
    if len(running) >= MAX_RUNNING:
        raise LimitExceededException(f"At most {MAX_RUNNING} mailbox import jobs of an organization run at once.")


def _object(context: Context, bucket: str, path: str) -> ObjectFacts:
    export_targets.check_bucket(context, bucket)
    found = context.import_objects.find(bucket, path)
    if found is None:
        raise InvalidParameterException(
            f"S3Key: there is no object {path} in bucket {bucket}, or the bucket's policy does not let Postroom"
            " list it."
        )
    if found.size > MAX_ARCHIVE_BYTES:
        raise InvalidParameterException(
            f"S3Key: {path} has {found.size} bytes; a job imports at most {MAX_ARCHIVE_BYTES // MB} MB."
        )
    return found


def _job(context: Context, organization: Organization, job_id: str) -> MailboxImportJob:
    job = context.directory.owned(MailboxImportJob, organization.id, job_id)
    if job is None:
        raise EntityNotFoundException(f"There is no mailbox import job {job_id} in the organization.")
    return job


def _all(context: Context, organization_id: str, after: str | None = None) -> Iterable[MailboxImportJob]:
    return every_owned(context.directory, MailboxImportJob, organization_id, after)


def _listed(job: MailboxImportJob) -> dict[str, Any]:
    return present(
        JobId=job.id,
        EntityId=job.entity_id,
        Description=job.description,
        S3BucketName=job.bucket,
        S3Key=job.path,
        EstimatedProgress=job.progress,
        ItemsEntered=job.counts.entered,
        ItemsThereBefore=job.counts.known,
        ItemsSkipped=job.counts.skipped,
        State=job.state.value,
        StartTime=seconds(job.started),
        EndTime=seconds(job.ended),
    )
