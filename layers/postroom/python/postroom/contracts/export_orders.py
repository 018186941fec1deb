"""Orders of an export of a mailbox; their trace is that of its job (``model.exports.export_trace``).

    start          ─► plan_export ─► pack_export, one per run ─► seal_export
    cancel, discard ─► seal_export, which removes what there is

Every station reads the job's record first. Orders that come after the start of the upload name it, because the record
goes before they do where an organization is deleted: what was uploaded until then is aborted all the same.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from postroom.contracts.base import Kept
from postroom.contracts.stored import Order

if TYPE_CHECKING:
    from postroom.model.exports import MailboxExportJob

ENDING: Final = "end-export"
"""Key of the order that ends a job."""


class Destination(Kept):
    """Where an archive goes: bucket and key, the role that writes it, and the KMS key that encrypts it."""

    role_arn: str
    external_id: str
    """With which the role is assumed: the organization's ARN."""
    key_arn: str
    bucket: str
    path: str

    @property
    def account(self) -> str:
        """The role's account, which owns the bucket, too."""
        return self.role_arn.split(":")[4]


class Upload(Kept):
    """A multipart upload that was started."""

    destination: Destination
    id: str


def destination_of(job: MailboxExportJob) -> Destination:
    """Return where a job's archive goes."""
    return Destination(
        role_arn=job.role_arn, external_id=job.external_id, key_arn=job.key_arn, bucket=job.bucket, path=job.path
    )


def upload_of(job: MailboxExportJob) -> Upload | None:
    """Return a job's upload, if its start is recorded."""
    return Upload(destination=destination_of(job), id=job.upload_id) if job.upload_id else None


class ExportOrder(Order):
    """What every order of an export has."""

    job_id: str

    @property
    def most_sweeps(self) -> int:
        """Runs wait for others, and exports for each other: for days, if many mailboxes are exported at once."""
        return 100

    @property
    def group(self) -> str:
        """The job: a large mailbox holds up no other, whichever organization has it."""
        return self.job_id


class PlanExportOrder(ExportOrder):
    """List a mailbox's items, cut them into runs, and start the upload. One per job; it is there before the job is."""

    says = "an order to plan an export"

    kind: Literal["PLAN_EXPORT"] = "PLAN_EXPORT"
    destination: Destination | None = None
    """Where an upload may have been started that the job's record does not name; orders of earlier versions lack it."""

    @property
    def key(self) -> str:
        """Name it by what it does: the trace has one."""
        return "plan-export"

    @property
    def station(self) -> str:
        """Plans have a station of their own."""
        return "plan_export"


class PackExportOrder(ExportOrder):
    """Write a run's items into parts of the upload. One per run and round."""

    says = "an order to pack a run of an export"

    kind: Literal["PACK_EXPORT"] = "PACK_EXPORT"
    mailbox_id: str
    upload: Upload
    run: int = Field(ge=0)
    round: int = Field(default=0, ge=0)
    """How often all runs were packed anew, because parts were not those that were recorded."""

    @property
    def key(self) -> str:
        """Name it by its run."""
        return f"pack-export:{self.run}" + (f":{self.round}" if self.round else "")

    @property
    def station(self) -> str:
        """Runs have a station of their own."""
        return "pack_export"


class Sealing(StrEnum):
    """Why the last station gets an order."""

    SEAL = "SEAL_EXPORT"  # all runs are packed
    END = "END_EXPORT"  # the job was cancelled, or is given up


class SealExportOrder(ExportOrder):
    """Complete the archive; or end the job, and remove what there is of it."""

    says = "an order to seal an export"

    kind: Literal[Sealing.SEAL, Sealing.END] = Sealing.SEAL
    mailbox_id: str = ""
    upload: Upload | None = None
    """Of an order that ends a job: None; the job's record names its upload."""
    round: int = Field(default=0, ge=0)
    cause: str = ""
    """Why the job is given up; empty for one that was cancelled."""

    @property
    def key(self) -> str:
        """Name it by what it does; one that ends a job never stands in the way of one that seals."""
        if self.kind is Sealing.END:
            return ENDING
        return seal_key(self.round)

    @property
    def station(self) -> str:
        """Archives are completed and removed by one station."""
        return "seal_export"


def seal_key(round_: int) -> str:
    """Return the key of the order that follows the last run of a round."""
    return "seal-export" + (f":{round_}" if round_ else "")


def seal_order(job: MailboxExportJob) -> SealExportOrder:
    """Return the order that follows the last run; the job's upload has started."""
    return SealExportOrder(
        trace=job.trace,
        organization_id=job.organization_id,
        job_id=job.id,
        mailbox_id=job.entity_id,
        upload=upload_of(job),
        round=job.round,
    )


def end_order(trace: str, organization_id: str, job_id: str, cause: str = "") -> SealExportOrder:
    """Return the order that removes what there is of a job; the caller commits it before it changes the job.

    Args:
        cause: why the job is given up. Without one the job was cancelled, and if it still runs, nothing is done.
    """
    return SealExportOrder(kind=Sealing.END, trace=trace, organization_id=organization_id, job_id=job_id, cause=cause)
