"""Outbound rules on the way of a submission: through the functions' own handlers, with the rights of their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.model.facts import EventName, inside_trace
from postroom.model.rules import ActionType, Direction
from tests.support.outbound import MAIL, PLAIN, outbound, said
from tests.support.outbound_office import OutboundOffice
from tests.support.rules import BOUNCE, DROP, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack import Stack

CARL, DORA, BEN = "carl@example.org", "dora@example.org", "ben@acme.test"


@pytest.fixture
def office(stack: Stack) -> Iterator[OutboundOffice]:
    with OutboundOffice.on(stack) as made:
        yield made


def test_rules_drop_bounce_and_route_what_is_submitted(office: OutboundOffice) -> None:
    office.apply_rules(
        outbound(DROP, recipients="drop@example.org", id="r1", name="never"),
        outbound(BOUNCE, recipients="back@example.org", id="r2", name="back", message="Not to them."),
        outbound(ActionType.SMTP_GATEWAY, recipients="partner.example", id="r3", name="partner", gateway="g-1"),
        rule(ActionType.MOVE_TO_JUNK, "ann@acme.test", id="r4"),
    )
    trace = office.submit(CARL, "drop@example.org", "back@example.org", "x@partner.example", BEN)
    assert office.ways(trace) == {"ses:1": (CARL,), "g-1:1": ("x@partner.example",)}
    assert office.ends(trace) == {"back@example.org": "OUTGOING_EMAIL_BOUNCED", BEN: "OUTGOING_EMAIL_SENT"}
    assert office.contents("ben") == []
    assert office.contents("ben", "JUNK_EMAIL") == [PLAIN]
    assert office.contents("ann", "SENT_ITEMS") == [MAIL]
    types = [f.event["ruleType"] for f in office.operator.ledger.facts(trace) if f.name is EventName.RULE_APPLIED]
    assert types == ["OUTBOUND_RULE"] * 3


def test_a_function_decides_and_changes_what_leaves(office: OutboundOffice) -> None:
    answer = {"actions": [said("DROP", DORA), said("DEFAULT"), said("DEFAULT", "eve@example.net")]}
    asked = office.callees.rule(lambda _: answer, fallback=DROP, direction=Direction.OUTBOUND, gateway="g-7")
    office.apply_rules(asked)
    trace = office.submit(CARL, DORA)
    assert office.ways(trace) == {"g-7:r-tag:1": (CARL,), "added:eve@example.net": ("eve@example.net",)}
    (event,) = office.callees.events
    assert (event["flowDirection"], event["envelope"]["mailFrom"]["address"]) == ("OUTBOUND", "ann@acme.test")


def test_the_slot_of_a_function_that_is_asked_is_opened_by_the_submission(office: OutboundOffice) -> None:
    answer = {"actions": [said("DEFAULT")]}
    office.apply_rules(office.callees.rule(lambda _: answer, fallback=DROP, direction=Direction.OUTBOUND))
    trace = office.submit(CARL, BEN)
    assert office.operator.transit.contents(trace).slots["call:r-tag"].closed
    assert office.contents("ben") == [PLAIN]
    assert office.ways(trace) == {"ses:r-tag:1": (CARL,)}


def test_hundreds_of_refusals_are_accepted_in_chunks_and_reported_once(office: OutboundOffice) -> None:
    office.apply_rules(outbound(BOUNCE, recipients="back.example", id="r1", name="back"))
    names = [f"n{number}@back.example" for number in range(90)]
    trace = office.submit(CARL, *names)
    assert office.ends(trace) == dict.fromkeys(names, "OUTGOING_EMAIL_BOUNCED")
    assert office.ways(trace) == {"ses:1": (CARL,)}
    assert office.contents("ann", "SENT_ITEMS") == [MAIL]


def test_a_message_to_hundreds_inside_has_one_copy_each(office: OutboundOffice) -> None:
    people = [f"p{number}" for number in range(45)]
    for name in people:
        office.entity(name)
    trace = office.submit(*(f"{name}@acme.test" for name in people))
    assert all(office.contents(name) == [PLAIN] for name in people)
    assert office.operator.transit.is_clear(trace)
    assert office.operator.transit.is_clear(inside_trace(trace))
