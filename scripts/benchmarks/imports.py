"""How fast an export's archive is imported into a mailbox in memory, beside Info-ZIP's ``unzip -q`` into files.

The import checks the archive, inflates, checks CRCs, hashes, looks every token up, reads header fields, seals content
and index entries, and writes items in transactions. Reading back is not part of it, nor are calls of AWS. Both count
in CPU time, in turn.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.exports import TOTAL, archive, mailbox_of
from postroom.adapters.memory.calendars import MemoryCalendars
from postroom.adapters.memory.mailbox_keys import MemoryMailboxKeys
from postroom.adapters.memory.mailboxes import MemoryMailboxes
from postroom.adapters.memory.sealed_mail import MemorySealedMail
from postroom.adapters.memory.tables import MemoryTables
from postroom.calendar_store.store import CalendarStore
from postroom.imports.importing import Importing
from postroom.imports.journal import Journal
from postroom.imports.read import read
from postroom.ports.mailboxes import MailboxOwner

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

BUDGET: Final = 1 / 0.8
"""Time, of unzip's: at least 0.8 times its speed."""

ROUNDS: Final = 3
KMS: Final = "arn:aws:kms:us-east-1:111122223333:key/k"
ORGANIZATION: Final = "arn:aws:workmail:us-east-1:111122223333:organization/m-1"


def measure(make: Callable[[random.Random, Sequence[str]], bytes], total: int = TOTAL) -> float:
    """Return the time of an import, of unzip's.

    Raises:
        FileNotFoundError: unzip is not installed.
    """
    with tempfile.TemporaryDirectory() as name:
        plain, file, ratios = Path(name) / "plain", Path(name) / "export.zip", list[float]()
        plain.mkdir()
        file.write_bytes(archive(mailbox_of(make, plain, total)))
        shutil.rmtree(plain)
        for _ in range(ROUNDS):
            theirs, start = _seconds_of_unzip(file, plain), time.process_time()
            if import_into_memory(file) < total:
                raise RuntimeError("something was not imported")
            ratios.append((time.process_time() - start) / theirs)
        return statistics.median(ratios)


def import_into_memory(file: Path) -> int:
    """Import an archive into a new mailbox; return the bytes that were added."""
    tables, keys, sealed = MemoryTables(), MemoryMailboxKeys(), MemorySealedMail()
    keys.add(KMS)
    mailboxes = MemoryMailboxes(tables, _now)
    owner = MailboxOwner("m-1", ORGANIZATION, KMS)
    wrapped = keys.new(KMS, ORGANIZATION)
    mailboxes.create("u-1", owner, wrapped_key=wrapped, quota_bytes=1 << 50, now_ms=_now())
    store = CalendarStore(mailboxes, MemoryCalendars(tables, _now), keys, sealed, _now, os.urandom)
    with Journal() as journal:
        importing = Importing.into("u-1", mailboxes, store, journal=journal, pause=lambda _: None)
        importing.run(read(file))
        return importing.report.total().added_bytes


def has_unzip() -> bool:
    """Return whether the program to compare with is installed."""
    return shutil.which("unzip") is not None


def _now() -> int:
    return time.time_ns() // 1_000_000


def _seconds_of_unzip(file: Path, folder: Path) -> float:
    """Return the CPU time of ``unzip -q``, writing files included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["unzip", "-q", str(file), "-d", str(folder)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(folder)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
