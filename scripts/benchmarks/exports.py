"""How fast a mailbox is packed and sealed into an archive, beside Info-ZIP's ``zip -r -q`` of the same plain files.

The three stations run on the stores in memory: each message is read, opened, hashed, deflated and named in the
manifest; parts are uploaded, and sealed as staged objects; the sealer opens and hashes these, and writes the directory.
Calls of AWS are not part of it. Text is made of this repository's documentation, as plain text and HTML, as most mail
has it; attachments are noise in base64.

Both count in CPU time, in turn. Of two packers, which have half of the runs each, the slower one counts: packers share
nothing but the machine, and other work on it would decide about real time.
"""

from __future__ import annotations

import base64
import multiprocessing
import random
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from benchmarks.meter import KB
from benchmarks.pipeline import MESSAGE
from cli.repository import repository_root
from postroom.export import runs
from postroom.model.limits import MB
from tests.support.exports import BUCKET, ExportSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

BUDGET_SMALL: Final = 1 / 2.5
BUDGET_LARGE: Final = 1 / 6
"""Time, of zip's: at least 2.5 times and 6 times its speed."""

BUDGET_SMALL_SIZE: Final = 1.20
BUDGET_LARGE_SIZE: Final = 1.02
"""Size of the archive, of zip's."""

BUDGET_TWO: Final = 1 / 1.7
"""Time of two packers, of one's."""

SMALL: Final = 25 * KB
LARGE: Final = 5 * MB
TOTAL: Final = 96 * MB
"""Plain bytes of each mailbox. Longer ones take longer in proportion, on both sides."""

ROUNDS: Final = 3


@dataclass(slots=True)
class Mailbox:
    """A mailbox in memory; ``size`` is its messages' plain bytes."""

    system: ExportSystem = field(default_factory=ExportSystem)
    size: int = 0
    exports: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """Ratios to zip's time and size; ``speed`` is ours in MiB/s."""

    time: float
    size: float
    speed: float


def text_message(chance: random.Random, sentences: Sequence[str]) -> bytes:
    """Return a message of about 25 KB: header block of the newsletter, text, and the same as HTML."""
    head, paragraphs, length = MESSAGE.partition(b"\r\n\r\n")[0], [], 0
    while length * 2.3 < SMALL - len(head):
        paragraphs.append("\r\n".join(textwrap.wrap(" ".join(chance.choices(sentences, k=4)), 76)))
        length += len(paragraphs[-1])
    style = "margin:0 0 12px 0;font-family:Arial,sans-serif"
    html = "".join(f'<p style="{style}">{each}</p>\r\n' for each in paragraphs)
    kinds = {"text/plain": "\r\n\r\n".join(paragraphs), "text/html": f"<html><body>{html}</body></html>"}
    parts = (f"--b\r\nContent-Type: {kind}; charset=utf-8\r\n\r\n{body}\r\n" for kind, body in kinds.items())
    return head + f"\r\n\r\n{''.join(parts)}--b--\r\n".encode()


def attachment_message(chance: random.Random, _: Sequence[str]) -> bytes:
    """Return a message of about 5 MB with one attachment in base64, its lines ended by CRLF."""
    lines = base64.encodebytes(chance.randbytes(LARGE * 54 // 74 // 57 * 57)).replace(b"\n", b"\r\n")
    return MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + lines


def mailbox_of(make: Callable[[random.Random, Sequence[str]], bytes], folder: Path, total: int) -> Mailbox:
    """Make a mailbox; write the same messages as files into the folder."""
    chance, made, sentences = random.Random(1), Mailbox(), _sentences()  # noqa: S311  not for secrets
    while made.size < total:
        content = make(chance, sentences)
        made.system.put(content)
        (folder / f"{made.size:012x}.eml").write_bytes(content)
        made.size += len(content)
    return made


def archive(mailbox: Mailbox) -> bytes:
    """Export a mailbox, and return the archive.

    Raises:
        KeyError: the export did not complete.
    """
    mailbox.exports += 1
    job = mailbox.system.start(id=f"{mailbox.exports:08x}-2222-3333-4444-555555555555")
    mailbox.system.run()
    return mailbox.system.uploads.objects.pop((BUCKET, f"exports/{job.id}.zip"))


def measure(make: Callable[[random.Random, Sequence[str]], bytes], total: int = TOTAL) -> Found:
    """Measure one mailbox against zip, in turn.

    Raises:
        FileNotFoundError: zip is not installed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, ratios, times = Path(name) / "plain", list[float](), list[float]()
        folder.mkdir()
        mailbox, file = mailbox_of(make, folder, total), Path(name) / "zip.zip"
        for _ in range(ROUNDS):
            file.unlink(missing_ok=True)
            theirs, start = _seconds_of_zip(folder, file), time.process_time()
            size = len(archive(mailbox))
            times.append(time.process_time() - start)
            ratios.append(times[-1] / theirs)
        fastest = mailbox.size / MB / min(times)
        return Found(statistics.median(ratios), size / file.stat().st_size, fastest)


def measure_two(total: int = 2 * TOTAL) -> float:
    """Return the CPU time of the slower of two packers at once, each with half of a mailbox, of the time of one."""
    global _packed  # noqa: PLW0603  the processes inherit it: nothing is sent to them
    with tempfile.TemporaryDirectory() as name:
        _packed = mailbox_of(text_message, Path(name), total).system
    _packed.start()
    with patch.object(runs, "PARTS_PER_RUN", 1):  # so that there are enough runs for two
        _packed.accept("plan_export", next(_packed.waiting())[1])
    *orders, _ = (body for _, body in _packed.waiting())  # the last run is a short one
    orders = orders[: len(orders) // 2 * 2]
    times = [
        [_seconds_of(orders[first::packers] for first in range(packers)) for packers in (1, 2)] for _ in range(ROUNDS)
    ]
    _packed = ExportSystem()
    return statistics.median(two / one for one, two in times)


def has_zip() -> bool:
    """Return whether the program to compare with is installed."""
    return shutil.which("zip") is not None


_packed = ExportSystem()


def _pack(orders: Sequence[str]) -> float:
    start = time.process_time()
    for order in orders:
        _packed.accept("pack_export", order)
    return time.process_time() - start


def _seconds_of(packers: Iterable[Sequence[str]]) -> float:
    """Return the CPU time of the slowest packer, each a new process."""
    shares = list(packers)
    with multiprocessing.get_context("fork").Pool(len(shares), maxtasksperchild=1) as pool:
        return max(pool.map(_pack, shares, chunksize=1))


def _seconds_of_zip(folder: Path, file: Path) -> float:
    """Return the CPU time of ``zip -r -q``, reading and writing files included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["zip", "-r", "-q", str(file), "."], cwd=folder, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _sentences() -> Sequence[str]:
    root = repository_root()
    files = [root / "README.md", root / "ARCHITECTURE.md", *sorted((root / "docs").rglob("*.md"))]
    text = re.sub(r"[|`*#]+", " ", "\n".join(each.read_text("utf-8") for each in files))
    return [each.strip() for each in re.split(r"(?<=[.:;])\s+", text) if 30 < len(each) < 400]
