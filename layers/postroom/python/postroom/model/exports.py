"""Jobs that export a mailbox to a customer's bucket: what the API shows of them, and how far their stations are.

Source: model, MailboxExportJob; guide, "Exporting mailbox content" (ZH:7189-7350).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from postroom.model.jobs import MAX_ERROR_CHARACTERS, Job, JobState
from postroom.model.limits import DAY_MS

MAILBOX_PAUSE_MS: Final = DAY_MS
"""Milliseconds from the start of a mailbox's job to the start of its next. Source: guide, ZH:7346."""

EXPORT_PREFIX: Final = "export:"
"""Prefix of the traces of exports."""

MAX_PATH_CHARACTERS: Final = 1023
"""Source: model, S3ObjectKey."""

_PLANNED_PERCENT: Final = 1
_PACKED_PERCENT: Final = 98
"""Progress when all runs are planned, and when all are packed; only a completed job has 100. Ours."""


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an export's plan found in the mailbox.

    Attributes:
        runs: number of runs; they are numbered from 0.
        items: messages and calendar items that are exported.
        folders: of the mailbox, the empty ones included.
        size: sum of the items' sizes, in bytes.
        left_out: items that are not exported, such as contacts.
    """

    runs: int
    items: int
    folders: int
    size: int
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxExportJob(Job):
    """A job, and how far its stations are.

    Attributes:
        key_arn: the symmetric KMS key under which S3 encrypts the archive.
        prefix: of the archive's key, as the caller gave it.
        upload_id: of the multipart upload; None before it is started.
        plan: None until the whole plan is written.
        packed: a bit per run that is packed, the lowest bit of the first byte for run 0.
        round: how often all runs are packed anew, because parts were not those that were recorded.
        completing: the upload is being completed: the job cannot be cancelled any more.
        sha384: of the finished archive, in hexadecimal digits.
    """

    family: ClassVar[str] = "EXPORT"
    key_arn: str
    prefix: str
    upload_id: str | None = None
    plan: ExportPlan | None = None
    packed: bytes = b""
    round: int = 0
    completing: bool = False
    sha384: str | None = None

    @property
    def trace(self) -> str:
        """The trace of its orders and facts."""
        return export_trace(self.id)

    @property
    def path(self) -> str:
        """Key of the archive in the bucket."""
        return archive_path(self.prefix, self.id)

    @property
    def log_path(self) -> str:
        """Key of the log in the bucket, beside the archive."""
        return f"{self.path.removesuffix(_ARCHIVE)}{_LOG}"

    @property
    def can_be_cancelled(self) -> bool:
        """Whether it runs, and its upload is not being completed."""
        return self.is_running and not self.completing

    @property
    def packed_runs(self) -> int:
        """How many runs are packed."""
        return int.from_bytes(self.packed).bit_count()

    @property
    def all_packed(self) -> bool:
        """Whether the plan is written and each of its runs is packed."""
        return self.plan is not None and self.packed_runs >= self.plan.runs

    @property
    def progress(self) -> int:
        """The estimated progress, in percent. Runs have about the same size, so that they are counted."""
        if self.state is JobState.COMPLETED:
            return 100
        if self.plan is None:
            return 0
        share = self.packed_runs / self.plan.runs if self.plan.runs else 1.0
        return _PLANNED_PERCENT + int(share * (_PACKED_PERCENT - _PLANNED_PERCENT))

    def with_packed(self, run: int) -> MailboxExportJob:
        """Return the job after a run was packed, once or again."""
        byte, bit = divmod(run, 8)
        packed = bytearray(self.packed.ljust(byte + 1, b"\0"))
        packed[byte] |= 1 << bit
        return replace(self, packed=bytes(packed))

    def stopped_by(self, cause: str) -> MailboxExportJob:
        """Return the job while something stops it that an operator, or the customer, can still remedy."""
        return replace(self, error_info=cause[:MAX_ERROR_CHARACTERS])

    def bars_next(self, now_ms: int) -> bool:
        """Say whether its mailbox may not be exported again yet.

        A job that failed or was cancelled has left nothing in the bucket, and bars nothing (ours).
        """
        if self.state is JobState.COMPLETED:
            return now_ms - self.started < MAILBOX_PAUSE_MS
        return self.is_running


_ARCHIVE: Final = ".zip"
_LOG: Final = ".json"


def archive_path(prefix: str, job_id: str) -> str:
    """Return the key of a job's archive: the prefix as a folder, and the job's id (ours)."""
    return f"{prefix.removesuffix('/')}/{job_id}{_ARCHIVE}"


def export_trace(job_id: str) -> str:
    """Return the trace of one export's orders and facts; it belongs to no message."""
    return f"{EXPORT_PREFIX}{job_id}"
