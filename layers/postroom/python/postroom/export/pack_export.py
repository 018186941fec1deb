"""The station that packs a run: it opens the run's messages and writes them as zip entries into parts of the upload.

The same bytes are staged with us, since the customer's role cannot read them back for the archive's hash. A run too
short for a part is only staged: the sealer puts it at the archive's end. What is staged last is the packed run itself,
with the parts' tags; it counts, so that a later attempt uploads nothing.

Two attempts at once write the same part numbers. Their bytes are the same, unless an item vanished in between; but S3
may give the same bytes another tag, so that those of the first to end may not be those of the upload. The sealer is
told so by S3, and has all runs packed anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.contracts.export_manifest import ManifestItem, MissingItem
from postroom.contracts.export_orders import PackExportOrder, seal_order
from postroom.contracts.export_staging import PackedHead, StagedKeys, read_plan
from postroom.errors import MessageNotFoundError, UnreadableMailError, UploadGoneError
from postroom.export.archive import Entry, RunWriter
from postroom.export.manifest import PieceWriter
from postroom.export.packed import PackedRun
from postroom.export.parts import PartCutter
from postroom.model.facts import OwnFact
from postroom.ports.export_uploads import MIN_PART_BYTES
from postroom.sealing import open_message, seal_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.contracts.export_staging import PlannedItem, RunHead
    from postroom.export.job import Export
    from postroom.model.exports import MailboxExportJob
    from postroom.ports.export_staging import SealedReads
    from postroom.sealing import Random

SEALED_MORE: Final = 1024
"""Bytes that a sealed object has more than its message, about."""

VANISHED: Final = "the item was removed before it was exported"
UNREADABLE: Final = "the stored item does not open with the mailbox's key"
TOO_LARGE: Final = "the stored item is larger than the mailbox's index says"
"""Causes in the manifest."""


@dataclass(frozen=True, slots=True)
class PackExport:
    """Carries out orders to pack runs."""

    export: Export
    messages: SealedReads
    random: Random

    def accept(self, body: str) -> None:
        """Carry out one order: a packed run, an ended job, or a parked order.

        Args:
            body: the SQS message's body.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no order; after some attempts park reads it.
        """
        self.export.carry_out(PackExportOrder.read(body), self._pack)

    def _pack(self, order: PackExportOrder) -> None:
        export, job = self.export, self.export.job(order)
        if job is None or not job.is_running:
            export.end(order, job)
        elif not export.is_open(order):  # it was carried out; perhaps what follows was not sent
            self._send_seal(job)
        elif job.round != order.round:
            export.drop(order)
        elif isinstance(head := export.mailbox(job), str):
            export.fail(order, head)
        else:
            try:
                self._write_once(order, export.key(head))
            except UploadGoneError:
                export.fail_without_upload(order)
            else:
                self._note(order)

    def _note(self, order: PackExportOrder) -> None:
        """Note in the job's record that the run is packed, and settle the order; the seal follows the last run."""
        export = self.export
        job = export.change(order, lambda job: job.with_packed(order.run) if job.round == order.round else None)
        if job is None or not job.is_running:
            export.end(order, job)
            return
        fact = export.fact(order, OwnFact.EXPORT_PACKED, f"{order.run}:{order.round}", run=order.run)
        following = [seal_order(job)] if job.all_packed else []
        if not export.settle(order, fact, orders=following) and not export.settle(order, fact):
            export.drop(order)
        self._send_seal(job)

    def _send_seal(self, job: MailboxExportJob) -> None:
        if job.all_packed and self.export.is_open(seal := seal_order(job)):
            self.export.queues.send([seal])

    def _write_once(self, order: PackExportOrder, mailbox_key: bytes) -> None:
        """Write a run, unless an attempt has."""
        keys = StagedKeys.under(order.organization_id, order.job_id, order.upload.id)
        try:
            self.export.staging.get(keys.packed(order.run, order.round))
        except MessageNotFoundError:
            sealed = self.export.staging.get(keys.plan(order.run))
            plan = b"".join(open_message(sealed, mailbox_key=mailbox_key, place=keys.plan(order.run)))
            head, items = read_plan(plan)
            packing = _Packing(self, order, keys.packed(order.run, order.round), mailbox_key, head)
            packing.write(list(items))


