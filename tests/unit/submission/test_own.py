"""What Postroom itself sends leaves once, without a copy in Sent Items."""

from __future__ import annotations

from postroom.contracts.outbound_orders import TransmitOrder
from postroom.contracts.stored import RawLocation
from postroom.model.facts import SUBMITTED, reply_trace
from postroom.ports.transit import Commit, Outcome
from postroom.submission.own import OwnSubmission, OwnSubmissions
from tests.support.builders import ORG, TRACE
from tests.support.memory_mail_system import MemoryMailSystem

MAIL = (
    b"From: ann@acme.test\r\nTo: carl@example.org\r\nSubject: Away\r\nMessage-ID: <a@acme.test>\r\n"
    b"Auto-Submitted: auto-replied\r\n\r\nAway\r\n"
)


def test_a_message_of_our_own_departs_with_the_callers_transaction() -> None:
    system = MemoryMailSystem()
    system.user("ann")
    own = OwnSubmissions(system.directory, system.rule_sets, system.raw, system.now)
    trace = reply_trace(TRACE, "ann")
    asked = OwnSubmission(ORG, trace, TRACE, "ann", MAIL, ("carl@example.org",))
    departure = own.depart(asked)
    assert system.transit.is_clear(trace)
    commit = Commit(facts=departure.facts, orders=departure.orders)
    assert system.transit.commit(commit) is Outcome.DONE
    assert system.transit.commit(commit) is Outcome.ALREADY
    [order] = system.transit.open_orders(trace)
    assert isinstance(order, TransmitOrder)
    assert type(order.raw) is RawLocation
    assert system.raw.read(order.raw) == MAIL
    assert (order.envelope_from, order.author, order.message_id) == ("", "ann@acme.test", "<a@acme.test>")
    fact = system.ledger.fact(trace, SUBMITTED)
    assert fact is not None
    assert (fact.data["causedBy"], fact.event["subject"]) == (TRACE, "Away")
    assert system.contents("ann", "SENT_ITEMS") == []
