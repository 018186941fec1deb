"""What SES took and could not deliver: the report address is told then."""

from __future__ import annotations

import pytest

from postroom.errors import ConflictError
from postroom.outbound.journal_feedback import JournalFeedback
from tests.support.builders import ORG
from tests.support.journals import ADMIN, JOURNAL, LETTER, Archive
from tests.support.outbound import PLAIN

CARL = "carl@example.org"


@pytest.fixture
def archive() -> Archive:
    return Archive()


def refuse(
    archive: Archive, trace: str, address: str = JOURNAL, *, organization_id: str = ORG, message_id: str = "ses-9"
) -> None:
    feedback = JournalFeedback(archive.ledger, archive.transit, archive.queues, archive.now)
    feedback.refused(trace, organization_id, address, message_id, "5.2.2", "552 mailbox full")
    archive.carry_out()


def names(archive: Archive, trace: str) -> set[str]:
    return {fact.name.value for fact in archive.journal_facts(trace)}


def test_a_report_of_received_mail_is_returned_with_the_notice(archive: Archive) -> None:
    trace = archive.arrive("1", LETTER, "ann@acme.test")[0].trace
    archive.carry_out()
    refuse(archive, trace)
    assert names(archive, trace) == {"JOURNALING_INITIATED", "JOURNALING_FAILED", "JOURNAL_NOTICE_SENT"}
    [content] = archive.sent_to(ADMIN)
    assert LETTER in content
    assert b"552 mailbox full" in content


def test_so_is_one_of_a_submission_with_a_plain_copy(archive: Archive) -> None:
    trace = archive.mail(CARL, "ben@acme.test")
    archive.carry_out()
    refuse(archive, trace)
    [content] = archive.sent_to(ADMIN)
    assert PLAIN in content


def test_one_of_a_submission_whose_key_is_gone_is_told_without_it(archive: Archive) -> None:
    trace = archive.mail(CARL)
    archive.carry_out()
    refuse(archive, trace)
    [content] = archive.sent_to(ADMIN)
    assert b"The report is not attached." in content
    assert trace.encode() in content


def test_an_event_that_comes_again_is_told_once(archive: Archive) -> None:
    trace = archive.mail(CARL)
    archive.carry_out()
    for _ in range(3):
        refuse(archive, trace)
    assert len(archive.sent_to(ADMIN)) == 1


def test_an_order_that_was_not_sent_is_sent_by_the_next_attempt(archive: Archive) -> None:
    trace = archive.mail(CARL)
    archive.carry_out()
    feedback = JournalFeedback(archive.ledger, archive.transit, archive.queues, archive.now)
    feedback.refused(trace, ORG, JOURNAL, "ses-9", "5.2.2", "552 mailbox full")
    archive.queues.queues["transmit"].clear()
    refuse(archive, trace)
    assert len(archive.sent_to(ADMIN)) == 1


def test_a_notice_that_comes_back_is_the_end(archive: Archive) -> None:
    trace = archive.mail(CARL)
    archive.carry_out()
    refuse(archive, trace)
    refuse(archive, trace, ADMIN)
    assert "JOURNAL_NOTICE_FAILED" in names(archive, trace)
    assert len(archive.sent_to(ADMIN)) == 1


def test_reports_of_one_flow_are_told_apart(archive: Archive) -> None:
    trace = archive.arrive("1", LETTER, "ann@acme.test")[0].trace
    archive.carry_out()
    archive.arrive("1", LETTER, "ben@acme.test")
    archive.carry_out()
    first, second = (fact.data["sesMessageId"] for fact in archive.journal_facts(trace))
    assert first != second
    refuse(archive, trace, message_id=second)
    [failed] = [fact for fact in archive.journal_facts(trace) if fact.name.value == "JOURNALING_FAILED"]
    assert failed.data["part"]
    [content] = archive.sent_to(ADMIN)
    assert b"Recipient: ben@acme.test" in content


def test_an_event_before_the_record_comes_again(archive: Archive) -> None:
    trace = archive.mail(CARL)
    with pytest.raises(ConflictError):
        refuse(archive, trace)
    archive.carry_out()
    refuse(archive, trace)
    assert len(archive.sent_to(ADMIN)) == 1


def test_a_flow_that_is_gone_or_anothers_is_passed_over(archive: Archive) -> None:
    trace = archive.mail(CARL)
    archive.carry_out()
    refuse(archive, "f" * 32)
    refuse(archive, trace, organization_id="m-" + "b" * 32)
    assert names(archive, trace) == {"JOURNALING_INITIATED"}
