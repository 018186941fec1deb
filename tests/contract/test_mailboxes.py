"""Mailboxes: counters, UIDs and the order's end in one transaction, in memory and in DynamoDB alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.mailbox_rows import head_row, item_row
from postroom.adapters.aws.mailboxes import DynamoMailboxes
from postroom.contracts.order_list import end_key, in_list
from postroom.contracts.orders import OrderKind
from postroom.errors import ConflictError
from postroom.model.folders import Folder
from postroom.model.mailbox import ChangeKind, Counters, Item, item_id
from postroom.model.out_of_office import Away
from postroom.ports.mailboxes import MailboxOwner
from postroom.ports.transit import Commit, Outcome
from postroom.routing.listed import store
from tests.support.builders import NOON, ORG, arn, bounce, delivered, order
from tests.support.mailboxes import RunningStack, deliver_one, in_dynamodb, in_memory, new

if TYPE_CHECKING:
    from postroom.contracts.orders import DeliveryOrder
    from postroom.model.facts import Fact
    from tests.support.stack import Stack


@pytest.fixture(params=["memory", "dynamodb"])
def running(request: pytest.FixtureRequest) -> RunningStack:
    return in_memory() if request.param == "memory" else in_dynamodb(request.getfixturevalue("stack"))


ON_DYNAMODB = pytest.mark.parametrize("running", ["dynamodb"], indirect=True)


def test_a_new_mailbox_has_its_folders_and_nothing_in_them(running: RunningStack) -> None:
    head = running.mailboxes.head("ann")
    assert head is not None
    assert (head.size, head.sequence, head.noticed, head.quota_bytes, head.wrapped_key) == (0, 1, False, 1000, b"\0k")
    assert (head.organization_id, head.organization_arn, head.kms_key_arn) == (ORG, arn(), "kms")
    assert head.folders == {folder.value: Counters(modseq=1) for folder in Folder}
    folders = {folder.id: folder for folder in running.mailboxes.folders("ann")}
    assert set(folders) == {folder.value for folder in Folder}
    assert folders["JUNK_EMAIL"].special_use == "\\Junk"
    assert folders["CALENDAR"].folder_class == "IPF.Appointment"
    assert folders["INBOX"].uid_validity == NOON // 1000


def test_a_listed_order_ends_with_its_fact_and_takes_one_delivery(running: RunningStack) -> None:
    listed, head = in_list(order("ann")), running.mailboxes.head("ann")
    assert head is not None
    with pytest.raises(ValueError, match="exactly one fact"):
        deliver_one(running.mailboxes, head, new(1), listed, [])
    assert deliver_one(running.mailboxes, head, new(1), listed, [delivered("ann")]) is not None
    fresh = running.mailboxes.head("ann")
    assert fresh is not None
    assert deliver_one(running.mailboxes, fresh, new(2), listed, [delivered("ann")]) is None
    assert deliver_one(running.mailboxes, head, new(2), listed, [delivered("ann")]) is None, (
        "though the head is old, too"
    )
    assert len(running.mailboxes.items("ann", "INBOX")) == 1


def test_a_listed_order_that_is_stored_meanwhile_is_not_delivered_as_listed(running: RunningStack) -> None:
    listed, head = in_list(order("ann")), running.mailboxes.head("ann")
    assert head is not None
    stored = store(listed, running.transit, NOON)
    assert stored is not None
    assert deliver_one(running.mailboxes, head, new(1), listed, [delivered("ann")]) is None
    with pytest.raises(ConflictError):
        deliver_one(running.mailboxes, replace(head, sequence=head.sequence + 7), new(1), stored, [_end(stored)])
    assert deliver_one(running.mailboxes, head, new(1), stored, [_end(stored)]) is not None
    assert running.transit.is_clear(stored.trace)


def _end(order: DeliveryOrder) -> Fact:
    return replace(delivered(order.mailbox_id), key=end_key(order))


def test_a_mailbox_is_made_once(running: RunningStack) -> None:
    running.deliver(1)
    assert not running.mailboxes.create("ann", MailboxOwner("x", "x", "x"), wrapped_key=b"y", quota_bytes=1, now_ms=1)
    head = running.mailboxes.head("ann")
    assert head is not None
    assert (head.wrapped_key, head.size) == (b"\0k", 10)


def test_a_mailbox_that_was_never_opened_has_no_content_and_takes_no_quota(running: RunningStack) -> None:
    assert running.mailboxes.head("ben") is None
    assert running.mailboxes.item("ben", "x") is None
    assert list(running.mailboxes.items("ben", "INBOX")) == []
    assert list(running.mailboxes.folders("ben")) == []
    assert not running.mailboxes.set_quota("ben", 1)
    assert running.mailboxes.head("ben") is None


def test_a_quota_changes_and_nothing_else(running: RunningStack) -> None:
    before = running.mailboxes.head("ann")
    assert before is not None
    assert running.mailboxes.set_quota("ann", 5)
    assert running.mailboxes.head("ann") == replace(before, quota_bytes=5)


def test_the_time_of_an_out_of_office_reply_is_the_heads_and_no_delivery_changes_it(running: RunningStack) -> None:
    before = running.mailboxes.head("ann")
    assert before is not None
    for away in (Away(5, 9), Away(7)):
        assert running.mailboxes.set_away("ann", away)
        assert running.mailboxes.head("ann") == replace(before, away=away)
    assert deliver_one(
        running.mailboxes, before, new(1), order("ann", running.send(1)), [delivered("ann", f"{1:032x}")]
    )
    after = running.mailboxes.head("ann")
    assert after is not None
    assert (after.sequence, after.away) == (before.sequence + 1, Away(7)), "though the head was read before"
    assert running.mailboxes.set_away("ann", None)
    assert running.mailboxes.head("ann") == replace(after, away=None)
    assert not running.mailboxes.set_away("ben", Away(5))
    assert not running.mailboxes.set_away("ben", None)
    assert running.mailboxes.head("ben") is None


def test_a_delivery_is_item_counters_fact_and_the_orders_end(running: RunningStack) -> None:
    item = running.deliver(1)
    assert item is not None
    assert item.id == item_id(2, f"{1:032x}")
    assert len(item.id) == 45
    assert item.uids == {"INBOX": 1}
    assert (item.change_key, item.content_modseq, item.read_modseq, item.read) == (2, 2, 2, False)
    assert (item.summary, item.has_attachments, item.modified) == (b"\0sealed", True, NOON + 5)
    assert running.mailboxes.item("ann", item.id) == item
    head = running.mailboxes.head("ann")
    assert head is not None
    assert (head.sequence, head.size) == (2, 10)
    assert head.folders["INBOX"] == Counters(uid_next=2, total=1, unread=1, size=10, modseq=2)
    assert head.folders["JUNK_EMAIL"] == Counters(modseq=1)
    assert running.transit.is_clear(f"{1:032x}")
    assert len(running.ledger.facts(f"{1:032x}")) == 2


def test_an_order_that_was_settled_delivers_nothing(running: RunningStack) -> None:
    running.deliver(1)
    head = running.mailboxes.head("ann")
    assert head is not None
    assert (
        deliver_one(running.mailboxes, head, new(1), order("ann", f"{1:032x}"), [delivered("ann", f"{1:032x}")]) is None
    )
    assert running.mailboxes.head("ann") == head
    assert len(running.mailboxes.items("ann", "INBOX")) == 1


def test_an_order_for_what_a_mailbox_has_already_delivers_nothing_and_stands(running: RunningStack) -> None:
    """A rule's decision may lead where another way of the flow has led before."""
    running.deliver(1)
    trace, head = f"{1:032x}", running.mailboxes.head("ann")
    assert head is not None
    assert running.transit.commit(Commit(orders=[order("ann", trace)])) is Outcome.DONE
    assert deliver_one(running.mailboxes, head, new(1), order("ann", trace), [delivered("ann", trace)]) is None
    assert running.mailboxes.head("ann") == head
    assert len(running.mailboxes.items("ann", "INBOX")) == 1
    assert running.transit.order(trace, order().key) is not None


