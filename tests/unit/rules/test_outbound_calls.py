"""Rules that call functions about outbound mail: the answer, or the fallback, gives each recipient its way."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.orders import RuleCall
from postroom.contracts.outbound_orders import TransmitOrder, end_key
from postroom.contracts.stored import RawLocation
from postroom.model.facts import EventName, OwnFact, flow_message_id
from postroom.model.records import OrganizationState, Replace
from postroom.model.rules import ActionType, Direction
from postroom.ports.transit import Commit, Settle
from postroom.routing.outbound_flow import sent
from tests.support.builders import ORG
from tests.support.outbound import MAIL, PLAIN, Office, outbound, said

if TYPE_CHECKING:
    from postroom.model.facts import Fact

SENT, BOUNCED = "OUTGOING_EMAIL_SENT", "OUTGOING_EMAIL_BOUNCED"
CARL, DORA, BEN = "carl@example.org", "dora@example.org", "ben@acme.test"


@pytest.fixture
def office() -> Office:
    return Office()


def answers(*entries: dict[str, Any]) -> Any:
    return lambda _: {"actions": list(entries)}


def answers_nothing(_: Any) -> Any:
    raise ValueError("a defect of the customer's")


def decided(office: Office, trace: str, rule_id: str = "r-ask") -> Fact:
    fact = office.ledger.fact(trace, f"{EventName.RULE_APPLIED}:{rule_id}")
    assert fact is not None
    return fact


def test_the_answer_gives_each_recipient_its_way(office: Office) -> None:
    office.rules(
        office.asks(answers(said("DROP", "x@example.org"), said("BOUNCE", DORA, bounce="No."), said("DEFAULT")))
    )
    trace = office.mail(CARL, "x@example.org", DORA, BEN)
    assert office.ways() == {"ses:r-ask:1": (CARL,)}
    assert office.ends(trace) == {DORA: BOUNCED, BEN: SENT}
    assert office.contents("ben") == [PLAIN]
    assert decided(office, trace).event["ruleType"] == "OUTBOUND_RULE"
    assert office.applied(trace) == [
        ("ask", {"DEFAULT": [CARL, BEN], "DROP": ["x@example.org"], "BOUNCE": [DORA]}),
    ]
    refused = office.ledger.fact(trace, end_key(DORA))
    assert refused is not None
    assert refused.event["reason"] == "No."


def test_the_function_is_told_who_sends_and_in_which_direction(office: Office) -> None:
    events: list[dict[str, Any]] = []

    def heard(event: dict[str, Any]) -> dict[str, Any]:
        events.append(event)
        return {"actions": [said("DEFAULT")]}

    office.rules(office.asks(heard))
    trace = office.mail(CARL, BEN)
    (event,) = events
    assert event["flowDirection"] == "OUTBOUND"
    assert event["envelope"] == {
        "mailFrom": {"address": "ann@acme.test"},
        "recipients": [{"address": CARL}, {"address": BEN}],
    }
    assert (event["subject"], event["messageId"]) == ("plums", flow_message_id(trace))
    assert "sender" not in event


def test_mail_that_the_function_lets_through_takes_the_rules_gateway(office: Office) -> None:
    """ThenSmtpGatewayId (docs/parity.md), recipients inside and added ones included."""
    office.rules(office.asks(answers(said("DEFAULT"), said("DEFAULT", "eve@example.net")), then="g-7"))
    trace = office.mail(CARL, BEN)
    assert office.ways() == {"g-7:r-ask:1": (CARL, BEN), "added:eve@example.net": ("eve@example.net",)}
    assert {order.gateway_id for order in office.transmissions()} == {"g-7"}
    assert office.applied(trace) == [("ask", {"SMTP_GATEWAY": [CARL, BEN, "eve@example.net"]})]


@pytest.mark.parametrize(
    ("fallback", "gateway", "ways", "ends"),
    [
        (ActionType.DROP, None, {}, {}),
        (ActionType.BOUNCE, None, {}, {CARL: BOUNCED}),
        (ActionType.DEFAULT, None, {"ses:r-ask:1": (CARL,)}, {}),
        (ActionType.DEFAULT, "g-7", {"g-7:r-ask:1": (CARL,)}, {}),
        (ActionType.SMTP_GATEWAY, "g-7", {"g-7:r-ask:1": (CARL,)}, {}),
    ],
)
def test_without_an_answer_the_fallback_holds(
    office: Office, fallback: ActionType, gateway: str | None, ways: dict[str, Any], ends: dict[str, str]
) -> None:
    office.rules(office.asks(answers_nothing, fallback=fallback, then=gateway))
    trace = office.mail(CARL)
    assert office.ways() == ways
    assert office.ends(trace) == ends
    assert decided(office, trace).data["why"] == {"FALLBACK": [CARL]}


def test_a_call_is_repeated_until_the_rules_timeout(office: Office) -> None:
    answered: list[Any] = [None, {"actions": [said("DEFAULT")]}]
    office.rules(office.asks(lambda _: answered.pop(0), timeout=5))
    trace = office.mail(CARL)
    assert office.ways() == {}
    office.call_again()
    assert office.ways() == {"ses:r-ask:1": (CARL,)}
    attempts = [fact for fact in office.ledger.facts(trace) if fact.name is OwnFact.RULE_ATTEMPTED]
    assert [fact.data.get("failure") for fact in attempts] == ["INVALID_ANSWER", None]


def test_any_recipient_may_be_added_and_none_is_added_to_be_stopped(office: Office) -> None:
    """Source: guide, ZH:4119-4123: for outbound mail not only those of the organization."""
    office.rules(
        office.asks(
            answers(
                said("DEFAULT"),
                said("DEFAULT", "Eve@Example.net", "cleo@acme.test", "no address", "x@localhost"),
                said("DROP", "drop@example.net"),
            )
        )
    )
    trace = office.mail(CARL)
    assert office.ways() == {"ses:r-ask:1": (CARL,), "added:Eve@example.net": ("Eve@example.net",)}
    assert office.contents("cleo") == [PLAIN]
    assert office.ends(trace) == {"cleo@acme.test": SENT}
    assert decided(office, trace).data["ignored"] == {
        "no address": "NO_ADDRESS",
        "x@localhost": "OTHER_ORGANIZATION",
        "drop@example.net": "NOT_TO_BE_ADDED",
    }


@pytest.mark.parametrize("added", ["eve@example.net", "cleo@acme.test"])
@pytest.mark.parametrize("carried_out", [False, True])
def test_a_recipient_that_two_functions_add_gets_one_copy(office: Office, added: str, *, carried_out: bool) -> None:
    office.rules(
        office.asks(answers(said("DEFAULT"), said("DEFAULT", added)), name="one", recipients=CARL),
        office.asks(answers(said("DEFAULT"), said("DEFAULT", added)), name="two", recipients=DORA, then="g-7"),
    )
    trace = office.send("ann", MAIL, CARL, DORA).trace
    first, second = office.queues.queues["run_sync_rule"]
    office.run_sync_rule.accept(first)
    if carried_out:
        _carry_out(office, trace, added)
    office.run_sync_rule.accept(second)
    office.pump()
    assert len(office.contents("cleo")) == ("acme" in added)
    names = [name for name in office.ways() if added in name]
    assert names == ([] if carried_out or "acme" in added else [f"added:{added}"])
    assert {name for name in office.ways() if added not in name} == {"ses:r-one:1", "g-7:r-two:1"}
    assert office.transit.contents(trace).slots.keys() == {"call:r-one", "call:r-two"}


def _carry_out(office: Office, trace: str, recipient: str) -> None:
    """Do what ingest or transmit does with the order for a recipient."""
    key = f"transmit:added:{recipient}"
    order = office.transit.order(trace, key)
    if isinstance(order, TransmitOrder):
        office.transit.commit(Commit([Settle(order)], [sent(order, recipient, office.now())]))
    else:
        office.ingest.accept(office.queues.queues["ingest"].popleft())


def test_two_rules_ask_about_their_own_recipients(office: Office) -> None:
    office.rules(
        office.asks(answers(said("DROP")), name="one", recipients=CARL),
        office.asks(answers(said("DEFAULT")), name="two", recipients="example.org"),
        outbound(ActionType.BOUNCE, recipients=BEN, id="r-b"),
    )
    trace = office.mail(CARL, DORA, BEN)
    assert office.ways() == {"ses:r-two:1": (DORA,)}
    assert office.ends(trace) == {BEN: BOUNCED}
    asked = [[each["address"] for each in json.loads(event)["envelope"]["recipients"]] for _, event in _calls(office)]
    assert asked == [[CARL], [DORA]]


def _calls(office: Office) -> list[tuple[str, bytes]]:
    return sorted(office.functions.calls)


def test_an_asynchronous_rule_holds_nothing_up(office: Office) -> None:
    office.rules(office.asks(answers(said("DROP")), waits=False))
    trace = office.mail(CARL, BEN)
    assert office.ways() == {"ses:1": (CARL,)}
    assert office.ends(trace) == {BEN: SENT}
    ((_, event),) = office.functions.calls
    assert json.loads(event)["flowDirection"] == "OUTBOUND"
    assert office.applied(trace) == [("ask", {"RUN_LAMBDA": [CARL, BEN]})]


def test_what_the_function_has_put_is_what_leaves(office: Office) -> None:
    put = PLAIN.replace(b"ten", b"two")
    traces: list[str] = []

    def replaced(event: Any) -> Any:
        trace = event["messageId"].replace("-", "")
        traces.append(trace)
        raw = office.raw.keep(f"transit/{trace}/content-1", put)
        contents = office.transit.contents(trace)
        office.transit.commit(Commit(contents=contents.put(raw, len(put))))
        return {"actions": [said("DEFAULT")]}

    office.rules(office.asks(replaced))
    trace = office.mail(CARL, BEN)
    assert traces == [trace]
    (order,) = office.transmissions()
    assert type(order.raw) is RawLocation
    assert office.raw.read(order.raw) == put
    assert order.size == len(put)
    assert (order.message_id, order.author) == ("<1@acme.test>", "ann@acme.test")
    assert office.contents("ben") == [put]
    assert office.contents("ann", "SENT_ITEMS") == [MAIL]


def test_the_call_of_a_deleted_organization_refuses_its_recipients(office: Office) -> None:
    asked: list[Any] = []
    office.rules(office.asks(asked.append))
    trace = office.send("ann", MAIL, CARL).trace
    organization = office.directory.organization(ORG)
    assert organization is not None
    office.directory.commit([Replace(replace(organization, state=OrganizationState.DELETING))])
    office.run_sync_rule.accept(office.queues.queues["run_sync_rule"].popleft())
    assert asked == []
    assert office.ends(trace) == {CARL: BOUNCED}
    assert OwnFact.RULE_CALL_DROPPED in {fact.name for fact in office.ledger.facts(trace)}


def test_an_answer_for_hundreds_is_expanded_in_chunks(office: Office) -> None:
    names = [f"n{number}@example.org" for number in range(90)]
    office.rules(office.asks(answers(said("BOUNCE"))))
    trace = office.mail(*names)
    assert office.ends(trace) == dict.fromkeys(names, BOUNCED)
    assert len(office.contents("ann", "SENT_ITEMS")) == 1


def test_a_call_about_outbound_mail_has_what_a_transmission_needs(office: Office) -> None:
    office.rules(office.asks(answers(said("DEFAULT")), then="g-7", timeout=3))
    trace = office.send("ann", MAIL, CARL, BEN).trace
    (call,) = office.transit.open_orders(trace)
    assert isinstance(call, RuleCall)
    assert (call.direction, call.message_id, call.gateway_id) == (Direction.OUTBOUND, "<1@acme.test>", "g-7")
    assert (call.recipients, call.others, call.slot_open) == ((CARL, BEN), (), True)
    assert office.raw.read(call.raw) == PLAIN
