"""A user whose message was refused outside, or waits, finds a report in the mailbox; nothing of it leaves."""

from __future__ import annotations

import email
from email import policy
from typing import TYPE_CHECKING, Any

import pytest

from postroom.bounce import mailbox_reports
from postroom.contracts.event_log import BouncedRecipient, OutgoingEmailBounced
from postroom.contracts.orders import DELAYED_PREFIX, BounceOrder, DeliveryOrder
from postroom.contracts.outbound_orders import end_key
from postroom.model.facts import SUBMITTED, EventName, Fact, OwnFact
from postroom.ports.transit import Commit, Outcome
from postroom.routing.inside import Inside, received_inside
from tests.support.builders import NOON, ORG, TRACE, order
from tests.support.reports import status_of

from .conftest import MailSystem, bounced

if TYPE_CHECKING:
    from email.message import EmailMessage

HOUR = 3_600_000
TO = ("bob@example.org", "eve@example.org", "zoe@example.net")


class Sent(MailSystem):
    """One message that Ann has sent to recipients outside."""

    def __init__(self, **changes: Any) -> None:
        super().__init__()
        data = {"mailboxId": "ann", "envelopeFrom": "ann@acme.test", "messageId": "<1@acme.test>", **changes}
        event = {"recipients": list(TO), "from": "ann@acme.test", "subject": "plums"}
        self._write(Fact(TRACE, ORG, EventName.OUTGOING_EMAIL_SUBMITTED, SUBMITTED, NOON, event, data))

    def refused(
        self, address: str = TO[0], reason: str = "550 5.1.1 no such user", status: str = "5.1.1", **data: str
    ) -> BounceOrder:
        """Let a recipient fail, as transmit or a rule does; ``key``: as SES reports it later."""
        said = BouncedRecipient(email_address=address, reason=reason, status=status)
        event = OutgoingEmailBounced(bounced_recipient=said, destination=address, reason=reason)
        key = data.pop("key", end_key(address))
        return self._ordered(Fact(TRACE, ORG, event.name, key, self.now, event.fields(), data), address)

    def delayed(self, *addresses: str, name: str = "ses:1", **more: str) -> BounceOrder:
        """Let recipients wait for hours, as transmit does."""
        said = {"status": "4.4.1", "diagnostic": "421 4.4.1 try later", **more}
        waiting = [{"address": each, **said} for each in addresses]
        data = {"order": name, "waiting": waiting, "until": NOON + 48 * HOUR}
        what = OwnFact.TRANSMIT_DELAYED
        return self._ordered(Fact(TRACE, ORG, what, f"{what}:{name}", self.now, {}, data), f"{DELAYED_PREFIX}{name}")

    def sent_to(self, address: str) -> None:
        self._write(Fact(TRACE, ORG, EventName.OUTGOING_EMAIL_SENT, end_key(address), self.now))

    def reports(self) -> list[EmailMessage]:
        """Return the reports that are on their way into Ann's mailbox, by their deliveries."""
        return [email.message_from_bytes(self.raw.read(each.raw), policy=policy.default) for each in self.deliveries()]

    def deliveries(self) -> list[DeliveryOrder]:
        return [DeliveryOrder.read(body) for body in self.queues.queues["deliver"]]

    def told_of(self) -> list[list[str]]:
        """Return the recipients that each report names."""
        return [
            [group["Final-Recipient"].partition("; ")[2] for group in status_of(each)[1:]] for each in self.reports()
        ]

    def _ordered(self, fact: Fact, name: str) -> BounceOrder:
        tell = BounceOrder(trace=TRACE, organization_id=ORG, name=name, since=self.now)
        self._write(fact, tell)
        return tell

    def _write(self, fact: Fact, *orders: BounceOrder) -> None:
        assert self.transit.commit(Commit(facts=[fact], orders=orders)) is Outcome.DONE


@pytest.fixture
def sent() -> Sent:
    return Sent()


def test_a_refused_recipient_is_reported_as_rfc_3464_says(sent: Sent) -> None:
    sent.accept(sent.refused(server="mx.example.org"))
    (report,) = sent.reports()
    message, recipient = status_of(report)
    assert message["Reporting-MTA"] == "dns; acme.test"
    assert recipient == {
        "Final-Recipient": "rfc822; bob@example.org",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.example.org",
        "Diagnostic-Code": "smtp; 550 5.1.1 no such user",
    }
    assert (report["To"], report["Subject"]) == ("ann@acme.test", "Undeliverable: plums")
    assert (report["In-Reply-To"], report["Auto-Submitted"]) == ("<1@acme.test>", "auto-replied")
    text, _, headers = report.iter_parts()
    assert "<bob@example.org>: 550 5.1.1 no such user" in text.as_string()
    returned = email.message_from_string(str(headers.get_payload()))
    assert dict(returned) == {
        "Date": "Tue, 24 Nov 2026 12:00:00 +0000",
        "From": "ann@acme.test",
        "Subject": "plums",
        "Message-ID": "<1@acme.test>",
    }


