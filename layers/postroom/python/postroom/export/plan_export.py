"""The station that plans an export: it lists the mailbox's items, cuts them into runs, and starts the upload.

The whole plan is staged before the job's record names it, with the upload: until then another attempt begins anew, with
an upload of its own, after which its objects are named. Of two attempts at once the first to write the record counts;
the other removes what it made. An upload whose start was not recorded is found and aborted when the job ends.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from postroom.contracts.export_orders import PlanExportOrder, destination_of, seal_order, upload_of
from postroom.contracts.export_staging import PlanHead, RunHead, StagedKeys, with_head, write_plan
from postroom.errors import PostroomError
from postroom.export.contents import Contents
from postroom.export.manifest import piece_of
from postroom.export.runs import RunCutter, part_bytes_for
from postroom.model.exports import ExportPlan
from postroom.sealing import seal_message

if TYPE_CHECKING:
    from postroom.contracts.export_orders import Upload
    from postroom.export.job import Export
    from postroom.model.exports import MailboxExportJob
    from postroom.model.mailbox import Head
    from postroom.sealing import Random


@dataclass(frozen=True, slots=True)
class PlanExport:
    """Carries out orders to plan an export. ``others``: contacts, tasks and notes are exported, too."""

    export: Export
    random: Random
    others: bool = False

    def accept(self, body: str) -> None:
        """Carry out one order: the orders of all runs, an ended job, or a parked order.

        Args:
            body: the SQS message's body.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no order; after some attempts park reads it.
        """
        self.export.carry_out(PlanExportOrder.read(body), self._plan)

    def _plan(self, order: PlanExportOrder) -> None:
        export = self.export
        job = export.job(order)
        if job is None or not job.is_running:
            export.end(order, job)
            return
        if job.plan is None:
            head = export.mailbox(job)
            if isinstance(head, str):
                export.fail(order, head)
                return
            job = self._staged(order, job, head)
        if job is None or not job.is_running:
            export.end(order, job)
            return
        export.order_runs(job)
        following = [] if job.plan is None or job.plan.runs else [seal_order(job)]
        if not export.settle(order, orders=following):  # it has ended, or an earlier attempt has made the next one
            export.drop(order)
        export.queues.send(each for each in following if export.is_open(each))

    def _staged(self, order: PlanExportOrder, job: MailboxExportJob, head: Head) -> MailboxExportJob | None:
        """Stage a plan, and write it into the job's record; return the job with the plan that counts."""
        export, mailbox_key = self.export, self.export.key(head)
        export.uploads.require_private(destination_of(job))
        upload = export.uploads.start(destination_of(job))
        try:
            plan = self._write(job, head, upload, mailbox_key)
        except PostroomError:
            with suppress(PostroomError):
                self._remove(job, upload)
            raise
        found = export.change(
            order, lambda job: None if job.plan else replace(job, upload_id=upload.id, plan=plan, error_info=None)
        )
        if found is None or upload_of(found) != upload:
            self._remove(job, upload)
        return found

    def _remove(self, job: MailboxExportJob, upload: Upload) -> None:
        """Remove an attempt that does not count."""
        self.export.uploads.abort(upload)
        self.export.staging.remove_under(f"{StagedKeys.under(job.organization_id, job.id, upload.id).folder}/")

    def _write(self, job: MailboxExportJob, head: Head, upload: Upload, mailbox_key: bytes) -> ExportPlan:
        keys = StagedKeys.under(job.organization_id, job.id, upload.id)
        contents = Contents(self.export.mailboxes, job.entity_id, others=self.others)
        cutter = RunCutter(part_bytes_for(head.size))
        for run in cutter.cut(contents.planned()):
            first = RunHead(
                first_part=run.first_part, part_bytes=cutter.part_bytes, folders=contents.names_of(run.items)
            )
            self._stage(keys.plan(run.number), write_plan(first, run.items), mailbox_key)
        paths = tuple(contents.names.folder(folder.id) for folder in contents.folders)
        whole = PlanHead(tail_part=cutter.next_part, part_bytes=cutter.part_bytes, folders=paths)
        self._stage(keys.head, with_head(whole, piece_of(contents.lines()).dump()), mailbox_key)
        return ExportPlan(
            runs=cutter.runs,
            items=contents.items,
            folders=len(contents.folders),
            size=contents.size,
            left_out=contents.left_out,
        )

    def _stage(self, key: str, content: bytes, mailbox_key: bytes) -> None:
        sealed = seal_message(content, mailbox_key=mailbox_key, place=key, random=self.random)
        self.export.staging.put(key, sealed)