def test_a_head_that_has_moved_on_is_a_conflict_and_nothing_is_written(running: RunningStack) -> None:
    stale = running.mailboxes.head("ann")
    assert stale is not None
    running.deliver(1)
    trace = running.send(2)
    with pytest.raises(ConflictError):
        deliver_one(running.mailboxes, stale, new(2), order("ann", trace), [delivered("ann", trace)])
    assert running.transit.order(trace, order().key) is not None
    assert len(running.ledger.facts(trace)) == 1
    assert [item.blob for item in running.mailboxes.items("ann", "INBOX")] == ["mail/1"]


def test_a_notice_becomes_an_order_and_marks_the_mailbox(running: RunningStack) -> None:
    trace = running.send(1)
    head = running.mailboxes.head("ann")
    assert head is not None
    notice = order("ann", trace, kind=OrderKind.QUOTA_NOTICE)
    item = deliver_one(running.mailboxes, head, new(1), order("ann", trace), [delivered("ann", trace)], notice=notice)
    after = running.mailboxes.head("ann")
    assert item is not None
    assert after is not None
    assert after.noticed
    assert list(running.transit.open_orders(trace)) == [notice]


def test_orders_that_follow_are_open_when_the_message_is_there(running: RunningStack) -> None:
    trace = running.send(1)
    head = running.mailboxes.head("ann")
    assert head is not None
    follows = [bounce("one", trace), bounce("two", trace)]
    notice = order("ann", trace, kind=OrderKind.QUOTA_NOTICE)
    item = deliver_one(
        running.mailboxes, head, new(1), order("ann", trace), [delivered("ann", trace)], notice=notice, orders=follows
    )
    assert item is not None
    assert list(running.transit.open_orders(trace)) == [*follows, notice]


