"""Submitted mail of a deleted organization: what is open ends, and no copy of it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.outbound_orders import AcceptOrder
from postroom.model.facts import inside_trace
from postroom.model.records import OrganizationState
from postroom.model.rules import ActionType
from tests.support.deletion import SETTLES, begin, state
from tests.support.outbound import MAIL, outbound

if TYPE_CHECKING:
    from postroom.lifecycle.deletion import Deletion
    from tests.support.memory_mail_system import MemoryMailSystem

HERE, AWAY = "u01@acme.test", "carl@example.org"
FROM = MAIL.replace(b"ann@acme.test", b"u00@acme.test")


def run(deletion: Deletion) -> None:
    deletion.run(lambda: 1 << 30)


def test_a_recipient_inside_is_refused_and_the_plain_copy_goes(
    mail_system: MemoryMailSystem, deletion: Deletion
) -> None:
    trace = mail_system.send("u00", FROM, HERE).trace
    mail_system.queues.queues["ingest"].clear()
    begin(mail_system)
    run(deletion)
    mail_system.pump()
    assert mail_system.ledger.facts(inside_trace(trace)) == []
    names = {fact.name.value for fact in mail_system.ledger.facts(trace)}
    assert {"OUTGOING_EMAIL_SUBMITTED", "OUTGOING_EMAIL_BOUNCED"} <= names
    run(deletion)
    assert list(mail_system.raw.stored("")) == []
    assert state(mail_system) is OrganizationState.DELETED


def test_a_copy_stays_while_its_flow_inside_is_open(mail_system: MemoryMailSystem, deletion: Deletion) -> None:
    trace = mail_system.send("u00", FROM, HERE).trace
    mail_system.ingest.accept(mail_system.queues.queues["ingest"].popleft())
    assert mail_system.transit.is_clear(trace)
    begin(mail_system)
    run(deletion)
    assert state(mail_system) is OrganizationState.DELETING
    assert len(list(mail_system.raw.stored("transit/"))) == 1
    mail_system.pump()
    run(deletion)
    mail_system.pump()
    run(deletion)
    assert list(mail_system.raw.stored("")) == []
    assert state(mail_system) is OrganizationState.DELETED


def test_a_large_submission_that_was_not_accepted_yet_is_accepted_or_given_up(
    mail_system: MemoryMailSystem, deletion: Deletion
) -> None:
    mail_system.rules(outbound(ActionType.BOUNCE))
    trace = mail_system.send("u00", FROM, *(f"n{number}@example.org" for number in range(60))).trace
    (order,) = mail_system.transit.open_orders(trace)
    assert isinstance(order, AcceptOrder)
    mail_system.queues.queues["accept_outbound"].clear()
    begin(mail_system)
    run(deletion)
    assert list(mail_system.queues.queues["accept_outbound"]) == [order.message]
    mail_system.pump()
    mail_system.later += SETTLES
    run(deletion)
    assert list(mail_system.raw.stored("")) == []
    assert mail_system.transit.is_clear(trace)
    assert state(mail_system) is OrganizationState.DELETED
