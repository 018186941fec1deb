"""How much memory plan_export, pack_export and seal_export hold, for mailboxes of several sizes.

Each mailbox is exported in a process of its own, one station after the other, as workers do that stay warm. Messages
are read ahead as from S3, in as many threads, from files; parts are dropped, and what is staged goes to a disk. What
the mailbox's index takes in memory is no part of a function, and is subtracted. Linux only: /proc has the peak.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import multiprocessing
import random
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from benchmarks.exports import LARGE, SMALL
from postroom.adapters.aws import clients
from postroom.adapters.aws.export_staging import AHEAD_BYTES, STAGED_BYTES, STAGED_THREADS, THREADS
from postroom.adapters.aws.read_ahead import ahead
from postroom.adapters.memory.exports import MemoryExportUploads
from postroom.errors import MessageNotFoundError
from postroom.model.jobs import JobState
from postroom.model.limits import MAX_MESSAGE_BYTES, MB
from postroom.sealing import seal_message
from tests.support.exports import ExportSystem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from postroom.contracts.export_orders import Upload
    from postroom.ports.export_uploads import Part

BUDGET: Final = 300.0
"""MB of each function, with the interpreter and its modules."""

MAILBOXES: Final[Mapping[str, tuple[int, int]]] = {
    "200 MB in messages of 5 MB": (200 * MB, LARGE),
    "1 GB in messages of 5 MB": (1024 * MB, LARGE),
    "4 GB in messages of 5 MB": (4096 * MB, LARGE),
    "4 GB in messages of 25 KB": (4096 * MB, SMALL),
    "one message of 40 MB": (MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES),
}
"""Bytes of a mailbox, and of each message in it."""

STATUS: Final = Path("/proc/self/status")
CLEAR_REFS: Final = Path("/proc/self/clear_refs")
RESET_PEAK: Final = "5"
"""Source: Linux, Documentation/filesystems/proc.rst, clear_refs."""


@dataclass(frozen=True, slots=True)
class FileReads:
    """Implements ``SealedReads``: every message is one file."""

    file: Path

    def in_order(self, keys: Iterable[tuple[str, int]]) -> Iterator[bytes | None]:
        """Read the file as often as there are keys."""
        return ahead(lambda _: self.file.read_bytes(), keys, threads=THREADS, most_bytes=AHEAD_BYTES)


@dataclass(frozen=True, slots=True)
class FileStaging:
    """Implements ``ExportStaging`` with files."""

    folder: Path

    def put(self, key: str, sealed: bytes) -> None:
        """Write a file."""
        self._file(key).write_bytes(sealed)

    def get(self, key: str) -> bytes:
        """Read a file."""
        try:
            return self._file(key).read_bytes()
        except FileNotFoundError as error:
            raise MessageNotFoundError("there is no such staged object") from error

    def in_order(self, keys: Iterable[str]) -> Iterator[bytes]:
        """Read files ahead, as from S3."""
        sized = ((key, STAGED_BYTES) for key in keys)
        return ahead(self.get, sized, threads=STAGED_THREADS, most_bytes=STAGED_THREADS * STAGED_BYTES)

    def remove_under(self, _prefix: str) -> None:
        """Remove every file."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def _file(self, key: str) -> Path:
        return self.folder / hashlib.sha256(key.encode()).hexdigest()


class DroppedParts(MemoryExportUploads):
    """Keeps no bytes."""

    def put_part(self, upload: Upload, number: int, content: bytes) -> Part:
        """Drop a part's bytes."""
        return super().put_part(upload, number, content[:1])


def can_measure() -> bool:
    """Return whether the system tells a process's peak, and lets it be reset."""
    return CLEAR_REFS.exists()


def measure(total: int, size: int) -> dict[str, float]:
    """Return the peak of each function, in MB, as it exports a mailbox in a new process.

    Raises:
        RuntimeError: the export did not complete.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_peaks, total, size).result()


def mailbox_of(folder: Path, total: int, size: int) -> ExportSystem:
    """Return a mailbox all of whose messages are in one object."""
    blob, file, staged = "one/object", folder / "sealed", folder / "staged"
    staged.mkdir()
    reads = FileReads(file)

    def around(name: str, port: Any) -> Any:
        return reads if name == "messages" else port

    system = ExportSystem(uploads=DroppedParts(), staging=FileStaging(staged), around=around)  # type: ignore[arg-type]
    noise = random.Random(1).randbytes(size * 54 // 74 // 57 * 57)  # noqa: S311  not for secrets
    content = b"Subject: noise\r\n\r\n" + base64.encodebytes(noise).replace(b"\n", b"\r\n")
    file.write_bytes(seal_message(content, mailbox_key=system.key, place=blob))
    for _ in range(max(1, total // len(content))):
        system.put(b"", blob=blob, size=len(content))
    return system


def _peaks(total: int, size: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name, patch.dict("os.environ", {"AWS_DEFAULT_REGION": "us-east-1"}):
        for make in (clients.s3, clients.dynamodb, clients.sqs, clients.kms, clients.sts):
            make()
        alone = megabytes("VmRSS")
        system = mailbox_of(Path(name), total, size)
        gc.collect()
        outside, found = megabytes("VmRSS") - alone, dict[str, float]()
        system.start()
        for station, body in system.waiting():
            CLEAR_REFS.write_text(RESET_PEAK)
            system.accept(station, body)
            found[station] = max(found.get(station, 0), megabytes("VmHWM") - outside)
        if system.job.state is not JobState.COMPLETED:
            raise RuntimeError(f"the export is {system.job.state}: {system.job.error_info}")
        return found


def megabytes(name: str) -> float:
    """Return a row of the process's status in MB: ``VmRSS``, ``VmHWM``."""
    line = next(line for line in STATUS.read_text("ascii").splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024
