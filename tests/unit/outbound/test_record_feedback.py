"""Events of SES become facts of the flow of their message, once each, and an order to tell its sender."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.queues import MemoryQueues
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.contracts.orders import BounceOrder
from postroom.contracts.outbound_orders import end_key
from postroom.errors import ConflictError, InvalidNotificationError, StoreUnavailableError
from postroom.model.facts import SUBMITTED, EventName, Fact, OwnFact
from postroom.outbound.record_feedback import RecordFeedback
from postroom.ports.transit import Commit, Outcome
from tests.support.builders import NOON, ORG, OTHER, TRACE
from tests.support.ses_events import (
    FEEDBACK_ID,
    SES_ID,
    bounce_event,
    complaint_event,
    delay_event,
    event,
    reject_event,
)

TO = ("bob@example.org", "eve@example.org")


class Flow:
    """A message that SES has taken."""

    def __init__(self, *recipients: str) -> None:
        self.tables = MemoryTables()
        self.ledger = MemoryLedger(self.tables)
        self.transit = MemoryTransit(self.tables, lambda: NOON)
        self.queues = MemoryQueues()
        self.station = RecordFeedback(self.ledger, self.transit, self.queues, lambda: NOON + 5000)
        said = {"recipients": list(recipients or TO), "from": "ann@acme.test", "subject": "plums"}
        self.write(Fact(TRACE, ORG, EventName.OUTGOING_EMAIL_SUBMITTED, SUBMITTED, NOON, said))
        for each in recipients or TO:
            self.write(Fact(TRACE, ORG, EventName.OUTGOING_EMAIL_SENT, end_key(each), NOON + 1))

    def write(self, fact: Fact) -> None:
        assert self.transit.commit(Commit(facts=[fact])) is Outcome.DONE

    def accept(self, body: str) -> list[Fact]:
        """Record an event; return the facts that are new."""
        before = {fact.key for fact in self.ledger.facts(TRACE)}
        self.station.accept(body)
        return [fact for fact in self.ledger.facts(TRACE) if fact.key not in before]

    @property
    def told(self) -> list[str]:
        """The names of the orders that were sent to tell the sender."""
        return [BounceOrder.read(body).name for body in self.queues.queues["bounce"]]


@pytest.fixture
def flow() -> Flow:
    return Flow()


def test_a_bounce_is_a_fact_with_reason_status_and_diagnostic(flow: Flow) -> None:
    (fact,) = flow.accept(bounce_event(TO[0]))
    assert (fact.name, fact.key) == (EventName.OUTGOING_EMAIL_BOUNCED, f"OUTGOING_EMAIL_BOUNCED:{TO[0]}")
    assert fact.event == {
        "bouncedRecipient": {"emailAddress": TO[0], "reason": "550 5.1.1 user unknown", "status": "5.1.1"},
        "destination": TO[0],
        "reason": "550 5.1.1 user unknown",
    }
    assert fact.data["bounceType"] == "Permanent: General"
    assert (fact.data["sesMessageId"], fact.data["feedbackId"]) == (SES_ID, FEEDBACK_ID)
    assert fact.at == NOON + 2669
    assert flow.told == [f"ses:{FEEDBACK_ID}"]


def test_a_bounce_leaves_the_recipients_end_as_it_is(flow: Flow) -> None:
    flow.accept(bounce_event(TO[0]))
    end = flow.ledger.fact(TRACE, end_key(TO[0]))
    assert end is not None
    assert end.name is EventName.OUTGOING_EMAIL_SENT


@pytest.mark.parametrize(
    ("kind", "sub_type", "said", "reason", "status"),
    [
        ("Permanent", "NoEmail", {}, "Permanent: NoEmail", "5.1.1"),
        ("Permanent", "OnAccountSuppressionList", {}, "Permanent: OnAccountSuppressionList", "5.1.1"),
        ("Transient", "MailboxFull", {}, "Transient: MailboxFull", "5.2.2"),
        ("Transient", "MessageTooLarge", {}, "Transient: MessageTooLarge", "5.3.4"),
        ("Transient", "AttachmentRejected", {}, "Transient: AttachmentRejected", "5.6.0"),
        ("Undetermined", "Undetermined", {}, "Undetermined: Undetermined", "5.0.0"),
        ("Transient", "General", {"status": "4.4.7", "diagnosticCode": "smtp; 554 4.4.7 expired"}, None, "4.4.7"),
        ("Permanent", "General", {"diagnosticCode": "x-unix; no\r\nsuch user"}, "x-unix; no such user", "5.0.0"),
        ("Permanent", "NoEmail", {"status": "5.1.10 (no mailbox)"}, "Permanent: NoEmail", "5.1.10"),
        ("Permanent", "NoEmail", {"status": "5.1.1\r\nAction: delivered"}, "Permanent: NoEmail", "5.1.1"),
        ("Permanent", "NoEmail", {"status": "bad\r\nAction: delivered"}, "Permanent: NoEmail", "5.1.1"),
    ],
)
def test_a_bounce_without_a_report_says_what_ses_says(
    flow: Flow, kind: str, sub_type: str, said: dict[str, str], reason: str | None, status: str
) -> None:
    (fact,) = flow.accept(bounce_event(TO[0], kind=kind, sub_type=sub_type, said=said))
    assert fact.event["reason"] == (reason or "554 4.4.7 expired")
    assert fact.event["bouncedRecipient"]["status"] == status


@pytest.mark.parametrize(("sent_to", "found"), [(TO[:1], [TO[0]]), (TO, []), (("dan@example.org",), [])])
def test_an_address_of_another_servers_own_is_the_only_recipient_of_the_send(
    flow: Flow, sent_to: tuple[str, ...], found: list[str]
) -> None:
    """SES names the Final-Recipient of the other server's report: where an alias leads to, for instance."""
    body = json.loads(bounce_event("box-7@inside.example.org"))
    body["mail"]["destination"] = sent_to
    assert [fact.event["destination"] for fact in flow.accept(json.dumps(body))] == found


