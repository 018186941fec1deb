"""StartMailboxImportJob, CancelMailboxImportJob, DescribeMailboxImportJob, ListMailboxImportJobs. Ours, as for exports.

A start writes the order that imports, then the job, then sends the order (``jobs.begin``). A cancelled job's station
stops by itself; what has entered stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.admin import export_targets, idempotency, jobs, lookup
from postroom.admin.context import present
from postroom.contracts.admin.exceptions import (
    InvalidParameterException,
    LimitExceededException,
)
from postroom.contracts.import_orders import ImportOrder
from postroom.model import consent
from postroom.model.facts import OwnFact
from postroom.model.imports import MAX_ARCHIVE_BYTES, MailboxImportJob
from postroom.model.jobs import JobState
from postroom.model.limits import MB
from postroom.model.records import Replace

if TYPE_CHECKING:
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
    owner = jobs.mailbox_owner(context, organization, request["EntityId"])
    _check_limits(context, organization, owner)
    ours = (context.settings.import_role_arn,)
    export_targets.check_role(context, request["RoleArn"], organization, consent.MAILBOX_IMPORT, ours)
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
    jobs.begin(context, organization, job, jobs.started(job, OwnFact.IMPORT_STARTED, job.path), order, replay)
    return {"JobId": job.id}


def cancel(
    context: Context, request: requests.CancelMailboxImportJobRequest, now: int
) -> answers.CancelMailboxImportJobResponse:
    """Cancel a job: its station stops within seconds. Cancelling it again changes nothing."""
    organization = lookup.organization(context, request["OrganizationId"])
    job = jobs.find(context, MailboxImportJob, organization, request["JobId"])
    if job.state is JobState.CANCELLED:
        return {}
    jobs.require_running(job)
    context.directory.commit([Replace(job.end(JobState.CANCELLED, now))])
    return {}


def describe(context: Context, request: requests.DescribeMailboxImportJobRequest, _now: int) -> dict[str, Any]:
    """Describe a job: while it runs, and for a week after its end."""
    organization = lookup.organization(context, request["OrganizationId"])
    job = jobs.find(context, MailboxImportJob, organization, request["JobId"])
    listed = _listed(job)
    del listed["JobId"]
    return listed | present(RoleArn=job.role_arn, ErrorInfo=job.error_info or None)


def list_(context: Context, request: requests.ListMailboxImportJobsRequest, now: int) -> dict[str, Any]:
    """List the jobs that were started in the last seven days, ordered by id."""
    found, token = jobs.page(context, "ListMailboxImportJobs", request, MailboxImportJob, now)
    return present(Jobs=[_listed(job) for job in found], NextToken=token)


def _check_limits(context: Context, organization: Organization, owner: Entity) -> None:
    known = jobs.every(context, MailboxImportJob, organization)
    barring = next((job for job in known if job.entity_id == owner.id and job.is_running), None)
    if barring is not None:
        raise LimitExceededException(f"Job {barring.id} imports into {owner.id}; one at a time does.")
    jobs.require_room(MailboxImportJob, known)


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


def _listed(job: MailboxImportJob) -> dict[str, Any]:
    return jobs.listed(
        job,
        S3Key=job.path,
        ItemsEntered=job.counts.entered,
        ItemsThereBefore=job.counts.known,
        ItemsSkipped=job.counts.skipped,
    )
