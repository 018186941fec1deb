"""Several deliveries in one transaction, in memory and in DynamoDB alike: all of them, or none and the reason."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from postroom.contracts.orders import OrderKind
from postroom.errors import ConflictError
from postroom.model.mailbox import Counters
from postroom.ports.mailboxes import MAX_DELIVERY_WRITES, Delivered, Delivery
from tests.support.builders import bounce, delivered, order
from tests.support.mailboxes import RunningStack, in_dynamodb, in_memory, new

if TYPE_CHECKING:
    from postroom.model.mailbox import Head

FOLDERS: Final = ("INBOX", "JUNK_EMAIL", "INBOX", "INBOX", "JUNK_EMAIL")


@pytest.fixture(params=["memory", "dynamodb"])
def running(request: pytest.FixtureRequest) -> RunningStack:
    return in_memory() if request.param == "memory" else in_dynamodb(request.getfixturevalue("stack"))


def trace(number: int) -> str:
    return f"{number:032x}"


def delivery(running: RunningStack, number: int, folder: str = "INBOX") -> Delivery:
    """Open a flow to Ann, and return its delivery."""
    running.send(number)
    return Delivery(new(number, folder=folder), order("ann", trace(number)), [delivered("ann", trace(number))])


def head_of(running: RunningStack) -> Head:
    head = running.mailboxes.head("ann")
    assert head is not None
    return head


def test_each_has_its_uid_its_sequence_and_its_fact(running: RunningStack) -> None:
    made = [delivery(running, number, folder) for number, folder in enumerate(FOLDERS)]
    found = running.mailboxes.deliver(head_of(running), made)
    assert found.ended == frozenset()
    assert [item.token for item in found.items] == [each.item.token for each in made]
    assert [item.change_key for item in found.items] == [2, 3, 4, 5, 6]
    assert [item.uids for item in found.items] == [
        {"INBOX": 1},
        {"JUNK_EMAIL": 1},
        {"INBOX": 2},
        {"INBOX": 3},
        {"JUNK_EMAIL": 2},
    ]
    head = head_of(running)
    assert (head.sequence, head.size, head.noticed) == (6, 50, False)
    assert head.folders["INBOX"] == Counters(uid_next=4, total=3, unread=3, size=30, modseq=5)
    assert head.folders["JUNK_EMAIL"] == Counters(uid_next=3, total=2, unread=2, size=20, modseq=6)
    for number, item in enumerate(found.items):
        assert running.mailboxes.item("ann", item.id) == item
        assert running.transit.is_clear(trace(number))
        assert len(running.ledger.facts(trace(number))) == 2


def test_a_client_that_reads_changes_misses_none_of_them(running: RunningStack) -> None:
    first = running.mailboxes.deliver(head_of(running), [delivery(running, 0)])
    made = [delivery(running, number, folder) for number, folder in enumerate(FOLDERS, 1)]
    items = running.mailboxes.deliver(head_of(running), made).items
    ids = [item.id for item in (*first.items, *items)]
    for after in range(7):
        changes = running.mailboxes.changes("ann", after=after)
        assert [change.item_id for change in changes] == ids[max(0, after - 1) :]


def test_one_that_has_ended_is_named_and_nothing_is_written(running: RunningStack) -> None:
    made = [delivery(running, number) for number in range(4)]
    running.mailboxes.deliver(head_of(running), [made[1]])
    head = head_of(running)
    assert running.mailboxes.deliver(head, made) == Delivered(ended=frozenset({1}))
    assert running.mailboxes.deliver(replace(head, sequence=1), made).ended == {1}, "though the head is old, too"
    assert head_of(running) == head
    rest = [each for each in made if each is not made[1]]
    assert len(running.mailboxes.deliver(head, rest).items) == 3
    assert [item.token for item in running.mailboxes.items("ann", "INBOX")] == [trace(n) for n in (1, 0, 2, 3)]


def test_all_that_have_ended_are_named(running: RunningStack) -> None:
    made = [delivery(running, number) for number in range(12)]
    running.mailboxes.deliver(head_of(running), [made[0], made[1], made[11]])
    assert running.mailboxes.deliver(head_of(running), made).ended == {0, 1, 11}


def test_a_head_that_has_moved_on_is_a_conflict_and_nothing_is_written(running: RunningStack) -> None:
    stale, made = head_of(running), [delivery(running, number) for number in range(3)]
    running.mailboxes.deliver(stale, [made[2]])
    with pytest.raises(ConflictError):
        running.mailboxes.deliver(stale, made[:2])
    assert len(running.mailboxes.items("ann", "INBOX")) == 1
    assert not running.transit.is_clear(trace(0))


def test_what_follows_from_each_is_open_and_one_notice_marks_the_mailbox(running: RunningStack) -> None:
    notice, follows = order("ann", trace(1), kind=OrderKind.QUOTA_NOTICE), [bounce("one", trace(0))]
    made = [
        replace(delivery(running, 0), orders=follows),
        replace(delivery(running, 1), notice=notice),
        delivery(running, 2),
    ]
    assert len(running.mailboxes.deliver(head_of(running), made).items) == 3
    assert head_of(running).noticed
    assert list(running.transit.open_orders(trace(0))) == follows
    assert list(running.transit.open_orders(trace(1))) == [notice]
    assert running.transit.is_clear(trace(2))


def test_two_of_one_flow_are_refused_before_anything_is_written(running: RunningStack) -> None:
    made = delivery(running, 1)
    with pytest.raises(ValueError, match="one flow"):
        running.mailboxes.deliver(head_of(running), [made, replace(made, order=made.order.model_copy())])
    assert running.mailboxes.items("ann", "INBOX") == []


def test_as_many_as_dynamodb_takes_enter_at_once(running: RunningStack) -> None:
    """Each has an order with a row: three writes."""
    made = [delivery(running, number) for number in range(MAX_DELIVERY_WRITES // 3)]
    assert sum(each.writes for each in made) == MAX_DELIVERY_WRITES
    assert len(running.mailboxes.deliver(head_of(running), made).items) == len(made)


def test_many_groups_at_once_get_a_uid_each(running: RunningStack) -> None:
    groups = [[delivery(running, 10 * group + number) for number in range(4)] for group in range(4)]

    def one(group: list[Delivery]) -> list[int]:
        while True:
            try:
                found = running.mailboxes.deliver(head_of(running), group)
            except ConflictError:
                continue
            return [item.uids["INBOX"] for item in found.items]

    with ThreadPoolExecutor(4) as pool:
        uids = sorted(uid for found in pool.map(one, groups) for uid in found)
    assert uids == list(range(1, 17))
    assert head_of(running).folders["INBOX"].total == 16
