"""Journal reports through the functions' own handlers, with the rights of their roles."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import boto3
import pytest

from postroom.model.journaling import Journaling
from tests.faults.injector import Injector
from tests.faults.permissions import not_allowed
from tests.support.builders import ORG
from tests.support.journal_reports import read_report
from tests.support.journals import ADMIN, JOURNAL, LETTER
from tests.support.outbound import PLAIN
from tests.support.pipeline import CONTEXT, Pipeline, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack import Stack

AUTHOR = "amazonjournaling@acme.test"
STATIONS = ("ingest", "deliver", "transmit")


class Archive(Pipeline):
    """Ann and Ben, in the group team."""

    def begin(self) -> None:
        self.organization()
        for name in ("ann", "ben"):
            self.entity(name)
        self.entity("team", "ann", "ben")
        self.apps["submit"] = load("submit")
        self.injector = Injector(frozenset())

    def submit(self, *recipients: str) -> str:
        """Submit a message of Ann's, let everything be done, and return its trace."""
        event = {
            "organization_id": ORG,
            "user_id": "ann",
            "token": "t",
            "protocol": "API",
            "content": base64.b64encode(PLAIN).decode(),
            "recipients": list(recipients),
        }
        with self.injector.running("submit", lambda: None):
            answer = self.apps["submit"].handler(event, CONTEXT)
        self.work()
        return str(answer["trace"])

    def work(self) -> None:
        while any(self._carried_out(station) for station in STATIONS):
            pass

    def _carried_out(self, station: str) -> int:
        with self.injector.running(station, lambda: None):
            return self.carry_out(station)

    def names(self, trace: str) -> list[str]:
        return [fact.name.value for fact in self.operator.ledger.facts(trace)]


@pytest.fixture
def archive(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    monkeypatch.setenv("STACK_KEY_ARN", key)
    monkeypatch.setenv("PUT_CONTENT_BUCKETS", "TAGGED")
    made = Archive(stack)
    made.begin()
    with made.injector.installed():
        yield made
    assert not_allowed(made.injector.asked, made.stack.environment) == set(), "what a role lacks"


def test_what_is_sent_is_reported_by_ses_with_the_members_of_its_groups(archive: Archive) -> None:
    archive.apply_rules(journaling=Journaling(JOURNAL, ADMIN, AUTHOR))
    trace = archive.submit("carl@example.org", "team@acme.test")
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
    archive.work()
    [content] = archive.contents("ben")
    assert read_report(content).original == LETTER
