"""Journal reports through the functions' own handlers, with the rights of their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.model.journaling import Journaling
from tests.support.journal_reports import read_report
from tests.support.journals import ADMIN, JOURNAL, LETTER
from tests.support.outbound import PLAIN
from tests.support.outbound_office import WatchedPipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack import Stack

AUTHOR = "amazonjournaling@acme.test"


class Archive(WatchedPipeline):
    """Ann and Ben, in the group team."""

    stations = ("ingest", "deliver", "transmit")

    def begin(self) -> None:
        super().begin()
        self.entity("team", "ann", "ben")

    def names(self, trace: str) -> list[str]:
        return [fact.name.value for fact in self.operator.ledger.facts(trace)]


@pytest.fixture
def archive(stack: Stack) -> Iterator[Archive]:
    with Archive.on(stack) as made:
        yield made


def test_what_is_sent_is_reported_by_ses_with_the_members_of_its_groups(archive: Archive) -> None:
    archive.apply_rules(journaling=Journaling(JOURNAL, ADMIN, AUTHOR))
    trace = archive.submit("carl@example.org", "team@acme.test", content=PLAIN)
    assert archive.names(trace).count("JOURNALING_INITIATED") == 1
    reports = [read_report(text.encode()) for text in archive.sent if "Journal-Report" in text]
    [report] = reports
    assert report.original == PLAIN
    assert report.recipients == [
        ("Bcc", "carl@example.org", ""),
        ("Bcc", "ann@acme.test", "team@acme.test"),
        ("Bcc", "ben@acme.test", "team@acme.test"),
    ]


def test_a_report_to_the_organization_itself_is_delivered(archive: Archive) -> None:
    archive.apply_rules(journaling=Journaling("ben@acme.test", ADMIN, AUTHOR))
    archive.arrive("1", LETTER, "ann@acme.test")
    archive.carry_all_out()
    [content] = archive.contents("ben")
    assert read_report(content).original == LETTER
