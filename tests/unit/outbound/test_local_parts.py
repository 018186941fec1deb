"""A recipient outside gets its message with the local part that was written, whatever happens on the way.

Source: RFC 5321, 2.4: only the host of a mailbox may read or change its local part.
"""

from __future__ import annotations

import email
from dataclasses import replace
from email import policy
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.outbound_orders import end_key
from postroom.model.directory import EntityKind
from postroom.model.facts import EventName, OwnFact
from postroom.model.limits import DAY_MS
from postroom.model.records import AddressClaim, Insert
from postroom.model.relay_answers import RelayResult
from postroom.model.rules import ActionType
from postroom.outbound.record_feedback import RecordFeedback
from tests.support.builders import ORG
from tests.support.outbound import MAIL, Office, outbound, said
from tests.support.reports import status_of
from tests.support.ses_events import bounce_event, delay_event, reject_event
from tests.unit.outbound.conftest import BUSY, GATEWAY, NO_SUCH, relayed

if TYPE_CHECKING:
    from postroom.model.facts import Fact

JO, SMALL, LOUD = "Jo.Bloggs@example.org", "jo.bloggs@example.org", "JO.BLOGGS@example.org"
SENT, BOUNCED = "OUTGOING_EMAIL_SENT", "OUTGOING_EMAIL_BOUNCED"


@pytest.fixture
def office() -> Office:
    return Office()


def report(office: Office, trace: str, body: str) -> list[Fact]:
    """Record an event of SES, and tell ann; return the facts of the flow that are new."""
    before = {fact.key for fact in office.ledger.facts(trace)}
    RecordFeedback(office.ledger, office.transit, office.queues, office.now).accept(body)
    office.pump()
    return [fact for fact in office.ledger.facts(trace) if fact.key not in before]


def told(office: Office) -> list[list[str]]:
    """Return the recipients that each report in ann's mailbox names."""
    reports = [email.message_from_bytes(content, policy=policy.default) for content in office.contents("ann")]
    return [[group["Final-Recipient"] for group in status_of(each)[1:]] for each in reports]


