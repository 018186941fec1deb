"""The end of an archive: runs that are too short for a part, the folders, the manifest, and the central directory.

Everything is read and written in pieces: one run's index is held at a time, whatever the number of items.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import chain, tee
from typing import TYPE_CHECKING

from postroom.contracts.export_staging import Completion, PlanHead, StagedKeys, split_head
from postroom.errors import ConflictError
from postroom.export.archive import Entry, RunWriter, directory
from postroom.export.manifest import END, Piece, add_manifest
from postroom.export.packed import PackedRun
from postroom.export.parts import PartCutter
from postroom.ports.export_uploads import Part
from postroom.sealing import open_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from postroom.contracts.export_orders import Upload
    from postroom.contracts.export_staging import PackedHead
    from postroom.export.manifest import Sums
    from postroom.model.exports import ExportPlan
    from postroom.ports.export_staging import ExportStaging
    from postroom.ports.export_uploads import ExportUploads


@dataclass(frozen=True, slots=True)
class Summary:
    """What is kept of each run: its number, and what the header of the manifest needs of it."""

    run: int
    head: PackedHead
    sums: Sums


@dataclass(frozen=True, slots=True)
class Staged:
    """What was staged for an archive, opened."""

    staging: ExportStaging
    keys: StagedKeys
    round: int
    mailbox_key: bytes

    def plan(self) -> tuple[PlanHead, Piece]:
        """Return the head of the plan, and the first piece of the manifest."""
        first, rest = split_head(self._opened(self.keys.head, self.staging.get(self.keys.head)))
        return PlanHead.read(first), Piece.load(rest)

    def packed(self, runs: Iterable[int]) -> Iterator[PackedRun]:
        """Yield packed runs."""
        for key, sealed in self._in_order(self.keys.packed(run, self.round) for run in runs):
            yield PackedRun.load(self._opened(key, sealed))

    def contents(self, runs: Iterable[Summary]) -> Iterator[bytes]:
        """Yield the bytes of runs, a staged object after the other, in frames."""
        keys = (f"{self.keys.packed(each.run, self.round)}/{name}" for each in runs for name in each.head.staged)
        for key, sealed in self._in_order(keys):
            yield from open_message(sealed, mailbox_key=self.mailbox_key, place=key)

    def _in_order(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        named, asked = tee(keys)
        yield from zip(named, self.staging.in_order(asked), strict=True)

    def _opened(self, key: str, sealed: bytes) -> bytes:
        return b"".join(open_message(sealed, mailbox_key=self.mailbox_key, place=key))


@dataclass(slots=True)
class Tail:
    """Uploads the end of an archive, and hashes the archive; ``next_part`` is the number of its next part."""

    uploads: ExportUploads
    upload: Upload
    cutter: PartCutter
    next_part: int
    parts: list[Part] = field(default_factory=list)
    length: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha384)

    def passes(self, content: bytes) -> None:
        """Count bytes that are in the archive already."""
        self.digest.update(content)
        self.length += len(content)

    def add(self, content: bytes) -> None:
        """Add bytes at the archive's end."""
        self.passes(content)
        for part in self.cutter.add(content):
            self._put(part)

    def end(self) -> None:
        """Upload the last part."""
        self._put(self.cutter.rest())

    def _put(self, part: bytes) -> None:
        self.parts.append(self.uploads.put_part(self.upload, self.next_part, part))
        self.next_part += 1


@dataclass(frozen=True, slots=True)
class Written:
    """An archive whose parts are all uploaded.

    Attributes:
        parts: number and entity tag of each, in order.
        items: number of items in it, and ``size`` their bytes.
        missing: number of items that could not be read.
        sha384: of the archive, in hexadecimal digits; ``length`` is its bytes.
    """

    parts: tuple[Part, ...]
    items: int
    size: int
    missing: int
    sha384: str
    length: int

    def completion(self, log: str) -> Completion:
        """Return how the upload is completed."""
        return Completion(parts=tuple((part.number, part.etag) for part in self.parts), log=log)


def write_end(staged: Staged, plan: ExportPlan, uploads: ExportUploads, upload: Upload, modified_ms: int) -> Written:
    """Upload everything that follows the runs' parts.

    Args:
        modified_ms: time of the folders and the manifest, in milliseconds since the epoch.

    Raises:
        UploadGoneError: the upload was completed or aborted.
        MessageNotFoundError: what was staged is gone.
        ConflictError: a run was packed again meanwhile.
    """
    head, first = staged.plan()
    runs = [Summary(run, packed.head, packed.piece.sums) for run, packed in enumerate(staged.packed(range(plan.runs)))]
    long, short = [each for each in runs if each.head.parts], [each for each in runs if not each.head.parts]
    tail = Tail(uploads, upload, PartCutter(head.part_bytes), head.tail_part)
    for content in staged.contents(long):
        tail.passes(content)
    for content in staged.contents(short):
        tail.add(content)
    last = RunWriter()
    for path in head.folders:
        tail.add(b"".join(last.add(Entry(f"{path}/", modified_ms), b"")))
    _add_manifest_and_directory(staged, first, [*long, *short], last, tail, modified_ms)
    tail.end()
    return Written(
        parts=(*chain.from_iterable(map(_parts, long)), *tail.parts),
        items=sum(each.head.items for each in runs),
        size=sum(each.head.size for each in runs),
        missing=sum(each.head.missing for each in runs),
        sha384=tail.digest.hexdigest(),
        length=tail.length,
    )


def _add_manifest_and_directory(
    staged: Staged, first: Piece, runs: Sequence[Summary], last: RunWriter, tail: Tail, modified_ms: int
) -> None:
    tail.add(add_manifest(last, [first.sums, *(each.sums for each in runs)], modified_ms))
    tail.add(first.data)
    for packed in _again(staged, runs):
        tail.add(packed.piece.data)
    tail.add(END)
    indexes = chain((packed.index for packed in _again(staged, runs)), [last.index()])
    for records in directory(indexes):
        tail.add(records)


def _again(staged: Staged, runs: Sequence[Summary]) -> Iterator[PackedRun]:
    """Yield packed runs that were read before.

    Raises:
        ConflictError: a late attempt at a run has ended meanwhile, and found other items.
    """
    for known, packed in zip(runs, staged.packed(each.run for each in runs), strict=True):
        if (packed.head, packed.piece.sums) != (known.head, known.sums):
            raise ConflictError(f"run {known.run} was packed again while the archive was completed")
        yield packed


def _parts(run: Summary) -> Iterator[Part]:
    for place, etag in enumerate(run.head.parts):
        yield Part(run.head.first_part + place, etag)
