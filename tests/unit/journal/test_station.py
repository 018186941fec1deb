"""Reports leave once, and a report that fails is told to the report address with everything that the archive lost."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

import pytest

from postroom.contracts.ses_events import JOURNAL as PURPOSE
from postroom.errors import ConflictError, StoreUnavailableError
from postroom.model.facts import RECEIVED, OwnFact, report_trace
from postroom.model.journaling import Journaling
from postroom.model.limits import CHUNK_RECIPIENTS
from postroom.model.records import OrganizationState, Replace
from postroom.model.transmissions import Answer
from postroom.outbound.journal import JournalCarried
from tests.support.builders import ORG
from tests.support.journal_reports import read_report
from tests.support.journals import ADMIN, JOURNAL, JOURNALING, LETTER, Archive
from tests.support.outbound import PLAIN

if TYPE_CHECKING:
    from email.message import EmailMessage

CARL = "carl@example.org"
REFUSED = Answer.permanent("5.1.1", "550 5.1.1 no such user")
BUSY = Answer.temporary("4.3.2", "451 4.3.2 try later")


@pytest.fixture
def archive() -> Archive:
    return Archive()


def names(archive: Archive, trace: str) -> list[str]:
    return [fact.name.value for fact in archive.journal_facts(trace)]


def notice(archive: Archive, address: str = ADMIN) -> EmailMessage:
    """Return the one notice that an address was sent."""
    [content] = archive.sent_to(address)
    parsed = message_from_bytes(content, policy=default)
    assert parsed.get_content_type() == "multipart/report"
    return parsed


def test_a_report_is_sent_once_and_recorded(archive: Archive) -> None:
    trace = archive.mail(CARL)
    archive.go_out()
    [fact] = archive.journal_facts(trace)
    assert (fact.name.value, fact.key) == ("JOURNALING_INITIATED", "JOURNALING_INITIATED")
    assert fact.event == {"journalingAddress": JOURNAL}
    assert fact.data["reportAddress"] == ADMIN
    assert len(archive.reports()) == 1
    assert archive.orders() == []
    assert archive.transit.is_clear(trace)


def test_a_report_has_the_null_sender_and_says_what_it_is_for(archive: Archive) -> None:
    archive.mail(CARL)
    archive.go_out()
    outgoing = {each.recipients: each for each in archive.ses.tried}
    assert (outgoing[JOURNAL,].envelope_from, outgoing[JOURNAL,].purpose) == ("", PURPOSE)
    assert (outgoing[CARL,].envelope_from, outgoing[CARL,].purpose) == ("ann@acme.test", "")


def test_an_order_that_comes_again_sends_nothing(archive: Archive) -> None:
    archive.mail(CARL)
    [order] = archive.orders()
    for _ in range(3):
        archive.queues.queues["transmit"].append(order.message)
    archive.go_out()
    assert len(archive.reports()) == 1


def test_a_report_of_received_mail_leaves_too(archive: Archive) -> None:
    archive.arrive("1", LETTER, "ann@acme.test")
    archive.go_out()
    [report] = archive.reports()
    assert report.original == LETTER


class TestTheJournalingAddressRefuses:
    def test_one_notice_has_the_report(self, archive: Archive) -> None:
        archive.ses.answers[JOURNAL] = [REFUSED]
        trace = archive.mail(CARL)
        archive.go_out()
        assert names(archive, trace) == ["JOURNALING_FAILED", "JOURNAL_NOTICE_SENT"]
        failed = archive.journal_facts(trace)[0]
        assert (failed.data["address"], failed.data["status"]) == (JOURNAL, "5.1.1")
        told = notice(archive)
        assert (told["From"], told["To"]) == ("amazonjournaling@acme.test", ADMIN)
        text, status, _ = told.iter_parts()
        assert "Reason: 550 5.1.1 no such user" in text.get_content().splitlines()
        assert b"Final-Recipient: rfc822; journal@archive.example" in status.as_bytes()
        [content] = archive.sent_to(ADMIN)
        inner = content[content.index(b"Content-Type: message/rfc822") :].partition(b"\r\n\r\n")[2]
        report = read_report(inner[: inner.rindex(b"\r\n--=_")])
        assert report.original == PLAIN
        assert archive.transit.is_clear(trace)

    def test_it_is_not_tried_again(self, archive: Archive) -> None:
        archive.ses.answers[JOURNAL] = [REFUSED]
        archive.mail(CARL)
        archive.go_out()
        archive.pass_on(hours=5)
        assert archive.reports() == []
        assert len(archive.sent_to(ADMIN)) == 1

    def test_the_message_itself_leaves_and_its_sender_is_not_told(self, archive: Archive) -> None:
        archive.ses.answers[JOURNAL] = [REFUSED]
        archive.mail(CARL)
        archive.go_out()
        assert archive.sent_to(CARL) == [PLAIN]
        assert archive.contents("ann") == []

    def test_a_report_that_is_too_large_for_a_notice_is_not_returned(
        self, archive: Archive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("postroom.outbound.journal_notice.MAX_RETURNED_BYTES", 100)
        archive.ses.answers[JOURNAL] = [REFUSED]
        trace = archive.mail(CARL)
        archive.go_out()
        text, _ = notice(archive).iter_parts()
        assert "The report is not attached." in text.get_content()
        assert trace in text.get_content()

    def test_a_notice_without_the_message_says_so(self, archive: Archive) -> None:
        archive.ses.answers[JOURNAL] = [REFUSED]
        archive.arrive("1", LETTER, "ann@acme.test")
        archive.transmit.accept(archive.queues.queues["transmit"].popleft())
        archive.raw.remove("inbound/1")
        archive.go_out()
        text, _ = notice(archive).iter_parts()
        assert "The report is not attached." in text.get_content()

    def test_a_notice_that_is_refused_is_the_end(self, archive: Archive) -> None:
        archive.ses.answers |= {JOURNAL: [REFUSED], ADMIN: [REFUSED]}
        trace = archive.mail(CARL)
        archive.go_out()
        assert names(archive, trace) == ["JOURNALING_FAILED", "JOURNAL_NOTICE_FAILED"]
        assert archive.transit.is_clear(trace)


class TestTheJournalingAddressIsDown:
    def test_a_report_waits_and_is_sent_once_it_is_back(self, archive: Archive) -> None:
        archive.ses.answers[JOURNAL] = [BUSY] * 5
        trace = archive.mail(CARL)
        archive.go_out()
        assert (archive.reports(), names(archive, trace)) == ([], [])
        archive.pass_on(hours=10)
        assert (len(archive.reports()), names(archive, trace)) == (1, ["JOURNALING_INITIATED"])
        assert archive.sent_to(ADMIN) == []

    def test_after_two_days_there_is_one_notice_and_nothing_is_lost(self, archive: Archive) -> None:
        archive.ses.answers[JOURNAL] = [BUSY] * 1000
        trace = archive.mail(CARL)
        archive.go_out()
        archive.pass_on(hours=47)
        assert archive.sent_to(ADMIN) == []
        archive.pass_on(hours=2)
        assert names(archive, trace) == ["JOURNALING_FAILED", "JOURNAL_NOTICE_SENT"]
        [content] = archive.sent_to(ADMIN)
        assert PLAIN in content
        archive.pass_on(hours=5)
        assert len(archive.sent_to(ADMIN)) == 1
        assert archive.transit.is_clear(trace)


class TestInside:
    """The journaling address, or the report address, is one of the organization."""

    @pytest.fixture
    def archive(self) -> Archive:
        return Archive(Journaling("ben@acme.test", "cleo@acme.test", "amazonjournaling@acme.test"))

    def test_a_report_takes_an_inbound_flow_and_is_not_reported(self, archive: Archive) -> None:
        trace = archive.mail(CARL)
        archive.go_out()
        [content] = archive.contents("ben")
        assert read_report(content).original == PLAIN
        received = archive.ledger.fact(report_trace(trace, "journal"), RECEIVED)
        assert received is not None
        assert received.data["causedBy"] == trace
        [fact] = archive.journal_facts(trace)
        assert fact.data["reportTrace"] == received.trace, "the sweep keeps the bytes as long as that flow needs them"
        assert archive.orders() == []
        assert [each.recipients for each in archive.ses.tried] == [(CARL,)]

    def test_rules_do_not_keep_it_out(self, archive: Archive) -> None:
        from postroom.model.rules import ActionType
        from tests.support.rules import rule

        archive.rules(
            rule(ActionType.DROP), journaling=replace(JOURNALING, address="ben@acme.test", report_address=ADMIN)
        )
        archive.arrive("1", LETTER, "ann@acme.test")
        archive.go_out()
        assert (archive.contents("ann"), len(archive.contents("ben"))) == ([], 1)

    def test_a_stop_between_delivery_and_record_delivers_once(
        self, archive: Archive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trace = archive.mail(CARL)
        [order] = archive.orders()
        carried = JournalCarried(order, archive.raw, archive.directory, archive.own_addresses)
        for _ in range(2):  # a run that stops records nothing
            assert carried.inside(carried.content(), archive.now()) is not None
        archive.go_out()
        assert len(archive.contents("ben")) == 1
        assert names(archive, trace) == ["JOURNALING_INITIATED"]

    @pytest.mark.parametrize("address", ["nobody@acme.test", "crowd@acme.test"])
    def test_an_address_that_gets_no_mail_is_told_to_the_report_address(self, archive: Archive, address: str) -> None:
        many = [f"u{number}" for number in range(CHUNK_RECIPIENTS + 1)]
        for name in many:
            archive.user(name)
        archive.group("crowd", *many)
        archive.rules(journaling=Journaling(address, "cleo@acme.test", "amazonjournaling@acme.test"))
        trace = archive.mail(CARL)
        archive.go_out()
        assert names(archive, trace) == ["JOURNALING_FAILED", "JOURNAL_NOTICE_SENT"]
        [content] = archive.contents("cleo")
        assert PLAIN in content
        assert archive.orders() == []

    def test_a_full_mailbox_is_told_to_the_report_address_with_the_report(self, archive: Archive) -> None:
        archive.mailboxes.set_quota("ben", 100)
        archive.rules(journaling=Journaling("ben@acme.test", "cleo@acme.test", "amazonjournaling@acme.test"))
        trace = archive.mail(CARL)
        archive.go_out()
        assert names(archive, trace) == ["JOURNALING_FAILED", "JOURNAL_NOTICE_SENT"]
        failed = archive.journal_facts(trace)[0]
        assert (failed.data["status"], failed.data["reason"]) == ("5.2.2", "mailbox full")
        [content] = archive.contents("cleo")
        assert PLAIN in content
        assert archive.contents("ben") == []
        assert archive.orders() == []

    def test_a_mailbox_that_another_report_fills_meanwhile_is_told_too(self, archive: Archive) -> None:
        """Transmit sends several before the first is delivered: each finds room for itself."""
        archive.rules(journaling=Journaling("ben@acme.test", "cleo@acme.test", "amazonjournaling@acme.test"))
        traces = [archive.mail(CARL) for _ in range(3)]
        bodies = list(archive.queues.queues["transmit"])
        archive.queues.queues["transmit"].clear()
        archive.mailboxes.set_quota("ben", 1200)  # a report has about 800 bytes
        for body in bodies:
            archive.transmit.accept(body)
        archive.go_out()
        assert len(archive.contents("ben")) == 1
        failed = ["JOURNALING_FAILED", "JOURNALING_INITIATED", "JOURNAL_NOTICE_SENT"]
        assert sorted(sorted(names(archive, trace)) for trace in traces) == [failed, failed, ["JOURNALING_INITIATED"]]
        assert len(archive.contents("cleo")) == 2
        assert archive.orders() == []

    def test_a_report_that_fails_before_it_is_recorded_as_sent_is_told_later(self, archive: Archive) -> None:
        archive.rules(journaling=Journaling("ben@acme.test", "cleo@acme.test", "amazonjournaling@acme.test"))
        trace = archive.mail(CARL)
        [order] = archive.orders()
        carried = JournalCarried(order, archive.raw, archive.directory, archive.own_addresses)
        assert carried.inside(carried.content(), archive.now()) is not None
        archive.mailboxes.set_quota("ben", 100)
        archive.deliver.accept(archive.queues.queues["deliver"].popleft())
        [bounce] = archive.queues.queues["bounce"]
        with pytest.raises(ConflictError, match="not recorded as sent"):
            archive.bouncer.accept(bounce)
        assert names(archive, trace) == []
        archive.transmit.accept(order.message)  # as the run does that was at it
        for _ in range(2):
            archive.bouncer.accept(bounce)
        archive.go_out()
        assert len(archive.contents("cleo")) == 1

    def test_a_notice_that_no_mailbox_takes_is_recorded(self, archive: Archive) -> None:
        archive.mailboxes.set_quota("ben", 100)
        archive.rules(journaling=Journaling("ben@acme.test", "cleo@acme.test", "amazonjournaling@acme.test"))
        trace = archive.mail(CARL)
        bodies = archive.queues.queues["transmit"]
        while bodies:
            archive.transmit.accept(bodies.popleft())
        archive.mailboxes.set_quota("cleo", 100)
        archive.go_out()
        assert sorted(names(archive, trace)) == ["JOURNALING_FAILED", "JOURNAL_NOTICE_FAILED", "JOURNAL_NOTICE_SENT"]

    def test_of_a_group_one_mailbox_is_enough(self, archive: Archive) -> None:
        archive.group("keepers", "ben", "cleo")
        archive.rules(journaling=Journaling("keepers@acme.test", ADMIN, "amazonjournaling@acme.test"))
        trace = archive.mail(CARL)
        for body in list(archive.queues.queues["transmit"]):
            archive.transmit.accept(body)
        archive.mailboxes.set_quota("ben", 100)
        archive.go_out()
        assert names(archive, trace) == ["JOURNALING_INITIATED"]
        assert len(archive.contents("cleo")) == 1

    def test_a_group_takes_a_report_if_one_of_its_mailboxes_has_room(self, archive: Archive) -> None:
        archive.mailboxes.set_quota("ben", 100)
        archive.group("keepers", "ben", "cleo")
        archive.rules(journaling=Journaling("keepers@acme.test", ADMIN, "amazonjournaling@acme.test"))
        trace = archive.mail(CARL)
        archive.go_out()
        assert names(archive, trace) == ["JOURNALING_INITIATED"]
        assert len(archive.contents("cleo")) == 1

    def test_a_group_may_be_the_journaling_address_in_any_case(self, archive: Archive) -> None:
        archive.group("keepers", "ben", "cleo")
        archive.rules(journaling=Journaling("Keepers@acme.test", ADMIN, "amazonjournaling@acme.test"))
        archive.mail(CARL)
        archive.go_out()
        assert len(archive.contents("ben")) == len(archive.contents("cleo")) == 1


def test_a_key_that_cannot_be_used_is_no_failure_of_the_archive(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = archive.mail(CARL)

    def unavailable(*_: object) -> bytes:
        raise StoreUnavailableError("no answer")

    with monkeypatch.context() as stopping:
        stopping.setattr(type(archive.raw), "read", unavailable)
        archive.go_out()
    assert names(archive, trace) == []
    archive.pass_on(hours=1)
    assert names(archive, trace) == ["JOURNALING_INITIATED"]


def test_a_deleted_organization_reports_nothing(archive: Archive) -> None:
    trace = archive.mail(CARL)
    organization = archive.directory.organization(ORG)
    assert organization is not None
    archive.directory.commit([Replace(replace(organization, state=OrganizationState.DELETING))])
    archive.go_out()
    assert archive.ses.tried == []
    assert [fact.name for fact in archive.journal_facts(trace)] == [OwnFact.JOURNALING_FAILED]
