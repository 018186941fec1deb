"""What the stations of an export share: the job's record, the orders that follow, and the end of a job.

The record decides. A station reads it first and changes it last before it settles its order; where it finds that the
job has ended, it removes what there is: so the last one that was still at work does, whenever a job is cancelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from postroom.contracts.export_orders import (
    ExportOrder,
    PackExportOrder,
    PlanExportOrder,
    Upload,
    destination_of,
    seal_key,
    upload_of,
)
from postroom.contracts.export_staging import StagedKeys
from postroom.effects.jobs import NO_JOB, change_job, job_of
from postroom.errors import ConflictError, PermanentError
from postroom.model.exports import MailboxExportJob
from postroom.model.facts import Fact, OwnFact
from postroom.model.jobs import JobState
from postroom.model.limits import CHUNK_RECIPIENTS
from postroom.ports.transit import Commit, Outcome, Settle, SettleIfThere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postroom.contracts.export_orders import Destination
    from postroom.contracts.orders import Order
    from postroom.model.mailbox import Head
    from postroom.ports.directory import JobRecords, MailboxOwners
    from postroom.ports.export_staging import ExportStaging
    from postroom.ports.export_uploads import ExportUploads
    from postroom.ports.mailbox_keys import MailboxKeys
    from postroom.ports.mailboxes import Mailboxes
    from postroom.ports.parking import OrderParking
    from postroom.ports.queues import Queues
    from postroom.ports.transit import Transit

MAILBOX_GONE: Final = "the mailbox was removed while it was exported"
OWNER_GONE: Final = "the owner of the mailbox was deleted while it was exported"
UPLOAD_GONE: Final = "the multipart upload of the archive was aborted by another than the export"

OrderT = TypeVar("OrderT", bound=ExportOrder)


@dataclass(frozen=True, slots=True)
class Export:
    """The ports of an export's stations.

    Attributes:
        now: gives milliseconds since the epoch.
        pause: ``pause(n)`` waits a little, longer as n grows.
    """

    records: JobRecords
    owners: MailboxOwners
    mailboxes: Mailboxes
    keys: MailboxKeys
    uploads: ExportUploads
    staging: ExportStaging
    transit: Transit
    queues: Queues
    parking: OrderParking
    now: Callable[[], int]
    pause: Callable[[int], None]

    @property
    def now_ms(self) -> int:
        """The time, in milliseconds since the epoch."""
        return self.now()

    def job(self, order: ExportOrder) -> MailboxExportJob | None:
        """Return an order's job; ``None`` if it was not started, or its organization is deleted."""
        return job_of(self.records, MailboxExportJob, order)

    def change(
        self, order: ExportOrder, how: Callable[[MailboxExportJob], MailboxExportJob | None]
    ) -> MailboxExportJob | None:
        """Change an order's job; see ``change_job``."""
        return change_job(self.records, MailboxExportJob, order, how, self.pause)

    def mailbox(self, job: MailboxExportJob) -> Head | str:
        """Return the head of a job's mailbox; a text, if it is gone."""
        if self.owners.owner(job.organization_id, job.entity_id) is None:
            return OWNER_GONE
        return self.mailboxes.head(job.entity_id) or MAILBOX_GONE

    def key(self, head: Head) -> bytes:
        """Return a mailbox's key.

        Raises:
            KeyUnavailableError: the organization's KMS key cannot be used.
        """
        return self.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn)

    def carry_out(self, order: OrderT, do: Callable[[OrderT], None]) -> None:
        """Carry out an order; what a retry cannot help parks it, and its job shows why it does not go on.

        Where the job has ended meanwhile, what the order needed may be gone, and there is nothing to park.

        Raises:
            TemporaryError: give it back to the queue.
        """
        try:
            do(order)
        except PermanentError as error:
            job = self.job(order)
            if job is not None and job.is_running:
                self._park(order, error.cause)
                return
            try:
                self.end(order, job)
            except PermanentError as again:
                self._park(order, again.cause)

    def _park(self, order: ExportOrder, cause: str) -> None:
        self.change(order, lambda job: job.stopped_by(cause))
        self.parking.park_order(order, cause)

    def fail(self, order: ExportOrder, cause: str) -> None:
        """End an order's job without an archive, and the order with it."""
        job = self.change(order, lambda job: job.end(JobState.FAILED, self.now(), cause))
        self.end(order, job)

    def fail_without_upload(self, order: ExportOrder) -> None:
        """End an order's job because its upload is gone.

        Raises:
            ConflictError: another attempt is completing the archive.
        """
        job = self.change(
            order, lambda job: None if job.completing else job.end(JobState.FAILED, self.now(), UPLOAD_GONE)
        )
        if job is not None and job.is_running:
            raise ConflictError("another attempt completes the archive")
        self.end(order, job)

    def end(self, order: ExportOrder, job: MailboxExportJob | None) -> None:
        """End an order of a job that has ended, and remove what there is of it.

        Raises:
            ExportRefusedError: the upload cannot be removed.
        """
        self.staging.remove_under(StagedKeys.of(order.organization_id, order.job_id))
        upload = (upload_of(job) if job else None) or _upload_of(order)
        if upload is not None and (job is None or job.state is not JobState.COMPLETED):
            self.uploads.abort(upload)
        destination = destination_of(job) if job else _destination_of(order)
        if destination is not None:
            self.uploads.abort_others(destination)
        self.queues.send(self._made_by(order))
        if not self.settle(order, self._ended(order, job)):
            self.drop(order)  # the same order was made again after it had ended

    def _made_by(self, order: ExportOrder) -> Iterator[Order]:
        """Yield open orders that an attempt at this one may have made and not sent, before the job ended.

        No station makes the order of a plan, or has its queue.
        """
        if isinstance(order, PackExportOrder):
            following = self.transit.order(order.trace, seal_key(order.round))
            return iter([following] if following else [])
        others = (each for each in self.transit.open_orders(order.trace) if each.key != order.key)
        return (each for each in others if not isinstance(each, PlanExportOrder))

    def _ended(self, order: ExportOrder, job: MailboxExportJob | None) -> Fact:
        if job is None:
            return self.fact(order, OwnFact.EXPORT_ENDED, order.key, state=NO_JOB)
        name = OwnFact.EXPORT_COMPLETED if job.state is JobState.COMPLETED else OwnFact.EXPORT_ENDED
        more = {"cause": job.error_info} if job.error_info else {}
        return self.fact(order, name, order.key, state=job.state.value, **more)

    def settle(self, order: ExportOrder, *facts: Fact, orders: Sequence[Order] = ()) -> bool:
        """End an order with facts and the orders that follow; ``False`` if it has ended, or one of them is there."""
        return self.transit.commit(Commit([Settle(order)], facts, orders)) is Outcome.DONE

    def drop(self, order: ExportOrder) -> None:
        """End an order without a trace: there is nothing to do."""
        self.transit.commit(Commit([SettleIfThere(order)]))

    def is_open(self, order: Order) -> bool:
        """Say whether an order is there, open or parked."""
        return self.transit.order(order.trace, order.key) is not None

    def order_runs(self, job: MailboxExportJob) -> None:
        """Have every run of a job packed, in its round; orders that were made before are only sent again."""
        upload = upload_of(job)
        if job.plan is None or upload is None:
            return
        for first in range(0, job.plan.runs, CHUNK_RECIPIENTS):
            runs = range(first, min(first + CHUNK_RECIPIENTS, job.plan.runs))
            orders = [_pack_order(job, upload, run) for run in runs]
            made = Fact(
                trace=job.trace,
                organization_id=job.organization_id,
                name=OwnFact.EXPORT_PLANNED,
                key=f"{OwnFact.EXPORT_PLANNED}:{job.round}:{first}",
                at=self.now(),
                data={"runs": len(orders), "firstRun": first},
            )
            self.transit.commit(Commit(facts=[made], orders=orders))
            self.queues.send(orders)

    def fact(self, order: ExportOrder, name: OwnFact, which: str = "", /, **data: object) -> Fact:
        """Return a fact about an order's job; ``which`` tells several of a name apart."""
        key = f"{name}:{which}" if which else name.value
        return Fact(order.trace, order.organization_id, name, key, self.now(), data={"jobId": order.job_id, **data})


def _pack_order(job: MailboxExportJob, upload: Upload, run: int) -> PackExportOrder:
    return PackExportOrder(
        trace=job.trace,
        organization_id=job.organization_id,
        job_id=job.id,
        mailbox_id=job.entity_id,
        upload=upload,
        run=run,
        round=job.round,
    )


def _upload_of(order: ExportOrder) -> Upload | None:
    found = getattr(order, "upload", None)
    return found if isinstance(found, Upload) else None


def _destination_of(order: ExportOrder) -> Destination | None:
    if isinstance(order, PlanExportOrder):
        return order.destination
    upload = _upload_of(order)
    return upload.destination if upload else None
