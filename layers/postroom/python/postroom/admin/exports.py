"""StartMailboxExportJob, CancelMailboxExportJob, DescribeMailboxExportJob, ListMailboxExportJobs.

A start writes the order that plans the export, then the job, then sends the order (``jobs.begin``). A cancellation
likewise writes the order that removes what there is of the job, then the job, then sends the order. Source: guide,
"Exporting mailbox content" (ZH:7189-7350); for what it does not say, docs/parity.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.admin import export_targets, idempotency, jobs, lookup
from postroom.admin.context import present
from postroom.contracts.admin.exceptions import (
    InvalidParameterException,
    LimitExceededException,
)
from postroom.contracts.export_orders import PlanExportOrder, destination_of, end_order
from postroom.model.exports import MailboxExportJob
from postroom.model.facts import OwnFact
from postroom.model.jobs import JobState
from postroom.model.records import Replace
from postroom.ports.transit import Commit

if TYPE_CHECKING:
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
    owner = jobs.mailbox_owner(context, organization, request["EntityId"])
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
    jobs.begin(context, organization, job, jobs.started(job, OwnFact.EXPORT_STARTED, job.path), order, replay)
    return {"JobId": job_id}


def cancel(
    context: Context, request: requests.CancelMailboxExportJobRequest, now: int
) -> answers.CancelMailboxExportJobResponse:
    """Cancel a job: its stations stop, and remove what they have written. Cancelling it again changes nothing."""
    organization = lookup.organization(context, request["OrganizationId"])
    replay = idempotency.look_up(context, "CancelMailboxExportJob", request, now)
    if replay.answer is not None:
        return {}
    job = jobs.find(context, MailboxExportJob, organization, request["JobId"])
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
    job = jobs.find(context, MailboxExportJob, organization, request["JobId"])
    listed = _listed(job)
    del listed["JobId"]
    return listed | present(
        RoleArn=job.role_arn, KmsKeyArn=job.key_arn, S3Prefix=job.prefix, ErrorInfo=job.error_info or None
    )


def list_(context: Context, request: requests.ListMailboxExportJobsRequest, now: int) -> dict[str, Any]:
    """List the jobs that were started in the last seven days, ordered by id."""
    found, token = jobs.page(context, "ListMailboxExportJobs", request, MailboxExportJob, now)
    return present(Jobs=[_listed(job) for job in found], NextToken=token)


def _check_limits(context: Context, organization: Organization, owner: Entity, now: int) -> None:
    known = jobs.every(context, MailboxExportJob, organization)
    barring = next((job for job in known if job.entity_id == owner.id and job.bars_next(now)), None)
    if barring is not None:
        why = "is running" if barring.is_running else "was started less than 24 hours ago"
        raise LimitExceededException(
            f"A mailbox can be exported once in 24 hours, and job {barring.id} of {owner.id} {why}."
        )
    jobs.require_room(MailboxExportJob, known)


def _check_cancellable(job: MailboxExportJob) -> None:
    jobs.require_running(job)
    if not job.can_be_cancelled:
        raise InvalidParameterException(f"JobId: job {job.id} is being completed and cannot be cancelled any more.")


def _listed(job: MailboxExportJob) -> dict[str, Any]:
    return jobs.listed(job, S3Path=job.path)