def test_an_order_that_exists_already_stops_the_delivery(running: RunningStack) -> None:
    trace = running.send(1)
    head = running.mailboxes.head("ann")
    assert head is not None
    assert running.transit.commit(Commit(orders=[bounce("one", trace)])) is Outcome.DONE
    with pytest.raises(ConflictError):
        deliver_one(
            running.mailboxes,
            head,
            new(1),
            order("ann", trace),
            [delivered("ann", trace)],
            orders=[bounce("one", trace)],
        )
    assert running.mailboxes.items("ann", "INBOX") == []


def test_items_list_by_uid_and_page_by_page(running: RunningStack) -> None:
    for number in range(1, 6):
        running.deliver(number, folder="JUNK_EMAIL" if number == 3 else "INBOX")
    assert [item.uids["INBOX"] for item in running.mailboxes.items("ann", "INBOX")] == [1, 2, 3, 4]
    assert [item.uids["INBOX"] for item in running.mailboxes.items("ann", "INBOX", after_uid=1, limit=2)] == [2, 3]
    assert [item.blob for item in running.mailboxes.items("ann", "JUNK_EMAIL")] == ["mail/3"]
    assert list(running.mailboxes.items("ann", "INBOX", after_uid=4)) == []


def test_a_client_that_reads_changes_misses_nothing(running: RunningStack) -> None:
    items = [running.deliver(number) for number in range(1, 6)]
    changes = running.mailboxes.changes("ann", after=1)
    assert [change.item_id for change in changes] == [item.id for item in items if item]
    assert [(change.sequence, change.kind, change.uid) for change in changes[:2]] == [
        (2, ChangeKind.NEW, 1),
        (3, ChangeKind.NEW, 2),
    ]
    assert [change.sequence for change in running.mailboxes.changes("ann", after=4)] == [5, 6]
    assert [change.sequence for change in running.mailboxes.changes("ann", after=2, limit=2)] == [3, 4]


FOLDERS = ["INBOX", "INBOX", "JUNK_EMAIL", "INBOX", "JUNK_EMAIL", "JUNK_EMAIL", "INBOX", "INBOX", "NOTES", "INBOX"]


def test_every_item_is_found_by_its_id_in_whichever_folder_it_is(running: RunningStack) -> None:
    items = [running.deliver(number, folder=folder) for number, folder in enumerate(FOLDERS, 1)]
    assert [running.mailboxes.item("ann", item.id) for item in items if item] == items
    assert running.mailboxes.item("ann", item_id(2, "f" * 32)) is None
    assert running.mailboxes.item("ann", item_id(99, f"{1:032x}")) is None
    assert running.mailboxes.item("ann", item_id(0, f"{1:032x}")) is None
    assert running.mailboxes.item("ann", "no id") is None


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_changes_of_several_folders_come_in_order_and_page_by_page(running: RunningStack, limit: int) -> None:
    for number, folder in enumerate(FOLDERS, 1):
        running.deliver(number, folder=folder)
    for after in range(len(FOLDERS) + 2):
        found = running.mailboxes.changes("ann", after=after, limit=limit)
        expected = list(enumerate(FOLDERS, 2))[max(0, after - 1) :][:limit]
        assert [(change.sequence, change.folder) for change in found] == expected
        assert [change.uid for change in found] == [
            FOLDERS[: sequence - 1].count(folder) for sequence, folder in expected
        ]