class TestTheWay:
    @pytest.mark.parametrize("given", [(), (JO,)])
    def test_it_leaves_as_it_was_written(self, office: Office, given: tuple[str, ...]) -> None:
        trace = office.mail(*given, content=MAIL.replace(b"To: list@example.org", b"To: Jo <Jo.Bloggs@Example.org>"))
        recipients = (JO,) if given else (JO, "dora@example.org")
        assert office.opened(trace).event["recipients"] == list(recipients)
        office.go_out()
        (tried,) = office.ses.tried
        assert tried.recipients == recipients
        assert office.ends(trace) == dict.fromkeys(recipients, SENT)
        sent = office.ledger.fact(trace, end_key(JO))
        assert sent is not None
        assert sent.event["recipient"] == JO

    def test_two_that_differ_in_case_are_two_and_each_has_its_end(self, office: Office) -> None:
        office.ses.answers[SMALL] = [NO_SUCH]
        trace = office.mail(JO, SMALL, JO)
        office.go_out()
        assert office.ends(trace) == {JO: SENT, SMALL: BOUNCED}
        assert told(office) == [[f"rfc822; {SMALL}"]]
        head = office.mailboxes.head("ann")
        assert head is not None
        assert (head.outgoing.day, head.outgoing.recipients) == (office.now() // DAY_MS, 2)

    def test_inside_case_does_not_count(self, office: Office) -> None:
        trace = office.mail("Ben@Acme.test", "BEN@acme.test", JO)
        office.go_out()
        assert len(office.contents("ben")) == 1
        assert office.opened(trace).event["recipients"] == ["ben@acme.test", JO]
        assert office.ends(trace) == {"ben@acme.test": SENT, JO: SENT}

    def test_a_gateway_gets_it_too_and_its_rule_matches_in_any_case(self, office: Office) -> None:
        office.directory.commit([Insert(GATEWAY)])
        office.rules(outbound(ActionType.SMTP_GATEWAY, recipients=SMALL, gateway=GATEWAY.id, id="r1", name="relay"))
        office.relays.answers[JO] = [relayed(RelayResult.PERMANENT, "5.1.1", "no such user", code=550)]
        trace = office.mail(JO, "Ben@acme.test")
        assert office.applied(trace) == [("relay", {"SMTP_GATEWAY": [JO]})]
        assert office.ways() == {f"{GATEWAY.id}:1": (JO,)}
        office.go_out()
        assert office.ends(trace) == {"ben@acme.test": SENT, JO: BOUNCED}
        assert told(office) == [[f"rfc822; {JO}"]]

    @pytest.mark.parametrize("action", [ActionType.DROP, ActionType.BOUNCE])
    def test_a_rule_that_stops_it_matches_in_any_case(self, office: Office, action: ActionType) -> None:
        office.rules(outbound(action, recipients=LOUD))
        trace = office.mail(JO)
        assert office.transmissions() == []
        assert office.ends(trace) == ({} if action is ActionType.DROP else {JO: BOUNCED})

    def test_a_delay_names_it(self, office: Office) -> None:
        office.ses.answers[JO] = [BUSY] * 50
        trace = office.mail(JO)
        office.go_out()
        while not told(office):
            office.go_out_again()
        assert told(office) == [[f"rfc822; {JO}"]]
        assert {JO} == {
            name
            for fact in office.ledger.facts(trace)
            if fact.name is OwnFact.TRANSMIT_DEFERRED
            for name in fact.data["recipients"]
        }


class TestFunctions:
    @pytest.mark.parametrize("name", [JO, SMALL, f"Jo <{LOUD}>"])
    def test_a_function_sees_it_and_may_name_it_in_any_case(self, office: Office, name: str) -> None:
        seen: list[Any] = []

        def answer(event: Any) -> Any:
            seen.append([each["address"] for each in event["envelope"]["recipients"]])
            return {"actions": [said("DEFAULT"), said("BOUNCE", name)]}

        office.rules(office.asks(answer))
        trace = office.mail(JO, "carl@example.org")
        assert seen == [[JO, "carl@example.org"]]
        assert office.ends(trace) == {JO: BOUNCED}
        assert office.ways() == {"ses:r-ask:1": ("carl@example.org",)}

    def test_of_two_that_differ_in_case_the_one_that_is_named_is_meant_else_both(self, office: Office) -> None:
        exactly = {"actions": [said("DEFAULT"), said("DROP", JO)]}
        office.rules(office.asks(lambda _: exactly))
        trace = office.mail(JO, SMALL)
        assert office.applied(trace) == [("ask", {"DROP": [JO], "DEFAULT": [SMALL]})]
        other_case = {"actions": [said("DEFAULT"), said("DROP", LOUD)]}
        office.rules(office.asks(lambda _: other_case))
        trace = office.mail(JO, SMALL)
        assert office.applied(trace) == [("ask", {"DROP": [JO, SMALL]})]

    def test_what_it_adds_outside_leaves_as_it_was_named_and_inside_once(self, office: Office) -> None:
        names = ("Eve@Example.net", "EVE@example.net", "Ben@acme.test", "BEN@ACME.TEST")
        office.rules(office.asks(lambda _: {"actions": [said("DEFAULT"), said("DEFAULT", *names)]}))
        trace = office.mail(JO)
        office.go_out()
        sent = ("Eve@example.net", "EVE@example.net", JO)
        assert {name for name, _ in office.ses.sent} == set(sent)
        assert office.ends(trace) == dict.fromkeys((*sent, "ben@acme.test"), SENT)
        assert len(office.contents("ben")) == 1
        facts = report(office, trace, bounce_event("EVE@EXAMPLE.net", trace=trace))
        assert [fact.event["destination"] for fact in facts if fact.name is EventName.OUTGOING_EMAIL_BOUNCED] == [
            sent[1]
        ]

    def test_a_domain_that_comes_in_while_it_is_asked_delivers_inside(self, office: Office) -> None:
        """Nothing of a flow is renamed: the recipient ends by the name that it had."""
        ben = "Ben@new.example"

        def answer(_: Any) -> Any:
            domain = office.directory.domain_record("acme.test")
            assert domain is not None
            office.directory.commit([Insert(replace(domain, name="new.example"))])
            claim = AddressClaim(address="ben@new.example", organization_id=ORG, entity_id="ben", kind=EntityKind.USER)
            office.directory.commit([Insert(claim)])
            return {"actions": [said("DEFAULT")]}

        office.rules(office.asks(answer))
        trace = office.mail(ben)
        assert len(office.contents("ben")) == 1
        assert office.ends(trace) == {ben: SENT}


class TestWhatSesReports:
    @pytest.mark.parametrize("reported", [JO, SMALL, LOUD, "Jo.Bloggs@EXAMPLE.ORG"])
    def test_a_bounce_in_any_case_is_the_recipients(self, office: Office, reported: str) -> None:
        trace = office.mail(JO)
        office.go_out()
        facts = report(office, trace, bounce_event(reported, trace=trace))
        (bounced,) = (fact for fact in facts if fact.name is EventName.OUTGOING_EMAIL_BOUNCED)
        assert (bounced.event["destination"], bounced.event["bouncedRecipient"]["emailAddress"]) == (JO, JO)
        assert bounced.key == f"{BOUNCED}:{JO}"
        assert told(office) == [[f"rfc822; {JO}"]]

    def test_of_two_that_differ_in_case_the_one_that_it_names_failed(self, office: Office) -> None:
        trace = office.mail(JO, SMALL)
        office.go_out()
        report(office, trace, bounce_event(SMALL, trace=trace))
        assert told(office) == [[f"rfc822; {SMALL}"]]

    def test_one_that_names_neither_is_told_for_both_once(self, office: Office) -> None:
        trace = office.mail(JO, SMALL)
        office.go_out()
        for feedback_id in ("1", "2"):
            report(office, trace, bounce_event(LOUD, trace=trace, feedback_id=feedback_id))
        assert told(office) == [[f"rfc822; {JO}", f"rfc822; {SMALL}"]]

    def test_a_rejected_message_is_told_for_all_of_them(self, office: Office) -> None:
        trace = office.mail(JO, "carl@example.org")
        office.go_out()
        report(office, trace, reject_event((SMALL, "carl@example.org"), trace=trace))
        assert told(office) == [[f"rfc822; {JO}", "rfc822; carl@example.org"]]

    def test_a_delay_names_it(self, office: Office) -> None:
        trace = office.mail(JO)
        office.go_out()
        body = delay_event(LOUD, at="2026-11-24T16:00:01.000Z", trace=trace)
        delayed = next(fact for fact in report(office, trace, body) if fact.name is OwnFact.DELIVERY_DELAYED)
        assert delayed.data["waiting"][0]["address"] == JO
        assert told(office) == [[f"rfc822; {JO}"]]
