"""Reports to users on their way: through the functions' own handlers, with the rights of their roles."""

from __future__ import annotations

import email
from email import policy
from typing import TYPE_CHECKING

import pytest

from postroom.contracts.orders import BounceOrder
from postroom.model.facts import inside_trace
from postroom.ports.transit import Commit, Settle
from tests.support.outbound import outbound
from tests.support.outbound_office import OutboundOffice
from tests.support.reports import status_of
from tests.support.rules import BOUNCE
from tests.support.ses_events import bounce_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack import Stack

CARL, BACK = "carl@example.org", "back@example.org"


@pytest.fixture
def office(stack: Stack) -> Iterator[OutboundOffice]:
    with OutboundOffice.on(stack) as made:
        yield made


def tell(office: OutboundOffice, trace: str) -> None:
    """Carry out what waits: bounce orders at once, though their messages have a delay, then deliveries."""
    office.carried_out("record_feedback")
    for order in office.operator.transit.open_orders(trace):
        if isinstance(order, BounceOrder):
            url = office.stack.environment["BOUNCE_QUEUE_URL"]
            office.stack.sqs.send_message(QueueUrl=url, MessageBody=order.message)
    for station in ("bounce", "deliver"):
        assert office.carried_out(station)


def told(office: OutboundOffice) -> list[tuple[str, str]]:
    """Return recipient and diagnostic of each report in Ann's inbox."""
    messages = [email.message_from_bytes(each, policy=policy.default) for each in office.contents("ann")]
    return [(group["Final-Recipient"], group["Diagnostic-Code"]) for each in messages for group in status_of(each)[1:]]


def test_what_a_rule_refuses_and_what_ses_bounces_later_are_told_in_the_senders_inbox(office: OutboundOffice) -> None:
    office.apply_rules(outbound(BOUNCE, recipients=BACK, id="r1", name="back", message="Not to them."))
    trace = office.submit(CARL, BACK)
    (transmission,) = office.transmissions(trace)
    office.operator.transit.commit(Commit([Settle(transmission)]))  # SES has it
    tell(office, trace)
    assert told(office) == [(f"rfc822; {BACK}", "smtp; 550 5.7.1 Not to them.")]
    url = office.stack.environment["FEEDBACK_QUEUE_URL"]
    for _ in range(2):  # SES may publish an event twice
        office.stack.sqs.send_message(QueueUrl=url, MessageBody=bounce_event(CARL, trace=trace))
    tell(office, trace)
    assert told(office)[1:] == [(f"rfc822; {CARL}", "smtp; 550 5.1.1 user unknown")]
    assert office.fact_names(trace).count("BOUNCE_SENT") == 2


def test_a_recipient_inside_that_has_no_mailbox_is_told_in_the_senders_inbox(office: OutboundOffice) -> None:
    trace = office.submit("nobody@acme.test")
    tell(office, inside_trace(trace))
    assert told(office) == [("rfc822; nobody@acme.test", "smtp; 550 5.1.1 no such mailbox here")]
