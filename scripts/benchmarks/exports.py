"""How fast a mailbox is packed and sealed into an archive, beside Info-ZIP's ``zip -r -q`` of the same plain files.

Each message is read from the store in memory, opened, hashed, deflated and named in the manifest; the bytes are cut
into staged objects, which are sealed; the sealer opens and hashes them and writes the directory. Calls of AWS are not
part of it. Text is made of this repository's documentation, as plain text and HTML, as most mail has it; attachments
are noise in base64.

Both count in CPU time, in turn; for two packers real time counts, and the best round: other work on the machine can
only make it slower.
"""

from __future__ import annotations

import base64
import hashlib
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
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.meter import KB
from benchmarks.pipeline import MESSAGE
from cli.repository import repository_root
from postroom.adapters.memory.sealed_mail import MemorySealedMail
from postroom.contracts.export_manifest import ManifestHead, ManifestItem
from postroom.export.archive import Entry, RunIndex, RunWriter, directory
from postroom.export.manifest import END, Piece, PieceWriter, add_manifest, piece_of
from postroom.model.limits import MB
from postroom.sealing import open_message, seal_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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

RUN: Final = 8 * MB
"""Plain bytes of a run: an eighth of an export's, so that there are runs for two packers."""

ROUNDS: Final = 3
KEY: Final = b"k" * 32
RECEIVED: Final = 1_795_521_600_000


@dataclass(slots=True)
class Mailbox:
    """Sealed messages; ``runs`` has their keys, ``size`` their plain bytes."""

    mail: MemorySealedMail = field(default_factory=MemorySealedMail)
    runs: list[list[str]] = field(default_factory=list)
    size: int = 0


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
    chance, made, room = random.Random(1), Mailbox(), 0  # noqa: S311  not for secrets
    sentences = _sentences()
    while made.size < total:
        content, place = make(chance, sentences), f"mail/m/mailbox/{made.size:012x}"
        made.mail.put_once(place, seal_message(content, mailbox_key=KEY, place=place))
        (folder / f"{made.size:012x}.eml").write_bytes(content)
        if room <= 0:
            made.runs.append([])
            room = RUN
        made.runs[-1].append(place)
        made.size, room = made.size + len(content), room - len(content)
    return made


def pack(mailbox: Mailbox, number: int) -> tuple[bytes, RunIndex, Piece]:
    """Pack one run; return its bytes, sealed as they are staged."""
    writer, lines, parts = RunWriter(), PieceWriter(), list[bytes]()
    for place in mailbox.runs[number]:
        content = b"".join(open_message(mailbox.mail.get(place), mailbox_key=KEY, place=place))
        path = f"Inbox/20261130T194931Z-{place[-12:]}.eml"
        lines.add(
            ManifestItem(
                kind="item",
                path=path,
                folder=("Inbox",),
                size=len(content),
                received=RECEIVED,
                sha256=hashlib.sha256(content).hexdigest(),
            )
        )
        parts += writer.add(Entry(path, RECEIVED), content)
    staged = seal_message(b"".join(parts), mailbox_key=KEY, place=f"run/{number}")
    return staged, writer.index(), lines.piece()


def archive(mailbox: Mailbox) -> Iterator[bytes]:
    """Yield the archive, as the sealer reads and hashes it."""
    whole, indexes = hashlib.sha384(), list[RunIndex]()
    pieces = [piece_of([ManifestHead()])]
    for number in range(len(mailbox.runs)):
        staged, index, piece = pack(mailbox, number)
        for frame in open_message(staged, mailbox_key=KEY, place=f"run/{number}"):
            whole.update(frame)
            yield frame
        indexes.append(index)
        pieces.append(piece)
    last = RunWriter()
    header = add_manifest(last, [piece.sums for piece in pieces], RECEIVED)
    for part in (header, *(piece.data for piece in pieces), END, *directory([*indexes, last.index()])):
        whole.update(part)
        yield part


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
            size = sum(map(len, archive(mailbox)))
            times.append(time.process_time() - start)
            ratios.append(times[-1] / theirs)
        fastest = mailbox.size / MB / min(times)
        return Found(statistics.median(ratios), size / file.stat().st_size, fastest)


def measure_two(total: int = 2 * TOTAL) -> float:
    """Return the real time in which two processes pack a mailbox of text, of the time of one."""
    global _packed  # noqa: PLW0603  the processes inherit it: nothing is sent to them
    with tempfile.TemporaryDirectory() as name:
        _packed = mailbox_of(text_message, Path(name), total)
    runs, forks = range(len(_packed.runs)), multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, mp_context=forks) as one, ProcessPoolExecutor(2, mp_context=forks) as two:
        times = [[_seconds_of(pool, runs) for pool in (one, two)] for _ in range(ROUNDS + 1)][1:]
    _packed = Mailbox()
    return min(each[1] for each in times) / min(each[0] for each in times)


def has_zip() -> bool:
    """Return whether the program to compare with is installed."""
    return shutil.which("zip") is not None


_packed = Mailbox()


def _pack_inherited(number: int) -> int:
    return len(pack(_packed, number)[0])


def _seconds_of(pool: ProcessPoolExecutor, runs: Sequence[int]) -> float:
    start = time.perf_counter()
    if not all(pool.map(_pack_inherited, runs)):
        raise RuntimeError("a run is empty")
    return time.perf_counter() - start


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
