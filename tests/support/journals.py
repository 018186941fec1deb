"""An organization with journaling on memory ports, its transmissions carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.contracts.journal_orders import JournalOrder
from postroom.model.journaling import Journaling
from tests.support.journal_reports import Report, read_report
from tests.support.outbound import Office

if TYPE_CHECKING:
    from postroom.model.facts import Fact

JOURNAL: Final = "journal@archive.example"
ADMIN: Final = "admin@elsewhere.example"
JOURNALING: Final = Journaling(JOURNAL, ADMIN, "amazonjournaling@acme.test")
LETTER: Final = (
    b"From: bob@example.org\r\nTo: ann@acme.test\r\nSubject: plums\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n"
)


class Archive(Office):
    """Journaling is on. ``transmit`` works when ``go_out`` is called."""

    def __init__(self, journaling: Journaling | None = JOURNALING) -> None:
        super().__init__()
        self.rules(journaling=journaling)

    def orders(self) -> list[JournalOrder]:
        """Return the open orders to report, of all flows."""
        entries = [row.entry for row in list(self.tables.transit.values())]
        return [entry for entry in entries if isinstance(entry, JournalOrder)]

    def pass_on(self, hours: float) -> None:
        """Let time pass, in steps of a quarter of an hour, and transmit what comes due."""
        for _ in range(round(hours * 4)):
            self.later += 15 * 60_000
            waiting = list(self.queues.later.pop("transmit", ()))
            self.queues.queues["transmit"].extend(body for body, _ in waiting)
            self.go_out()

    def sent_to(self, address: str) -> list[bytes]:
        """Return what an address outside was sent."""
        return [content for recipient, content in self.ses.sent if recipient == address]

    def reports(self) -> list[Report]:
        """Return what the journaling address outside was sent."""
        return [read_report(content) for content in self.sent_to(JOURNAL)]

    def journal_facts(self, trace: str) -> list[Fact]:
        """Return the facts about a flow's report."""
        return [fact for fact in self.ledger.facts(trace) if "JOURNAL" in fact.name.value]
