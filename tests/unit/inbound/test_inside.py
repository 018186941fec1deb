"""Mail that stays inside: an inbound flow with the submission's Message-ID, rules, groups and bounces of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postroom.contracts.expansions import Expansion
from postroom.contracts.order_list import listed_orders
from postroom.contracts.outbound_orders import InsideOrder, end_key
from postroom.contracts.stored import RawLocation
from postroom.errors import ConflictError, InvalidNotificationError
from postroom.inbound import inside
from postroom.model.facts import RECEIVED, EventName, inside_trace
from postroom.model.records import OrganizationState, Replace
from postroom.model.rules import ActionType, LambdaCall
from postroom.parking.parking import station_of
from postroom.parking.redrive import send_again
from postroom.ports.transit import Outcome
from postroom.routing.outbound_flow import OutboundFlow
from tests.support.builders import NOON, ORG, notification
from tests.support.outbound import MAIL, PLAIN, Office, outbound, said
from tests.support.rules import rule

SENT, BOUNCED = "OUTGOING_EMAIL_SENT", "OUTGOING_EMAIL_BOUNCED"


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_recipient_inside_gets_the_message_without_bcc_and_both_flows_say_so(office: Office) -> None:
    trace = office.mail("ben@acme.test", "carl@example.org")
    assert office.contents("ben") == [PLAIN]
    assert office.ends(trace) == {"ben@acme.test": SENT}
    assert office.ways() == {"ses:1": ("carl@example.org",)}
    sent = office.ledger.fact(trace, end_key("ben@acme.test"))
    assert sent is not None
    assert sent.event == {"recipient": "ben@acme.test", "from": "ann@acme.test", "messageId": "<1@acme.test>"}
    received, delivered = office.inside(trace)
    assert received.key == RECEIVED
    assert received.trace == delivered.trace == inside_trace(trace) != trace
    assert received.event == {
        "recipients": ["ben@acme.test"],
        "from": "ann@acme.test",
        "subject": "plums",
        "messageId": "<1@acme.test>",
        "messageTimestamp": received.event["messageTimestamp"],
        **dict.fromkeys(("spamVerdict", "dkimVerdict", "dmarcVerdict", "spfVerdict"), "PROCESSING_FAILED"),
    }
    assert (received.data["causedBy"], received.data["envelopeFrom"]) == (trace, "ann@acme.test")
    assert delivered.name is EventName.MAILBOX_EMAIL_DELIVERED


def test_inbound_rules_and_groups_apply_inside(office: Office) -> None:
    office.group("team", "ann", "ben")
    office.rules(rule(ActionType.MOVE_TO_JUNK, "ann@acme.test", "cleo@acme.test"), outbound(ActionType.DEFAULT))
    trace = office.mail("team@acme.test", "cleo@acme.test")
    assert office.contents("ann") == office.contents("ben") == [PLAIN]
    assert office.contents("cleo") == []
    assert office.contents("cleo", "JUNK_EMAIL") == [PLAIN]
    assert office.ends(trace) == dict.fromkeys(("team@acme.test", "cleo@acme.test"), SENT)
    assert office.contents("ann", "SENT_ITEMS") == [MAIL]


def test_an_unknown_address_bounces_in_the_inbound_flow(office: Office) -> None:
    trace = office.mail("nobody@acme.test", "ben@acme.test")
    assert office.contents("ben") == [PLAIN]
    names = [fact.name.value for fact in office.inside(trace)]
    assert "INCOMING_EMAIL_BOUNCED" in names
    assert office.ends(trace) == dict.fromkeys(("nobody@acme.test", "ben@acme.test"), SENT)


def order_of(office: Office, trace: str) -> InsideOrder:
    (order,) = office.transit.open_orders(trace)
    assert isinstance(order, InsideOrder)
    return order


def test_an_order_that_comes_again_does_nothing_but_send_what_is_open(office: Office) -> None:
    trace = office.send("ann", MAIL, "ben@acme.test").trace
    order = order_of(office, trace)
    assert office.queues.queues["ingest"].popleft() == order.message
    for _ in range(2):
        office.ingest.accept(order.message)
    assert len(office.queues.queues["deliver"]) == 2
    office.pump()
    office.ingest.accept(order.message)
    office.pump()
    assert office.contents("ben") == [PLAIN]
    assert len(office.inside(trace)) == 2


def test_orders_of_the_inbound_flow_have_rows_because_no_object_of_ses_leads_the_sweep_to_it(
    office: Office,
) -> None:
    trace = office.send("ann", MAIL, "ben@acme.test").trace
    office.ingest.accept(order_of(office, trace).message)
    received, *_ = office.inside(trace)
    assert listed_orders(received) == []
    assert len(list(office.transit.open_orders(inside_trace(trace)))) == 1


def test_recipients_of_a_second_order_are_added_to_the_flow(office: Office) -> None:
    """A function decided about them, after the submission had decided about others."""
    ask = office.asks(lambda _: {"actions": [said("DEFAULT")]}, recipients="cleo@acme.test")
    office.rules(ask, rule(ActionType.MOVE_TO_JUNK, recipients="cleo@acme.test", id="junk"))
    trace = office.mail("ben@acme.test", "cleo@acme.test")
    assert office.contents("ben") == office.contents("cleo", "JUNK_EMAIL") == [PLAIN]
    openings = [fact for fact in office.inside(trace) if fact.name is EventName.ORGANIZATION_EMAIL_RECEIVED]
    assert [fact.event["recipients"] for fact in openings] == [["ben@acme.test"], ["cleo@acme.test"]]
    assert office.ends(trace) == dict.fromkeys(("ben@acme.test", "cleo@acme.test"), SENT)


def test_a_mailbox_that_two_orders_lead_to_has_one_copy(office: Office) -> None:
    office.alias("cl", "cleo")
    ask = office.asks(lambda _: {"actions": [said("DEFAULT")]}, recipients="cl@acme.test")
    office.rules(ask)
    trace = office.mail("cleo@acme.test", "cl@acme.test")
    assert office.contents("cleo") == [PLAIN]
    assert office.ends(trace) == dict.fromkeys(("cleo@acme.test", "cl@acme.test"), SENT)


def test_a_message_for_hundreds_inside_is_expanded_in_chunks(office: Office) -> None:
    people = [f"p{number}" for number in range(60)]
    for name in people:
        office.user(name)
    names = [f"{name}@acme.test" for name in people]
    trace = office.send("ann", MAIL, *names).trace
    office.pump()
    assert office.transit.is_clear(inside_trace(trace))
    assert all(office.contents(name) == [PLAIN] for name in people)
    assert office.ends(trace) == dict.fromkeys(names, SENT)


def test_an_expansion_goes_on_with_the_order_that_began_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (people := [f"p{number}" for number in range(60)]):
        office.user(name)
    trace = office.send("ann", MAIL, *(f"{name}@acme.test" for name in people)).trace
    office.queues.queues["ingest"].clear()
    with monkeypatch.context() as stopped:
        stopped.setattr(inside, "expand", lambda *_: None)
        office.ingest.accept(order_of(office, trace).message)
    expansion = office.transit.expansion(inside_trace(trace))
    assert isinstance(expansion, Expansion)
    assert expansion.chunks == 3
    assert station_of(expansion) == "ingest"
    send_again(office.queues, expansion)
    office.pump()
    assert all(office.contents(name) == [PLAIN] for name in people)
    assert office.transit.is_clear(inside_trace(trace))


def test_the_rules_function_of_an_inbound_rule_is_asked_about_it(office: Office) -> None:
    arn = office.function("in", lambda _: {"actions": [said("DROP")]})
    asked = LambdaCall(arn, synchronous=True, fallback=ActionType.DEFAULT)
    office.rules(rule(ActionType.RUN_LAMBDA, id="in", call=asked))
    trace = office.mail("ben@acme.test")
    ((_, event),) = office.functions.calls
    assert b'"INBOUND"' in event
    assert b"ben@acme.test" in event
    assert office.contents("ben") == []
    assert office.transit.is_clear(inside_trace(trace))


def test_recipients_of_a_deleted_organization_are_refused(office: Office) -> None:
    trace = office.send("ann", MAIL, "ben@acme.test").trace
    organization, domain = office.directory.organization(ORG), office.directory.domain_record("acme.test")
    assert organization is not None
    assert domain is not None
    deleting = replace(organization, state=OrganizationState.DELETING)
    office.directory.commit([Replace(deleting), Replace(replace(domain, organization=deleting.ref))])
    office.ingest.accept(order_of(office, trace).message)
    assert office.ends(trace) == {"ben@acme.test": BOUNCED}
    assert office.inside(trace) == []
    assert [order.key for order in office.transit.open_orders(trace)] == ["bounce:ben@acme.test"]


def test_an_order_whose_copy_is_gone_is_parked_and_goes_on_when_it_is_redriven(office: Office) -> None:
    trace = office.send("ann", MAIL, "ben@acme.test").trace
    order = order_of(office, trace)
    content = office.raw.read(order.raw)
    office.raw.remove(order.raw.key)
    office.pump()
    (parked,) = office.parking.list()
    assert (parked.station, parked.key) == ("ingest", "inside:1")
    office.raw.keep(order.raw.key, content)
    assert office.parking.redrive(parked)
    office.pump()
    assert office.contents("ben") == [PLAIN]
    assert office.ends(trace) == {"ben@acme.test": SENT}


def test_a_refusal_without_a_reason_is_no_endless_loop(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = office.send("ann", MAIL, "ben@acme.test").trace
    order = order_of(office, trace)
    monkeypatch.setattr(type(office.transit), "commit", lambda *_: Outcome.ALREADY)
    with pytest.raises(ConflictError):
        office.ingest.accept(order.message)


def test_a_notification_is_no_order_whatever_its_subject_says() -> None:
    body = notification("m1", ["ann@acme.test"], subject='"kind":"INSIDE"')
    assert InsideOrder.read_if_own(body) is None
    with pytest.raises(InvalidNotificationError):
        InsideOrder.read_if_own('{"kind":"INSIDE"}')


def test_a_submission_never_has_the_same_trace_inside() -> None:
    flow = OutboundFlow(
        "f" * 32, ORG, "", "ann@acme.test", "", "<1@x>", RawLocation(bucket="b", key="transit/k"), 1, NOON
    )
    order = flow.inside(["ben@acme.test"])
    assert (order.key, order.station, order.group) == ("inside:1", "ingest", ORG)
    assert inside_trace(order.trace) != order.trace