@dataclass(slots=True)
class _Packing:
    """One attempt at a run; ``place`` is the key of the packed run, under which its bytes are staged."""

    station: PackExport
    order: PackExportOrder
    place: str
    mailbox_key: bytes
    head: RunHead
    tags: list[str] = field(default_factory=list)
    staged: list[str] = field(default_factory=list)
    size: int = 0
    items: int = 0

    def write(self, items: list[PlannedItem]) -> None:
        run, lines, cutter = RunWriter(), PieceWriter(), PartCutter(self.head.part_bytes)
        contents = self._contents(items)
        for item in items:
            content = next(contents)
            if isinstance(content, str):
                lines.add(MissingItem(**self._described(item), cause=content))
                continue
            self.items += 1
            self.size += len(content)
            digest = hashlib.sha256(content).hexdigest()
            lines.add(ManifestItem(**self._described(item) | {"size": len(content)}, sha256=digest))
            pieces = run.add(Entry(item.path, item.received), content)
            del content  # a message may be large, and so may its parts
            for piece in pieces:
                for part in cutter.add(piece):
                    self._upload(part)
        self._last(cutter.rest())
        index = run.index()
        packed = PackedHead(
            first_part=self.head.first_part,
            parts=tuple(self.tags),
            staged=tuple(self.staged),
            items=self.items,
            size=self.size,
            missing=len(items) - self.items,
            index_bytes=len(index.dump()),
        )
        self._stage(self.place, PackedRun(packed, index, lines.piece()).dump())

    def _contents(self, items: list[PlannedItem]) -> Iterator[bytes | str]:
        """Yield each item's content, and keep none of it; a text, if it cannot be exported."""
        found = self.station.messages.in_order((item.blob, item.size + SEALED_MORE) for item in items)
        for item in items:
            yield self._opened(item, next(found))

    def _opened(self, item: PlannedItem, sealed: bytes | None) -> bytes | str:
        if sealed is None:
            return VANISHED
        try:
            content = b"".join(open_message(sealed, mailbox_key=self.mailbox_key, place=item.blob))
        except UnreadableMailError:
            return UNREADABLE
        return content if len(content) <= item.size else TOO_LARGE  # the run's parts have room for no more

    def _described(self, item: PlannedItem) -> dict[str, object]:
        return {
            "path": item.path,
            "folder": self.head.folders[item.folder],
            "size": item.size,
            "received": item.received,
            "item_class": item.item_class,
            "read": item.read,
            "flags": item.flags,
            "keywords": item.keywords,
            "categories": item.categories,
        }

    def _last(self, rest: bytes) -> None:
        """Upload the last part; a run that is too short for one is only staged."""
        if self.tags or len(rest) >= MIN_PART_BYTES:
            self._upload(rest)
        elif rest:
            self._keep(rest)

    def _upload(self, part: bytes) -> None:
        number = self.head.first_part + len(self.tags)
        made = self.station.export.uploads.put_part(self.order.upload, number, part)
        self.tags.append(made.etag)
        self._keep(part)

    def _keep(self, content: bytes) -> None:
        """Stage bytes under a key that names them: those of another attempt never take their place."""
        name = f"{len(self.staged)}-{hashlib.sha256(content).hexdigest()[:32]}"
        self._stage(f"{self.place}/{name}", content)
        self.staged.append(name)

    def _stage(self, key: str, content: bytes) -> None:
        sealed = seal_message(content, mailbox_key=self.mailbox_key, place=key, random=self.station.random)
        self.station.export.staging.put(key, sealed)
