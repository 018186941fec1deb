"""The copy of a submitted message and its flow in one transaction, in memory and in DynamoDB alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from postroom.contracts.expansions import Expansion
from postroom.contracts.orders import RawLocation
from postroom.errors import ConflictError
from postroom.model.facts import SUBMITTED, EventName, Fact
from postroom.model.folders import Folder
from postroom.model.mailbox import Outgoing, item_id
from postroom.ports.transit import Allowance, Commit, Outcome, Settle
from tests.support.builders import NOON, ORG, TRACE, bounce, call, order
from tests.support.mailboxes import RunningStack, in_dynamodb, in_memory, new

if TYPE_CHECKING:
    from postroom.model.mailbox import Head

SENT = Folder.SENT_ITEMS.value
FACT = Fact(TRACE, ORG, EventName.OUTGOING_EMAIL_SUBMITTED, SUBMITTED, NOON, {"from": "ann@acme.test"}, {})
COMMIT = Commit(facts=[FACT], orders=[bounce()])


@pytest.fixture(params=["memory", "dynamodb"])
def running(request: pytest.FixtureRequest) -> RunningStack:
    return in_memory() if request.param == "memory" else in_dynamodb(request.getfixturevalue("stack"))


def head_of(running: RunningStack) -> Head:
    head = running.mailboxes.head("ann")
    assert head is not None
    return head


def nothing_was_written(running: RunningStack, before: Head) -> None:
    assert head_of(running) == before
    assert running.mailboxes.items("ann", SENT) == []


def test_copy_fact_and_orders_are_written_together(running: RunningStack) -> None:
    head = head_of(running)
    assert head.outgoing == Outgoing()
    sent = Outgoing(day=20_781, recipients=3, reserved=4)
    item = new(7, folder=SENT, unread=False)
    assert running.mailboxes.send(head, item, COMMIT, outgoing=sent) is Outcome.DONE
    [found] = running.mailboxes.items("ann", SENT)
    assert (found.id, found.read) == (item_id(head.sequence + 1, item.token), True)
    after = head_of(running)
    assert (after.outgoing, after.size, after.sequence) == (sent, item.size, head.sequence + 1)
    assert after.folders[SENT].unread == 0
    assert running.ledger.fact(TRACE, SUBMITTED) == FACT
    assert list(running.transit.open_orders(TRACE)) == [bounce()]


def test_deliveries_and_later_copies_keep_what_was_sent(running: RunningStack) -> None:
    sent = Outgoing(day=20_781, recipients=3, reserved=4)
    running.mailboxes.send(head_of(running), new(7, folder=SENT), COMMIT, outgoing=sent)
    running.deliver(8)
    own = Commit(facts=[replace(FACT, trace="e" * 32)])
    assert running.mailboxes.send(head_of(running), new(9, folder=SENT), own) is Outcome.DONE
    assert head_of(running).outgoing == sent


def test_a_flow_that_exists_is_not_submitted_again(running: RunningStack) -> None:
    running.mailboxes.send(head_of(running), new(7, folder=SENT), COMMIT)
    before = head_of(running)
    for head in (before, replace(before, sequence=before.sequence - 1)):
        assert running.mailboxes.send(head, new(8, folder=SENT), COMMIT) is Outcome.ALREADY
    assert head_of(running) == before
    assert len(running.mailboxes.items("ann", SENT)) == 1


def test_a_mailbox_that_has_changed_or_is_gone_is_a_conflict(running: RunningStack) -> None:
    head = head_of(running)
    for old in (replace(head, sequence=head.sequence - 1), replace(head, mailbox_id="gone")):
        with pytest.raises(ConflictError):
            running.mailboxes.send(old, new(7, folder=SENT), COMMIT)
    nothing_was_written(running, head)
    assert running.ledger.fact(TRACE, SUBMITTED) is None
    assert running.transit.is_clear(TRACE)


def test_a_plan_of_several_chunks_and_calls_open_with_the_copy(running: RunningStack) -> None:
    plan = RawLocation(bucket="inbound-bucket", key="transit/t/plan")
    expansion = Expansion(trace=TRACE, organization_id=ORG, plan=plan, chunks=2, done=0, notification="{}")
    asked = call(slot_open=True)
    commit = Commit(facts=[FACT], orders=[asked], expansion=expansion)
    assert running.mailboxes.send(head_of(running), new(7, folder=SENT), commit) is Outcome.DONE
    assert running.transit.expansion(TRACE) == expansion
    assert running.transit.contents(TRACE).version == 1
    assert running.transit.order(TRACE, asked.key) == asked


def test_a_submission_takes_nothing(running: RunningStack) -> None:
    for commit in (Commit(takes=[Settle(order("ann"))]), Commit(allowances=[Allowance("a", 1, 1)])):
        with pytest.raises(ValueError, match="ends nothing"):
            running.mailboxes.send(head_of(running), new(7, folder=SENT), commit)