def test_a_complaint_is_recorded_and_not_told(flow: Flow) -> None:
    facts = flow.accept(complaint_event(*TO))
    assert [fact.key for fact in facts] == [f"OUTGOING_EMAIL_BOUNCED:{each}:complaint" for each in TO]
    assert {fact.data["complaint"] for fact in facts} == {"abuse"}
    assert {fact.event["reason"] for fact in facts} == {"the recipient reported the message: abuse"}
    assert flow.told == []


def test_a_complaint_and_a_bounce_of_one_recipient_are_two_facts(flow: Flow) -> None:
    flow.accept(complaint_event(TO[0], kind=None))
    assert len(flow.accept(bounce_event(TO[0]))) == 1


def test_a_rejected_message_is_told_for_all_its_recipients(flow: Flow) -> None:
    facts = flow.accept(reject_event(TO))
    assert [fact.event["destination"] for fact in facts] == list(TO)
    assert {fact.event["reason"] for fact in facts} == {"SES rejected the message: Bad content"}
    assert flow.told == [f"ses:{SES_ID}"]


class TestDelays:
    def test_a_delay_is_no_bounce(self, flow: Flow) -> None:
        (fact,) = flow.accept(delay_event(TO[0]))
        assert (fact.name, fact.key) == (OwnFact.DELIVERY_DELAYED, f"DELIVERY_DELAYED:{TO[0]}")
        assert fact.data["waiting"] == [
            {"address": TO[0], "status": "4.4.1", "diagnostic": "421 4.4.1 Unable to connect to remote host"}
        ]
        assert flow.told == []

    def test_a_delay_of_four_hours_is_told_once(self, flow: Flow) -> None:
        flow.accept(delay_event(TO[0], at="2026-11-24T15:59:59.999Z"))
        assert flow.told == []
        (late,) = flow.accept(delay_event(TO[0], at="2026-11-24T16:00:00.000Z"))
        assert (late.data["isLate"], late.data["until"]) == (True, NOON + 14 * 3_600_000)
        assert flow.accept(delay_event(TO[0], at="2026-11-24T18:00:00.000Z")) == []
        assert set(flow.told) == {f"delayed:ses:{SES_ID}"}

    def test_a_delay_whose_end_is_not_known_says_so(self, flow: Flow) -> None:
        (fact,) = flow.accept(delay_event(TO[0], until=None))
        assert fact.data["until"] == 0


