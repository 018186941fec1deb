"""Exports on memory ports: a mailbox, the three stations, and the queues between them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import zipfile
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.memory.directory import MemoryDirectory
from postroom.adapters.memory.exports import MemoryExportStaging, MemoryExportUploads, MemorySealedReads
from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.mailbox_keys import MemoryMailboxKeys
from postroom.adapters.memory.mailboxes import MemoryMailboxes
from postroom.adapters.memory.parked import MemoryParkedThings
from postroom.adapters.memory.queues import MemoryQueues
from postroom.adapters.memory.sealed_mail import MemorySealedMail
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.contracts.export_manifest import MANIFEST, read_line
from postroom.contracts.export_orders import PlanExportOrder, destination_of, end_order
from postroom.export import pack_export, parts, runs
from postroom.export.job import Export
from postroom.export.pack_export import PackExport
from postroom.export.plan_export import PlanExport
from postroom.export.seal_export import SealExport
from postroom.model.exports import MailboxExportJob
from postroom.model.jobs import JobState
from postroom.model.mailbox import NewItem, blob_key, enter
from postroom.model.records import Insert, Replace
from postroom.parking.redrive import Redriving
from postroom.ports.mailboxes import MailboxOwner
from postroom.ports.transit import Commit
from postroom.sealing import seal_message
from tests.support.builders import NOON, ORG, arn
from tests.support.directory_records import organization
from tests.support.owners import MailboxOwners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pytest

    from postroom.ports.queues import Message

KMS: Final = "arn:aws:kms:us-east-1:123456789012:key/mail"
THEIRS: Final = "arn:aws:kms:us-east-1:123456789012:key/theirs"
JOB: Final = "11111111-2222-3333-4444-555555555555"
BUCKET: Final = "take-out"
KB: Final = 1 << 10
NOISE: Final = random.Random(7).randbytes(6 * KB)  # noqa: S311 - bytes that do not shrink


@dataclass(frozen=True)
class OwnQueues:
    """The queues that a function of exports has; another one is a KeyError, as in ``SqsQueues``."""

    queues: MemoryQueues
    stations: tuple[str, ...]

    def send(self, messages: Iterable[Message], *, delay_s: int | None = None) -> None:
        sent = list(messages)
        for each in sent:
            if each.station not in self.stations:
                raise KeyError(each.station)
        self.queues.send(sent, delay_s=delay_s)


@dataclass
class ExportSystem:
    """The organization ``ORG`` with the mailbox ann; ``part_bytes`` is small so that few messages make many parts."""

    clock: int = NOON
    tables: MemoryTables = field(default_factory=MemoryTables)
    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    owners: MailboxOwners = field(default_factory=MailboxOwners)
    keys: MemoryMailboxKeys = field(default_factory=MemoryMailboxKeys)
    sealed: MemorySealedMail = field(default_factory=MemorySealedMail)
    uploads: MemoryExportUploads = field(default_factory=MemoryExportUploads)
    staging: MemoryExportStaging = field(default_factory=MemoryExportStaging)
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    contents: dict[str, bytes] = field(default_factory=dict)
    """What was put into the mailbox, by token."""
    others: bool = False
    around: Callable[[str, Any], Any] = lambda _, port: port
    """Puts something between a station and a port, by the port's name."""

    def __post_init__(self) -> None:
        self.keys.add(KMS)
        self.directory.commit([Insert(organization(ORG))])
        self.mailboxes = MemoryMailboxes(self.tables, self.now)
        self.transit = MemoryTransit(self.tables, self.now)
        self.ledger = MemoryLedger(self.tables)
        self.things = MemoryParkedThings(self.tables, self.now)
        self.parking = Redriving(self.things, self.ledger, self.transit, self.now, self.queues)
        wrapped = self.keys.new(KMS, arn())
        owner = MailboxOwner(ORG, arn(), KMS)
        self.mailboxes.create("ann", owner, wrapped_key=wrapped, quota_bytes=1 << 40, now_ms=NOON)
        self.key = self.keys.unwrap(wrapped, KMS, arn())

    def now(self) -> int:
        return self.clock

    def put(self, content: bytes, folder: str = "INBOX", **changes: Any) -> str:
        """Put an item into the mailbox, as deliver does; return its token."""
        token = hashlib.sha256(f"{len(self.contents)}".encode()).hexdigest()[:32]
        blob = blob_key(ORG, "ann", token)
        self.sealed.put_once(blob, seal_message(content, mailbox_key=self.key, place=blob))
        members: dict[str, Any] = {
            "token": token,
            "folder": folder,
            "blob": blob,
            "size": len(content),
            "summary": b"",
            "item_class": "IPM.Appointment" if folder == "CALENDAR" else "IPM.Note",
            "conversation": "",
            "received": NOON + len(self.contents) * 1000,
            "created": NOON,
            "has_attachments": False,
        } | changes
        new = NewItem(**members)
        mailbox = self.tables.mailboxes["ann"]
        item, counters = enter(mailbox.head, new, NOON)
        mailbox.items[item.id] = item
        mailbox.head = replace(
            mailbox.head,
            sequence=mailbox.head.sequence + 1,
            size=mailbox.head.size + len(content),
            folders={**mailbox.head.folders, folder: counters},
        )
        self.contents[token] = content
        return token

    def start(self, **changes: Any) -> MailboxExportJob:
        """Start a job as StartMailboxExportJob does."""
        members: dict[str, Any] = {
            "organization_id": ORG,
            "id": JOB,
            "entity_id": "ann",
            "role_arn": "arn:aws:iam::123456789012:role/export",
            "external_id": arn(),
            "key_arn": THEIRS,
            "bucket": BUCKET,
            "prefix": "exports",
            "started": NOON,
        } | changes
        job = MailboxExportJob(**members)
        order = PlanExportOrder(trace=job.trace, organization_id=ORG, job_id=job.id, destination=destination_of(job))
        self.transit.commit(Commit(orders=[order]))
        self.directory.commit([Insert(job)])
        self.queues.send([order])
        return job

    def cancel(self) -> bool:
        """Cancel the job as CancelMailboxExportJob does; ``False`` if it cannot be cancelled any more."""
        job = self.job
        if not job.can_be_cancelled:
            return False
        order = end_order(job.trace, ORG, job.id)
        self.transit.commit(Commit(orders=[order]))
        self.directory.commit([Replace(job.end(JobState.CANCELLED, self.now()))])
        self.queues.send([order])
        return True

    @property
    def job(self) -> MailboxExportJob:
        found = self.directory.owned(MailboxExportJob, ORG, JOB)
        assert found is not None
        return found

    def export(self, station: str) -> Export:
        """Return the ports of a station."""
        around = self.around
        stations = ("seal_export",) if station == "pack_export" else ("pack_export", "seal_export")
        return Export(
            records=around("records", self.directory),
            owners=around("owners", self.owners),
            mailboxes=around("mailboxes", self.mailboxes),
            keys=around("keys", self.keys),
            uploads=around("uploads", self.uploads),
            staging=around("staging", self.staging),
            transit=around("transit", self.transit),
            queues=around("queues", OwnQueues(self.queues, stations)),
            parking=self.parking,
            now=self.now,
            pause=lambda _: None,
        )

    def accept(self, station: str, body: str) -> None:
        """Let a station carry out one message."""
        export = self.export(station)
        match station:
            case "plan_export":
                PlanExport(export, os.urandom, self.others).accept(body)
            case "pack_export":
                PackExport(export, self.around("messages", MemorySealedReads(self.sealed)), os.urandom).accept(body)
            case "seal_export":
                SealExport(export).accept(body)

    def waiting(self) -> Iterator[tuple[str, str]]:
        """Take every message out of the queues, also those that are sent meanwhile."""
        while ready := [(name, queue) for name, queue in self.queues.queues.items() if queue]:
            for name, queue in ready:
                yield name, queue.popleft()

    def run(self) -> None:
        """Let the stations work until every queue is empty."""
        for station, body in self.waiting():
            self.accept(station, body)

    @property
    def archive(self) -> bytes:
        return self.uploads.objects[BUCKET, f"exports/{JOB}.zip"]

    @property
    def log(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.uploads.objects[BUCKET, f"exports/{JOB}.json"])
        return found

    def left_over(self) -> list[str]:
        """Return what an export should not leave: uploads, what was staged, orders and parked things."""
        rows = [f"row {key}" for _, key in self.tables.transit]
        return [*self.uploads.open, *self.staging.objects, *rows]