@ON_DYNAMODB
def test_changes_tell_nothing_that_is_newer_than_the_head_they_read(
    running: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes in meanwhile may be in a folder that was read before, or was not looked into."""
    running.deliver(1)
    before = running.mailboxes.head("ann")
    running.deliver(2, folder="JUNK_EMAIL")
    running.deliver(3)
    assert before is not None
    monkeypatch.setattr(DynamoMailboxes, "row", lambda *_: head_row(before, NOON))
    assert [change.sequence for change in running.mailboxes.changes("ann", after=1)] == [2]


@ON_DYNAMODB
class TestRowsOfTheFormatBefore:
    """Mailboxes that were filled before an upgrade, and by functions that still ran during it."""

    @pytest.fixture
    def mixed(self, stack: Stack, running: RunningStack) -> tuple[RunningStack, list[Item]]:
        """Deliver; then write every other message as it was written before: an item, and its id in its folder."""
        made = [running.deliver(number, folder=folder) for number, folder in enumerate(FOLDERS, 1)]
        items = [item for item in made if item]
        for item in items[::2]:
            ((folder, uid),) = item.uids.items()
            row: dict[str, Any] = item_row("ann", item)
            place = {name: row[name] for name in ("pk", "sk")}
            assert place["sk"] == {"S": f"in:{folder}:{uid:010d}"}
            del row["id"]
            row |= {"sk": {"S": f"item:{item.id}"}, "uids": {"M": {folder: {"N": str(uid)}}}}
            table = stack.environment["MAILBOX_TABLE"]
            stack.dynamodb.put_item(TableName=table, Item=row)
            stack.dynamodb.put_item(TableName=table, Item={**place, "item": {"S": item.id}})
        return running, items

    def test_they_list(self, mixed: tuple[RunningStack, list[Item]]) -> None:
        running, items = mixed
        for folder in set(FOLDERS):
            expected = [item for item in items if folder in item.uids]
            assert running.mailboxes.items("ann", folder) == expected
            assert running.mailboxes.items("ann", folder, after_uid=1, limit=2) == expected[1:3]

    def test_they_are_found_by_id(self, mixed: tuple[RunningStack, list[Item]]) -> None:
        running, items = mixed
        assert [running.mailboxes.item("ann", item.id) for item in items] == items

    @pytest.mark.parametrize("limit", [1, 3, 1000])
    def test_they_are_in_the_changes(self, mixed: tuple[RunningStack, list[Item]], limit: int) -> None:
        running, items = mixed
        for after in range(1, len(FOLDERS) + 2):
            found = running.mailboxes.changes("ann", after=after, limit=limit)
            assert [change.item_id for change in found] == [item.id for item in items][after - 1 :][:limit]

    def test_the_next_delivery_goes_on_from_them(self, mixed: tuple[RunningStack, list[Item]]) -> None:
        running, _ = mixed
        item = running.deliver(99)
        assert item is not None
        assert item.uids == {"INBOX": FOLDERS.count("INBOX") + 1}
        assert running.mailboxes.items("ann", "INBOX")[-1] == item


@ON_DYNAMODB
def test_places_that_were_emptied_do_not_hide_what_comes_after(stack: Stack, running: RunningStack) -> None:
    """UIDs are never given again, so that a folder has gaps once something has left it."""
    items = [item for number, folder in enumerate(FOLDERS, 1) if (item := running.deliver(number, folder=folder))]
    for item in (items[1], items[4], items[6]):
        place = {name: item_row("ann", item)[name] for name in ("pk", "sk")}
        stack.dynamodb.delete_item(TableName=stack.environment["MAILBOX_TABLE"], Key=place)
    left = [item for number, item in enumerate(items) if number not in (1, 4, 6)]
    assert [running.mailboxes.item("ann", item.id) for item in left] == left
    for after in range(1, len(items) + 2):
        found = running.mailboxes.changes("ann", after=after, limit=2)
        assert [change.item_id for change in found] == [item.id for item in left if item.change_key > after][:2]


def test_many_at_once_get_a_uid_each(running: RunningStack) -> None:
    def one(number: int) -> int:
        trace = running.send(number)
        while True:
            head = running.mailboxes.head("ann")
            assert head is not None
            try:
                item = deliver_one(running.mailboxes, head, new(number), order("ann", trace), [delivered("ann", trace)])
            except ConflictError:
                continue
            assert item is not None
            return item.uids["INBOX"]

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(16))) == list(range(1, 17))
    head = running.mailboxes.head("ann")
    assert head is not None
    assert (head.size, head.folders["INBOX"].total) == (160, 16)


def test_one_order_taken_by_many_is_delivered_once(running: RunningStack) -> None:
    trace = running.send(7)

    def one(_: int) -> bool:
        while True:
            head = running.mailboxes.head("ann")
            assert head is not None
            try:
                return (
                    deliver_one(running.mailboxes, head, new(7), order("ann", trace), [delivered("ann", trace)])
                    is not None
                )
            except ConflictError:
                continue

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(8))).count(True) == 1
    assert len(running.mailboxes.items("ann", "INBOX")) == 1
