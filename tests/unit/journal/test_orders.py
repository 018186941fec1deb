"""Which messages are reported to the journal, and for which recipients: one order per message."""

from __future__ import annotations

from typing import Any

import pytest

from postroom.contracts.journal_orders import JournalOrder
from postroom.contracts.order_list import listed_orders
from postroom.contracts.outbound_orders import SealedLocation
from postroom.contracts.stored import RawLocation
from postroom.model.facts import RECEIVED, inside_trace, trace_of
from postroom.model.journaling import Journaling
from postroom.model.rules import ActionType
from postroom.ports.replies import Reply
from postroom.ports.transit import Commit
from postroom.submission.own import OwnSubmission, OwnSubmissions
from tests.support.builders import ORG, TRACE
from tests.support.journals import ADMIN, JOURNAL, JOURNALING, LETTER, Archive
from tests.support.outbound import MAIL, PLAIN, outbound
from tests.support.rules import rule


@pytest.fixture
def archive() -> Archive:
    return Archive()


def test_a_submitted_message_has_one_order_with_all_its_recipients(archive: Archive) -> None:
    trace = archive.mail("carl@example.org", "dora@example.org")
    [order] = archive.orders()
    assert (order.trace, order.key, order.submitted) == (trace, "journal", True)
    assert order.recipients == ("carl@example.org", "dora@example.org")
    assert (order.address, order.report_address, order.author) == (JOURNAL, ADMIN, JOURNALING.author)
    assert isinstance(order.raw, SealedLocation), "a report needs no plain copy"
    assert archive.raw.read(order.raw) == MAIL
    assert order.message in archive.queues.queues["transmit"]


def test_a_message_that_stays_inside_has_one_order_in_its_submission_and_none_where_it_arrives(
    archive: Archive,
) -> None:
    trace = archive.mail("ben@acme.test", "carl@example.org")
    assert archive.contents("ben") == [PLAIN]
    assert archive.ledger.fact(inside_trace(trace), RECEIVED) is not None
    [order] = archive.orders()
    assert (order.trace, order.domains) == (trace, ("acme.test",))
    assert type(order.raw) is RawLocation


def test_what_rules_do_with_a_submission_changes_nothing(archive: Archive) -> None:
    archive.rules(outbound(ActionType.DROP), journaling=JOURNALING)
    archive.mail("carl@example.org")
    assert [order.recipients for order in archive.orders()] == [("carl@example.org",)]


def test_a_received_message_has_one_order_and_its_deliveries_stay_listed(archive: Archive) -> None:
    archive.arrive("1", LETTER, "ann@acme.test", "ben@acme.test")
    [order] = archive.orders()
    assert (order.submitted, order.recipients, order.domains) == (
        False,
        ("ann@acme.test", "ben@acme.test"),
        ("acme.test",),
    )
    received = archive.ledger.fact(trace_of("1", ORG), RECEIVED)
    assert received is not None
    assert [each.mailbox_id for each in listed_orders(received)] == ["ann", "ben"]
    assert archive.contents("ann") == archive.contents("ben") == [LETTER]


def test_a_notification_that_comes_again_makes_no_other_order(archive: Archive) -> None:
    for _ in range(2):
        archive.arrive("1", LETTER, "ann@acme.test")
    assert len(archive.orders()) == 1


def test_recipients_that_are_added_to_a_flow_have_an_order_of_their_own(archive: Archive) -> None:
    archive.arrive("1", LETTER, "ann@acme.test")
    archive.arrive("1", LETTER, "ben@acme.test")
    first, second = archive.orders()
    assert (first.recipients, second.recipients) == (("ann@acme.test",), ("ben@acme.test",))
    assert len({first.key, second.key, first.end_key, second.end_key}) == 4


def test_without_journaling_there_is_no_order() -> None:
    archive = Archive(None)
    archive.mail("carl@example.org")
    archive.arrive("1", LETTER, "ann@acme.test")
    assert archive.orders() == []


def test_unknown_recipients_are_left_out(archive: Archive) -> None:
    archive.arrive("1", LETTER, "nobody@acme.test", "ann@acme.test")
    archive.arrive("2", LETTER, "nobody@acme.test")
    assert [order.recipients for order in archive.orders()] == [("ann@acme.test",)]


def test_a_rule_that_refuses_or_drops_received_mail_does_not_keep_it_from_the_journal(archive: Archive) -> None:
    archive.rules(rule(ActionType.DROP, recipients="ann@acme.test"), rule(ActionType.BOUNCE), journaling=JOURNALING)
    archive.arrive("1", LETTER, "ann@acme.test", "ben@acme.test")
    assert [order.recipients for order in archive.orders()] == [("ann@acme.test", "ben@acme.test")]


