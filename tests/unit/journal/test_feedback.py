"""What SES took and could not deliver: the report address is told then."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from postroom.contracts.ses_events import JOURNAL as PURPOSE
from postroom.contracts.ses_events import PURPOSE_TAG, TRACE_TAG
from postroom.errors import ConflictError
from postroom.outbound.journal_feedback import JournalFeedback
from postroom.outbound.record_feedback import RecordFeedback
from tests.support.builders import ORG
from tests.support.journals import ADMIN, JOURNAL, JOURNALING, LETTER, Archive
from tests.support.outbound import PLAIN
from tests.support.ses_events import bounce_event, complaint_event, delay_event, reject_event

if TYPE_CHECKING:
    from collections.abc import Callable

CARL = "carl@example.org"


@pytest.fixture
def archive() -> Archive:
    return Archive()


def refuse(
    archive: Archive, trace: str, address: str = JOURNAL, *, organization_id: str = ORG, message_id: str = "ses-9"
) -> None:
    feedback = JournalFeedback(archive.ledger, archive.transit, archive.queues, archive.now)
    feedback.refused(trace, organization_id, address, message_id, "5.2.2", "552 mailbox full")
    archive.go_out()


def names(archive: Archive, trace: str) -> set[str]:
    return {fact.name.value for fact in archive.journal_facts(trace)}


def test_a_report_of_received_mail_is_returned_with_the_notice(archive: Archive) -> None:
    trace = archive.arrive("1", LETTER, "ann@acme.test")[0].trace
    archive.go_out()
    refuse(archive, trace)
    assert names(archive, trace) == {"JOURNALING_INITIATED", "JOURNALING_FAILED", "JOURNAL_NOTICE_SENT"}
    [content] = archive.sent_to(ADMIN)
    assert LETTER in content
    assert b"552 mailbox full" in content


def test_so_is_one_of_a_submission_with_a_plain_copy(archive: Archive) -> None:
    trace = archive.mail(CARL, "ben@acme.test")
    archive.go_out()
    refuse(archive, trace)
    [content] = archive.sent_to(ADMIN)
    assert PLAIN in content


def test_one_of_a_submission_whose_key_is_gone_is_told_without_it(archive: Archive) -> None:
    trace = archive.mail(CARL)
    archive.go_out()
    refuse(archive, trace)
    [content] = archive.sent_to(ADMIN)
    assert b"The report is not attached." in content
    assert trace.encode() in content


def test_an_event_that_comes_again_is_told_once(archive: Archive) -> None:
    trace = archive.mail(CARL)
    archive.go_out()
    for _ in range(3):
        refuse(archive, trace)
    assert len(archive.sent_to(ADMIN)) == 1


def test_an_order_that_was_not_sent_is_sent_by_the_next_attempt(archive: Archive) -> None:
    trace = archive.mail(CARL)
    archive.go_out()
    feedback = JournalFeedback(archive.ledger, archive.transit, archive.queues, archive.now)
    feedback.refused(trace, ORG, JOURNAL, "ses-9", "5.2.2", "552 mailbox full")
    archive.queues.queues["transmit"].clear()
    refuse(archive, trace)
    assert len(archive.sent_to(ADMIN)) == 1


def test_a_notice_that_comes_back_is_the_end(archive: Archive) -> None:
    trace = archive.mail(CARL)
    archive.go_out()
    refuse(archive, trace)
    refuse(archive, trace, ADMIN)
    assert "JOURNAL_NOTICE_FAILED" in names(archive, trace)
    assert len(archive.sent_to(ADMIN)) == 1


def test_reports_of_one_flow_are_told_apart(archive: Archive) -> None:
    trace = archive.arrive("1", LETTER, "ann@acme.test")[0].trace
    archive.go_out()
    archive.arrive("1", LETTER, "ben@acme.test")
    archive.go_out()
    first, second = (fact.data["sesMessageId"] for fact in archive.journal_facts(trace))
    assert first != second
    refuse(archive, trace, message_id=second)
    [failed] = [fact for fact in archive.journal_facts(trace) if fact.name.value == "JOURNALING_FAILED"]
    assert failed.data["part"]
    [content] = archive.sent_to(ADMIN)
    assert b"Recipient: ben@acme.test" in content


def test_a_report_is_known_by_the_id_of_ses_whatever_address_another_server_names(archive: Archive) -> None:
    trace = archive.mail(CARL)
    archive.go_out()
    [sent] = archive.journal_facts(trace)
    refuse(archive, trace, "box-7@inside.archive.test", message_id=sent.data["sesMessageId"])
    assert "JOURNALING_FAILED" in names(archive, trace)
    [content] = archive.sent_to(ADMIN)
    assert f"Journaling address: {JOURNAL}".encode() in content


def test_an_event_before_the_record_comes_again(archive: Archive) -> None:
    trace = archive.mail(CARL)
    with pytest.raises(ConflictError):
        refuse(archive, trace)
    archive.go_out()
    refuse(archive, trace)
    assert len(archive.sent_to(ADMIN)) == 1


def test_a_flow_that_is_gone_or_anothers_is_passed_over(archive: Archive) -> None:
    trace = archive.mail(CARL)
    archive.go_out()
    refuse(archive, "f" * 32)
    refuse(archive, trace, organization_id="m-" + "b" * 32)
    assert names(archive, trace) == {"JOURNALING_INITIATED"}


class TestEventsOfSes:
    """They say by a tag that they are about a report."""

    def accept(self, archive: Archive, body: str) -> None:
        told = json.loads(body)
        told["mail"]["tags"][PURPOSE_TAG] = [PURPOSE]
        RecordFeedback(archive.ledger, archive.transit, archive.queues, archive.now).accept(json.dumps(told))
        archive.go_out()

    def test_a_bounce_is_told_and_is_no_bounce_of_the_message(self, archive: Archive) -> None:
        trace = archive.arrive("1", LETTER, "ann@acme.test")[0].trace
        archive.go_out()
        self.accept(archive, bounce_event(JOURNAL.upper(), trace=trace))
        assert names(archive, trace) == {"JOURNALING_INITIATED", "JOURNALING_FAILED", "JOURNAL_NOTICE_SENT"}
        [content] = archive.sent_to(ADMIN)
        assert b"Status: 5.1.1" in content
        assert not any("BOUNCE" in fact.name.value for fact in archive.ledger.facts(trace))

    def test_so_is_one_of_an_address_that_was_given_in_upper_case(self, archive: Archive) -> None:
        archive.rules(journaling=replace(JOURNALING, address="Archive@Archive.example"))
        trace = archive.mail(CARL)
        archive.go_out()
        assert len(archive.sent_to("Archive@Archive.example")) == 1
        self.accept(archive, bounce_event("archive@archive.example", trace=trace))
        assert names(archive, trace) == {"JOURNALING_INITIATED", "JOURNALING_FAILED", "JOURNAL_NOTICE_SENT"}

    def test_a_bounce_of_a_recipient_with_the_same_address_is_another_thing(self, archive: Archive) -> None:
        trace = archive.mail(JOURNAL, CARL)
        archive.go_out()
        body = bounce_event(JOURNAL, trace=trace)
        RecordFeedback(archive.ledger, archive.transit, archive.queues, archive.now).accept(body)
        assert names(archive, trace) == {"JOURNALING_INITIATED"}
        assert any(fact.name.value == "OUTGOING_EMAIL_BOUNCED" for fact in archive.ledger.facts(trace))

    @pytest.mark.parametrize("make", [complaint_event, delay_event])
    def test_complaints_and_delays_change_nothing(self, archive: Archive, make: Callable[..., str]) -> None:
        trace = archive.mail(CARL)
        archive.go_out()
        told = json.loads(make(JOURNAL))
        told["mail"]["tags"][TRACE_TAG] = [trace]
        self.accept(archive, json.dumps(told))
        assert names(archive, trace) == {"JOURNALING_INITIATED"}

    def test_a_virus_that_ses_finds_in_a_report_is_told(self, archive: Archive) -> None:
        trace = archive.mail(CARL)
        archive.go_out()
        told = json.loads(reject_event([JOURNAL]))
        told["mail"]["tags"][TRACE_TAG] = [trace]
        self.accept(archive, json.dumps(told))
        assert "JOURNALING_FAILED" in names(archive, trace)
