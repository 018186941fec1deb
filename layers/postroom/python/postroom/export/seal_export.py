"""The station that completes an archive, or removes what there is of one.

What completes the upload is staged first, and the job's record says so; from then on every attempt completes it the
same way, and the job cannot be cancelled. Where S3 does not know the upload any more, an earlier attempt has completed
it, if the object is there. Then come the log, the record, and the removal of what was staged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from postroom.contracts.export_log import write_log
from postroom.contracts.export_orders import SealExportOrder, Sealing, upload_of
from postroom.contracts.export_staging import Completion, StagedKeys
from postroom.errors import ExportRefusedError, PartsDifferError, UploadGoneError
from postroom.export.job import UPLOAD_GONE
from postroom.export.tail import Staged, write_end
from postroom.model.jobs import JobState
from postroom.ports.export_uploads import Part

if TYPE_CHECKING:
    from postroom.contracts.export_orders import Upload
    from postroom.export.job import Export
    from postroom.model.exports import ExportPlan, MailboxExportJob
    from postroom.model.mailbox import Head

MAX_ROUNDS: Final = 3
"""How often all runs are packed anew before the order is parked. Ours."""


@dataclass(frozen=True, slots=True)
class SealExport:
    """Carries out orders to seal or end exports."""

    export: Export

    def accept(self, body: str) -> None:
        """Carry out one order: a completed archive, an ended job, runs that are packed anew, or a parked order.

        Args:
            body: the SQS message's body.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no order; after some attempts park reads it.
        """
        self.export.carry_out(SealExportOrder.read(body), self._carry_out)

    def _carry_out(self, order: SealExportOrder) -> None:
        export, job = self.export, self.export.job(order)
        if job is None or not job.is_running:
            export.end(order, job)
        elif order.kind is Sealing.END:
            self._give_up(order)
        elif not export.is_open(order):  # it was carried out
            return
        elif job.round != order.round:
            self._pack_again(order, job)
        elif job.completing:
            self._complete(order, job)
        elif job.plan is None or (upload := upload_of(job)) is None:
            export.drop(order)
        elif isinstance(head := export.mailbox(job), str):
            export.fail(order, head)
        else:
            self._seal(order, job, job.plan, upload, head)

    def _give_up(self, order: SealExportOrder) -> None:
        if order.cause:
            self.export.fail(order, order.cause)
        else:  # the job was not cancelled after all
            self.export.drop(order)

    def _seal(
        self, order: SealExportOrder, job: MailboxExportJob, plan: ExportPlan, upload: Upload, head: Head
    ) -> None:
        export = self.export
        keys = StagedKeys.under(job.organization_id, job.id, upload.id)
        staged = Staged(export.staging, keys, job.round, export.key(head))
        try:
            written = write_end(staged, plan, export.uploads, upload, job.started)
        except UploadGoneError:
            export.fail_without_upload(order)
            return
        log = write_log(
            left_out=plan.left_out + written.missing,
            items=written.items,
            sha384=written.sha384,
            size=written.size,
            folders=plan.folders,
            started_ms=job.started,
            ended_ms=export.now_ms,
        )
        export.staging.put(keys.completion, written.completion(log).model_dump_json().encode())
        found = export.change(
            order,
            lambda job: None if job.completing else replace(job, completing=True, sha384=written.sha384),
        )
        if found is None or not found.is_running:
            export.end(order, found)
        else:
            self._complete(order, found)

    def _complete(self, order: SealExportOrder, job: MailboxExportJob) -> None:
        export, upload = self.export, upload_of(job)
        if upload is None:
            raise UploadGoneError(UPLOAD_GONE)
        keys = StagedKeys.under(job.organization_id, job.id, upload.id)
        completion = Completion.read(export.staging.get(keys.completion))
        try:
            export.uploads.require_private(upload.destination)
            export.uploads.complete(upload, [Part(number, etag) for number, etag in completion.parts])
        except UploadGoneError:
            if export.uploads.is_there(upload.destination) is False:
                export.fail(order, UPLOAD_GONE)
                return
        except PartsDifferError:
            if order.round >= MAX_ROUNDS:
                raise
            self._begin_round(order)
            return
        except ExportRefusedError:
            self._take_back(order, upload)
            raise
        export.uploads.put_log(upload.destination, job.log_path, completion.log.encode())
        self._conclude(order)

    def _take_back(self, order: SealExportOrder, upload: Upload) -> None:
        """Let a job be cancelled again whose upload the customer's role does not complete."""
        if self.export.uploads.is_there(upload.destination) is False:
            self.export.change(order, lambda job: replace(job, completing=False, sha384=None))

    def _conclude(self, order: SealExportOrder) -> None:
        export = self.export
        job = export.change(order, lambda job: job.end(JobState.COMPLETED, export.now_ms))
        export.end(order, job)

    def _begin_round(self, order: SealExportOrder) -> None:
        """Have all runs packed anew: of two attempts at a run, S3 has the parts of the one that is not recorded."""
        job = self.export.change(
            order,
            lambda job: (
                replace(job, round=order.round + 1, packed=b"", completing=False, sha384=None)
                if job.round == order.round
                else None
            ),
        )
        if job is None or not job.is_running:
            self.export.end(order, job)
        else:
            self._pack_again(order, job)

    def _pack_again(self, order: SealExportOrder, job: MailboxExportJob) -> None:
        self.export.order_runs(job)
        self.export.drop(order)