def test_a_report_is_a_flow_of_its_own_and_no_message_leaves(sent: Sent) -> None:
    sent.accept(sent.refused())
    (delivery,) = sent.deliveries()
    (told,) = (fact for fact in sent.ledger.facts(TRACE) if fact.name is OwnFact.BOUNCE_SENT)
    assert (told.data["means"], told.data["reportTrace"]) == ("mailbox", delivery.trace)
    assert told.data["recipients"] == ["bob@example.org"]
    (received,) = sent.ledger.facts(delivery.trace)
    assert received.name is EventName.ORGANIZATION_EMAIL_RECEIVED
    assert received.event["messageId"] == told.data["bounceMessageId"]
    assert (received.data["causedBy"], received.data["envelopeFrom"]) == (TRACE, "")
    assert (delivery.mailbox_id, delivery.recipient, delivery.folder) == ("ann", "ann@acme.test", "INBOX")
    assert sent.told == []
    assert sent.transit.is_clear(TRACE)


def test_recipients_that_fail_together_are_in_one_report_and_later_ones_in_another(sent: Sent) -> None:
    first = sent.refused(TO[0])
    sent.refused(TO[1])
    sent.accept(first)
    sent.accept(sent.refused(TO[2]))
    assert sent.told_of() == [[TO[0], TO[1]], [TO[2]]]
    assert len({each.trace for each in sent.deliveries()}) == 2


def test_orders_of_one_message_that_are_late_at_one_time_are_told_together(sent: Sent) -> None:
    """A message to more than 50 recipients has several orders, and its sender is told once."""
    first = sent.delayed(TO[0])
    sent.transit.commit(Commit(orders=[order("waits")]))
    sent.accept(first)
    sent.now += 1000
    second = sent.delayed(TO[1], name="ses:2")
    sent.accept(second)
    sent.now += 29_000
    sent.accept(first)
    assert sent.told_of() == [[TO[0], TO[1]]]


def test_a_report_waits_for_the_others_but_not_as_long_as_they_are_tried(sent: Sent) -> None:
    first = sent.refused()
    sent.transit.commit(Commit(orders=[order("waits")]))
    sent.accept(first)
    assert sent.reports() == []
    sent.now += 15 * 60_000
    sent.accept(first)
    assert sent.told_of() == [[TO[0]]]


def test_a_bounce_that_ses_reports_after_the_message_was_sent_is_told(sent: Sent) -> None:
    sent.sent_to(TO[0])
    sent.accept(sent.refused(key=f"OUTGOING_EMAIL_BOUNCED:{TO[0]}"))
    assert sent.told_of() == [[TO[0]]]


def test_a_recipient_is_told_of_once(sent: Sent) -> None:
    sent.accept(sent.refused())
    sent.accept(sent.refused(key=f"OUTGOING_EMAIL_BOUNCED:{TO[0]}"))
    assert len(sent.reports()) == 1
    assert sent.reasons() == [mailbox_reports.NOTHING_TO_TELL]
    assert sent.transit.is_clear(TRACE)


def test_an_order_that_comes_again_sends_what_may_not_have_been_sent_and_tells_nothing_new(sent: Sent) -> None:
    tell = sent.refused()
    for _ in range(3):
        sent.accept(tell)
    bodies = sent.queues.queues["deliver"]
    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert sent.names().count("BOUNCE_SENT") == 1


def test_another_run_that_tells_first_leaves_one_report(sent: Sent) -> None:
    tell = sent.refused()
    read = sent.raw.keep

    def slow(key: str, content: bytes) -> Any:
        if "BOUNCE_SENT" not in sent.names():
            object.__setattr__(sent.bouncer, "raw", sent.raw)
            sent.accept(tell)
        return read(key, content)

    object.__setattr__(sent.bouncer, "raw", type("Slow", (), {"keep": staticmethod(slow)})())
    sent.accept(tell)
    assert len(sent.reports()) == 1
    assert sent.names().count("BOUNCE_SENT") == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"envelopeFrom": ""}, mailbox_reports.NOT_TO_BOUNCE),
        ({"mailboxId": ""}, mailbox_reports.NO_MAILBOX),
    ],
)
def test_what_cannot_be_told_ends_with_a_reason(changes: dict[str, str], reason: str) -> None:
    sent = Sent(**changes)
    owner = sent.owners.owner
    object.__setattr__(sent.owners, "owner", lambda org, name: owner(org, name) if name else None)
    sent.accept(sent.refused())
    assert sent.reports() == []
    assert sent.reasons() == [reason]
    assert sent.transit.is_clear(TRACE)


def test_a_complaint_is_no_failure(sent: Sent) -> None:
    sent.sent_to(TO[0])
    sent.accept(sent.refused(key=f"OUTGOING_EMAIL_BOUNCED:{TO[0]}", complaint="abuse"))
    assert sent.reports() == []
    assert sent.reasons() == []