@pytest.mark.parametrize(
    "more", [{"verdicts": {"virus": "FAIL"}}, {"verdicts": {"dmarc": "FAIL"}, "dmarcPolicy": "reject"}]
)
def test_mail_that_is_refused_as_a_whole_is_not_reported(archive: Archive, more: dict[str, Any]) -> None:
    archive.arrive("1", LETTER, "ann@acme.test", **more)
    assert archive.contents("ann") == []
    assert archive.orders() == []


def test_mail_with_too_much_of_something_is_not_reported(archive: Archive) -> None:
    archive.arrive("1", b"Received: by mx\r\n" * 101 + LETTER, "ann@acme.test")
    assert archive.contents("ann") == []
    assert archive.orders() == []


class TestReportsAreNotReported:
    @pytest.fixture
    def inside(self) -> Archive:
        return Archive(Journaling("ben@acme.test", "admin@acme.test", "amazonjournaling@acme.test"))

    def test_mail_for_the_journaling_address_alone(self, inside: Archive) -> None:
        inside.arrive("1", LETTER, "ben@acme.test")
        inside.mail("ben@acme.test")
        assert inside.orders() == []

    def test_in_any_case(self) -> None:
        for address, given in (
            ("Ben@acme.test", "ben@ACME.test"),
            ("Journal@archive.example", "JOURNAL@archive.example"),
        ):
            office = Archive(Journaling(address, "admin@acme.test", "amazonjournaling@acme.test"))
            office.mail(given)
            assert office.orders() == []

    def test_other_mail_that_it_gets_too(self, inside: Archive) -> None:
        inside.mail("ben@acme.test", "cleo@acme.test")
        assert [order.recipients for order in inside.orders()] == [("ben@acme.test", "cleo@acme.test")]

    @pytest.mark.parametrize(
        ("author", "dmarc", "reported"),
        [
            ("amazonjournaling@acme.test", "PASS", False),
            ("amazonjournaling@acme.test", "GRAY", True),
            ("amazonjournaling@elsewhere.example", "PASS", True),
            ("ben@acme.test", "PASS", True),
        ],
    )
    def test_one_of_another_organization_of_the_stack(
        self, archive: Archive, author: str, dmarc: str, *, reported: bool
    ) -> None:
        """Headers alone do not say so: else everybody could keep their mail out of a journal."""
        archive.arrive(
            "1", LETTER.replace(b"bob@example.org", author.encode()), "ann@acme.test", verdicts={"dmarc": dmarc}
        )
        assert bool(archive.orders()) is reported


@pytest.mark.parametrize(("mailbox", "reported"), [("ann", True), ("", False)])
def test_an_automatic_reply_is_reported_and_the_organizations_own_reports_are_not(
    archive: Archive, mailbox: str, *, reported: bool
) -> None:
    own = OwnSubmissions(archive.directory, archive.rule_sets, archive.raw, archive.now)
    departure = own.depart(OwnSubmission(ORG, "a" * 32, TRACE, mailbox, PLAIN, ("carl@example.org",)))
    assert any(isinstance(order, JournalOrder) for order in departure.orders) is reported


def test_a_reply_that_stays_inside_is_reported(archive: Archive) -> None:
    reply = Reply(TRACE, ORG, "ann", "ann@acme.test", "ben@acme.test", "Away", "<a@acme.test>", PLAIN)
    departure = archive.replies.depart(reply)
    [order] = [each for each in departure.orders if isinstance(each, JournalOrder)]
    assert (order.trace, order.recipients, order.submitted) == (departure.trace, ("ben@acme.test",), True)
    archive.transit.commit(Commit(facts=departure.facts, orders=departure.orders))
    archive.queues.send(departure.orders)
    archive.go_out()
    assert archive.reports()[0].original == archive.contents("ben")[0] == PLAIN


def test_a_reply_to_the_journaling_address_is_not_reported() -> None:
    archive = Archive(Journaling("ben@acme.test", ADMIN, "amazonjournaling@acme.test"))
    reply = Reply(TRACE, ORG, "ann", "ann@acme.test", "ben@acme.test", "Away", "<a@acme.test>", PLAIN)
    assert not any(isinstance(each, JournalOrder) for each in archive.replies.depart(reply).orders)


def test_a_flow_of_many_transactions_has_one_order(archive: Archive) -> None:
    people = [f"u{number}" for number in range(90)]
    for name in people:
        archive.user(name)
    archive.arrive("1", LETTER, *(f"{name}@acme.test" for name in people))
    [order] = archive.orders()
    assert len(order.recipients) == 90
    assert all(archive.contents(name) for name in (people[0], people[-1]))