def tiny_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs have 24 KB, of parts of 6 KB: S3's limits, a thousandth of each."""
    monkeypatch.setattr(runs, "PART_BYTES", 6 * KB)
    for module in (parts, pack_export):
        monkeypatch.setattr(module, "MIN_PART_BYTES", 5 * KB)


def entries(archive: bytes) -> dict[str, bytes]:
    """Return an archive's files, after zipfile has checked them."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        names = opened.namelist()
        assert len(names) == len(set(names))
        return {name: opened.read(name) for name in names if not name.endswith("/")}


def folders(archive: bytes) -> list[str]:
    """Return the paths of an archive's folders."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return [name.removesuffix("/") for name in opened.namelist() if name.endswith("/")]


def manifest(archive: bytes) -> list[Any]:
    """Return the lines of an archive's manifest."""
    return [read_line(line) for line in entries(archive)[MANIFEST].splitlines()]


def check(system: ExportSystem, missing: int = 0) -> None:
    """Check that an export has completed, with every item, and has left nothing."""
    assert system.job.state is JobState.COMPLETED, system.job
    assert system.left_over() == []
    found = entries(system.archive)
    mail = [content for name, content in found.items() if name != MANIFEST]
    assert sorted(mail) == sorted(system.contents.values())
    for line in manifest(system.archive):
        if line.kind == "item":
            assert hashlib.sha256(found[line.path]).hexdigest() == line.sha256
    assert system.log["sha384Hash"] == system.job.sha384 == hashlib.sha384(system.archive).hexdigest()
    assert system.log["totalMessages"] == str(len(mail))
    assert system.log["totalBytes"] == str(sum(map(len, mail)))
    assert system.log["totalNonExportableItems"] == str(missing)
    assert system.uploads.encrypted[BUCKET, f"exports/{JOB}.zip"] == THEIRS