class TestDelays:
    def test_a_delay_is_told_at_the_second_look_and_until_when_it_is_tried(self, sent: Sent) -> None:
        tell = sent.delayed(*TO[:2])
        sent.transit.commit(Commit(orders=[order("waits")]))
        sent.accept(tell)
        sent.now += 30_000
        sent.accept(tell)
        (report,) = sent.reports()
        groups = status_of(report)[1:]
        assert [group["Action"] for group in groups] == ["delayed", "delayed"]
        assert {group["Will-Retry-Until"] for group in groups} == {"Thu, 26 Nov 2026 12:00:00 +0000"}
        assert {group["Diagnostic-Code"] for group in groups} == {"smtp; 421 4.4.1 try later"}
        assert report["Subject"] == "Delayed: plums"
        assert "DELAY_NOTICE_SENT" in sent.names()

    @pytest.mark.parametrize(("server", "mta"), [({"server": "mx.d.test"}, "dns; mx.d.test"), ({}, None)])
    def test_a_delay_names_the_server_where_there_is_one(
        self, sent: Sent, server: dict[str, str], mta: str | None
    ) -> None:
        sent.accept(sent.delayed(TO[0], **server))
        assert status_of(sent.reports()[0])[1].get("Remote-MTA") == mta

    def test_a_recipient_that_has_its_end_by_now_is_not_named(self, sent: Sent) -> None:
        tell = sent.delayed(*TO[:2])
        sent.sent_to(TO[0])
        sent.accept(tell)
        assert sent.told_of() == [[TO[1]]]

    def test_a_delay_that_is_over_is_not_told(self, sent: Sent) -> None:
        tell = sent.delayed(TO[0])
        sent.sent_to(TO[0])
        sent.accept(tell)
        assert sent.reports() == []
        assert sent.reasons() == [mailbox_reports.NOTHING_TO_TELL]

    def test_a_recipient_whose_delay_was_told_is_told_when_it_fails(self, sent: Sent) -> None:
        sent.accept(sent.delayed(TO[0]))
        sent.accept(sent.refused(TO[0], "not accepted in time: 421 4.4.1 try later", "4.4.7"))
        assert sent.told_of() == [[TO[0]], [TO[0]]]
        failed = status_of(sent.reports()[1])[1]
        assert (failed["Action"], failed["Status"]) == ("failed", "4.4.7")

    def test_a_reason_in_words_of_ours_has_its_status_once(self, sent: Sent) -> None:
        sent.accept(sent.refused(TO[0], "5.3.4 The gateway takes messages of at most 10 bytes.", "5.3.4"))
        expected = "550 5.3.4 The gateway takes messages of at most 10 bytes."
        assert status_of(sent.reports()[0])[1]["Diagnostic-Code"] == f"smtp; {expected}"
        assert f"<{TO[0]}>: {expected}" in sent.reports()[0].as_string()

    def test_failures_and_delays_of_one_moment_are_two_reports(self, sent: Sent) -> None:
        first = sent.refused(TO[0])
        sent.delayed(TO[1])
        sent.accept(first)
        assert [each["Subject"] for each in sent.reports()] == ["Undeliverable: plums", "Delayed: plums"]
        assert sent.transit.is_clear(TRACE)

    @pytest.mark.parametrize("late", [True, False])
    def test_a_delay_that_ses_reports_is_told_if_it_lasts(self, sent: Sent, late: bool) -> None:
        sent.sent_to(TO[0])
        waiting = [{"address": TO[0], "status": "", "diagnostic": ""}]
        data = {"waiting": waiting, "until": 0, "isLate": late}
        what = OwnFact.DELIVERY_DELAYED
        fact = Fact(TRACE, ORG, what, f"{what}:{TO[0]}", sent.now, {}, data)
        sent.accept(sent._ordered(fact, f"{DELAYED_PREFIX}{TO[0]}"))
        assert sent.told_of() == ([[TO[0]]] if late else [])
        if late:
            assert status_of(sent.reports()[0])[1]["Status"] == "4.0.0"


def test_a_user_is_told_of_a_recipient_inside_that_refuses(sent: Sent) -> None:
    inside = Inside(
        trace="e" * 32,
        organization_id=ORG,
        caused_by=TRACE,
        recipients=("ben@acme.test",),
        author="ann@acme.test",
        sender="",
        subject="plums",
        message_id="<1@acme.test>",
        envelope_from="ann@acme.test",
        raw=sent.raw.keep("transit/x", b"Subject: plums\r\n\r\n"),
        size=20,
        received_at=NOON,
    )
    tell = BounceOrder(trace=inside.trace, organization_id=ORG, name="ben@acme.test", since=NOON)
    refusal = bounced("ben@acme.test", "mailbox full", "5.2.2")
    facts = [received_inside(inside, NOON), Fact(inside.trace, ORG, refusal.name, refusal.key, NOON, refusal.event)]
    sent.transit.commit(Commit(facts=facts, orders=[tell]))
    sent.accept(tell)
    assert sent.told_of() == [["ben@acme.test"]]
    (delivery,) = sent.deliveries()
    assert (delivery.mailbox_id, delivery.delivered_to) == ("ann", "ann@acme.test")


def test_an_order_of_a_deleted_organization_ends_without_a_report(sent: Sent) -> None:
    sent.owners.active = False
    sent.accept(sent.refused())
    assert sent.reports() == []
    assert sent.reasons() == [mailbox_reports.NO_MAILBOX]