class TestMoreThanOnce:
    @pytest.mark.parametrize("body", [bounce_event(*TO), complaint_event(*TO), reject_event(TO), delay_event(*TO)])
    def test_an_event_that_comes_again_records_nothing(self, flow: Flow, body: str) -> None:
        flow.accept(body)
        assert flow.accept(body) == []

    def test_a_stop_after_the_transaction_leaves_an_order_that_the_next_attempt_sends(self, flow: Flow) -> None:
        flow.queues.away = True
        with pytest.raises(StoreUnavailableError):
            flow.accept(bounce_event(TO[0]))
        flow.queues.away = False
        assert flow.accept(bounce_event(TO[0])) == []
        assert flow.told == [f"ses:{FEEDBACK_ID}"]

    def test_a_second_bounce_of_a_recipient_is_no_other_fact(self, flow: Flow) -> None:
        flow.accept(bounce_event(TO[0]))
        facts = flow.accept(bounce_event(*TO, feedback_id="f-2"))
        assert [fact.event["destination"] for fact in facts] == [TO[1]]

    def test_two_runs_that_record_at_the_same_time_record_once(self, flow: Flow) -> None:
        read = flow.ledger.facts

        def slow(trace: str) -> Any:
            found = read(trace)
            object.__setattr__(flow.station, "ledger", flow.ledger)
            flow.station.accept(bounce_event(TO[0]))
            return found

        late = type("Slow", (), {"facts": staticmethod(slow), "fact": staticmethod(flow.ledger.fact)})()
        object.__setattr__(flow.station, "ledger", late)
        with pytest.raises(ConflictError):
            flow.station.accept(bounce_event(TO[0]))
        assert flow.accept(bounce_event(TO[0])) == []

    @settings(max_examples=30)
    @given(st.lists(st.sampled_from([bounce_event(*TO), complaint_event(*TO), reject_event(TO), delay_event(TO[0])])))
    def test_whatever_the_order_the_facts_are_those_of_the_distinct_events(self, bodies: list[str]) -> None:
        flow = Flow()
        for body in bodies:
            flow.station.accept(body)
        bounced = bool({bounce_event(*TO), reject_event(TO)} & set(bodies))
        expected = (bounced + (complaint_event(*TO) in bodies)) * 2 + (delay_event(TO[0]) in bodies)
        assert len(flow.ledger.facts(TRACE)) == 1 + len(TO) + expected


class TestWhichFlow:
    @pytest.mark.parametrize("changes", [{"trace": "0" * 32}, {"trace": ""}, {"organization": OTHER}])
    def test_an_event_of_no_flow_is_passed_over(self, flow: Flow, changes: dict[str, str]) -> None:
        assert flow.accept(bounce_event(TO[0], **changes)) == []
        assert flow.told == []

    def test_an_event_without_tags_is_passed_over(self, flow: Flow) -> None:
        document = json.loads(bounce_event(TO[0]))
        del document["mail"]["tags"]
        assert flow.accept(json.dumps(document)) == []

    def test_a_recipient_of_a_journal_report_is_none_of_the_message(self, flow: Flow) -> None:
        assert flow.accept(bounce_event("journal@archive.example")) == []

    def test_a_recipient_that_a_function_added_is_one(self, flow: Flow) -> None:
        flow.write(Fact(TRACE, ORG, EventName.OUTGOING_EMAIL_SENT, end_key("new@example.org"), NOON))
        assert len(flow.accept(bounce_event("new@example.org"))) == 1

    @pytest.mark.parametrize("written", ["BOB@Example.ORG", "bob@example.org", "Bob@example.org.", '"bob"@example.org'])
    def test_a_recipient_is_known_in_any_form(self, flow: Flow, written: str) -> None:
        (fact,) = flow.accept(bounce_event(written))
        assert fact.event["destination"] == TO[0]

    def test_a_domain_in_unicode_is_the_flows_a_label(self) -> None:
        flow = Flow("bob@xn--bcher-kva.example")
        (fact,) = flow.accept(bounce_event("bob@bücher.example"))
        assert fact.event["destination"] == "bob@xn--bcher-kva.example"


def test_fifty_recipients_fail_in_more_than_one_transaction() -> None:
    many = [f"r{number}@example.org" for number in range(50)]
    flow = Flow(*many)
    assert len(flow.accept(bounce_event(*many))) == 50
    assert flow.told == [f"ses:{FEEDBACK_ID}", f"ses:{FEEDBACK_ID}:1"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        event("Open", "open", {}),
        event("Bounce", "complaint", {}),
        event("Bounce", "bounce", {"bounceType": "Permanent"}),
        bounce_event(TO[0]).replace("2026-11-24T12:00:02.669Z", "yesterday"),
        delay_event(TO[0]).replace("2026-11-25T02:00:00.000Z", "2026-11-25T02:00:00.000"),
    ],
)
def test_what_is_no_event_is_refused(flow: Flow, body: str) -> None:
    with pytest.raises(InvalidNotificationError):
        flow.station.accept(body)
