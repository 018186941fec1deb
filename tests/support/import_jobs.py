"""Import jobs in memory: a mailbox, an archive in a customer's bucket, and the station."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.memory.directory import MemoryDirectory
from postroom.adapters.memory.import_sources import MemoryImportSources, etag_of
from postroom.adapters.memory.queues import MemoryQueues
from postroom.contracts.import_orders import ImportOrder
from postroom.imports.import_mailbox import ImportMailbox
from postroom.model.imports import MailboxImportJob
from postroom.model.records import Insert
from postroom.ports.transit import Commit
from tests.support.builders import NOON, ORG, arn
from tests.support.directory_records import organization
from tests.support.importing import ImportedMailbox
from tests.support.owners import MailboxOwners

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

JOB: Final = "11111111-2222-3333-4444-555555555555"
BUCKET: Final = "bring-in"
PATH: Final = "mail.zip"
WHOLE_RUN_MS: Final = 900_000


def archive(entries: Mapping[str, bytes]) -> bytes:
    """Return a zip archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in entries.items():
            opened.writestr(name, content)
    return made.getvalue()


def messages(count: int) -> dict[str, bytes]:
    """Return entries of an archive with messages in the inbox."""
    return {f"Inbox/{number}.eml": b"Subject: %d\r\n\r\nbody %d\r\n" % (number, number) for number in range(count)}


@dataclass
class ImportSystem(ImportedMailbox):
    """The mailbox of ann. ``around`` puts something between the station and a port, by the port's name."""

    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    owners: MailboxOwners = field(default_factory=MailboxOwners)
    sources: MemoryImportSources = field(default_factory=MemoryImportSources)
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    clock: int = NOON
    step_ms: int = 0
    """By how much each look at the clock moves it."""
    around: Callable[[str, Any], Any] = lambda _, port: port

    def tick(self) -> int:
        self.clock += self.step_ms
        return self.clock

    def start(self, content: bytes) -> MailboxImportJob:
        """Start a job as StartMailboxImportJob does."""
        self.directory.commit([Insert(organization(ORG))])
        self.sources.objects[BUCKET, PATH] = content
        job = MailboxImportJob(
            organization_id=ORG,
            id=JOB,
            entity_id="ann",
            role_arn="arn:aws:iam::123456789012:role/import",
            external_id=arn(),
            bucket=BUCKET,
            path=PATH,
            etag=etag_of(content),
            started=NOON,
        )
        order = self.order
        self.transit.commit(Commit(orders=[order]))
        self.directory.commit([Insert(job)])
        self.queues.send([order])
        return job

    @property
    def order(self) -> ImportOrder:
        return ImportOrder(trace=f"import:{JOB}", organization_id=ORG, job_id=JOB)

    @property
    def job(self) -> MailboxImportJob:
        found = self.directory.owned(MailboxImportJob, ORG, JOB)
        assert found is not None
        return found

    def accept(
        self, body: str, remaining_ms: Callable[[], int] = lambda: WHOLE_RUN_MS, *, comes_again: bool = False
    ) -> None:
        ports: dict[str, Any] = {
            "records": self.directory,
            "owners": self.owners,
            "mailboxes": self.mailboxes,
            "calendars": self.store,
            "sources": self.sources,
            "transit": self.transit,
            "queues": self.queues,
        }
        made = {name: self.around(name, port) for name, port in ports.items()}
        station = ImportMailbox(**made, now=self.tick, pause=self.pauses.append)
        station.accept(body, remaining_ms, comes_again=comes_again)

    def run(self, remaining_ms: Callable[[], int] = lambda: WHOLE_RUN_MS) -> int:  # type: ignore[override]
        """Carry out everything that waits; return how many runs that took."""
        waiting, runs = self.queues.queues["import_mailbox"], 0
        while waiting:
            self.accept(waiting.popleft(), remaining_ms)
            runs += 1
        return runs

    @property
    def is_open(self) -> bool:
        return self.transit.order(self.order.trace, self.order.key) is not None
