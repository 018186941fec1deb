"""Items that enter a mailbox without a flow: several in one transaction, each token once, in both stores alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.mailboxes import DynamoMailboxes
from postroom.errors import ConflictError
from postroom.model.additions import NewFolder
from postroom.model.calendars import BlobNote
from postroom.model.mailbox import ChangeKind, Counters, FolderInfo, NewItem, item_id
from postroom.ports.mailboxes import MAX_ADDED, check_additions
from postroom.ports.transit import Commit
from tests.support.builders import NOON, delivered, order, received
from tests.support.calendar_stores import Stores, calendar_stores
from tests.support.mailboxes import deliver_one

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.mailbox import Item


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    return calendar_stores(None if request.param == "memory" else request.getfixturevalue("stack"))


def new(number: int, **changes: Any) -> NewItem:
    item = NewItem(
        token=f"{number:032x}",
        folder="INBOX",
        blob=f"mail/{number}",
        size=10,
        summary=b"\0sealed",
        item_class="IPM.Note",
        conversation="c" * 32,
        received=NOON - 1,
        created=NOON,
        has_attachments=True,
    )
    return replace(item, **changes)


def noted(stores: Stores, *additions: NewItem) -> BlobNote:
    stores.notes += 1
    note = BlobNote(f"{stores.notes:032x}", NOON, tuple(one.blob for one in additions))
    stores.calendars.note("ann", note)
    return note


def add(stores: Stores, *additions: NewItem, folders: Sequence[NewFolder] = ()) -> Sequence[Item] | None:
    note = noted(stores, *additions) if additions else None
    return stores.mailboxes.add(stores.head(), additions, note, folders=folders)


def test_several_items_get_uids_and_sequences_as_deliveries_give_them(stores: Stores) -> None:
    junk = new(3, folder="JUNK_EMAIL", unread=False, flags=("\\Flagged",), keywords=("a", "b"), categories=("Red",))
    items = add(stores, new(1), new(2), junk, new(4))
    assert items is not None
    assert [item.id for item in items] == [item_id(2 + n, f"{1 + n:032x}") for n in range(4)]
    assert [item.uids for item in items] == [{"INBOX": 1}, {"INBOX": 2}, {"JUNK_EMAIL": 1}, {"INBOX": 3}]
    assert (items[0].received, items[0].created, items[0].modified) == (NOON - 1, NOON, NOON + 5)
    assert (items[0].read, items[0].flags, items[2].read) == (False, (), True)
    assert (items[2].flags, items[2].keywords, items[2].categories) == (("\\Flagged",), ("a", "b"), ("Red",))
    head = stores.head()
    assert (head.sequence, head.size) == (5, 40)
    assert head.folders["INBOX"] == Counters(uid_next=4, total=3, unread=3, size=30, modseq=5)
    assert head.folders["JUNK_EMAIL"] == Counters(uid_next=2, total=1, unread=0, size=10, modseq=4)
    assert [stores.mailboxes.item("ann", item.id) for item in items] == list(items)
    assert stores.mailboxes.items("ann", "JUNK_EMAIL") == [items[2]]
    changes = stores.mailboxes.changes("ann", after=1)
    assert [(change.sequence, change.kind, change.item_id) for change in changes] == [
        (number, ChangeKind.NEW, item.id) for number, item in enumerate(items, 2)
    ]


def test_a_token_enters_once_and_nothing_with_it(stores: Stores) -> None:
    items = add(stores, new(1), new(2))
    assert items is not None
    before, again = stores.head(), new(2, blob="mail/again")
    note = noted(stores, again)
    assert stores.mailboxes.add(before, [new(3), again], note, folders=[NewFolder("f9", "Nine", None)]) is None
    assert stores.head() == before
    assert len(stores.mailboxes.items("ann", "INBOX")) == 2
    assert "f9" not in {folder.id for folder in stores.mailboxes.folders("ann")}
    assert list(stores.calendars.notes("ann", before_ms=NOON + 1)) == [note], "so that its blobs are removed"
    stale = replace(before, sequence=1)
    assert stores.mailboxes.add(stale, [again], note) is None, "though the head is old, too"
    assert stores.mailboxes.added("ann", [f"{n:032x}" for n in (1, 2, 3)]) == {
        f"{1:032x}": items[0],
        f"{2:032x}": items[1],
    }
    assert stores.mailboxes.added("ben", [f"{1:032x}"]) == {}


def test_folders_are_made_with_the_items_that_are_in_them(stores: Stores) -> None:
    folders = [NewFolder("f1", "Projects / 2026", "INBOX"), NewFolder("f2", "Café", "f1", "IPF.Appointment")]
    items = add(stores, new(1, folder="f2"), folders=folders)
    assert items is not None
    assert items[0].id == item_id(4, f"{1:032x}")
    head = stores.head()
    assert (head.sequence, head.folders["f1"]) == (4, Counters(modseq=2))
    assert head.folders["f2"] == Counters(uid_next=2, total=1, unread=1, size=10, modseq=4)
    made = [folder for folder in stores.mailboxes.folders("ann") if folder.id.startswith("f")]
    assert made == [
        FolderInfo("f1", "Projects / 2026", "INBOX", "IPF.Note", None, NOON // 1000, modseq=2),
        FolderInfo("f2", "Café", "f1", "IPF.Appointment", None, NOON // 1000, modseq=3),
    ]
    assert add(stores, folders=[NewFolder("f3", "empty", None)]) == ()
    assert stores.head().folders["f3"] == Counters(modseq=5)
    assert [change.sequence for change in stores.mailboxes.changes("ann", after=1)] == [4], "of items only"
    with pytest.raises(KeyError):
        add(stores, new(2, folder="f4"))


def test_a_head_that_has_moved_on_is_a_conflict_and_nothing_is_written(stores: Stores) -> None:
    stale, trace = stores.head(), f"{1:032x}"
    assert stores.transit.commit(Commit(facts=[received(trace)], orders=[order("ann", trace)]))
    deliver_one(stores.mailboxes, stale, new(1), order("ann", trace), [delivered("ann", trace)])
    note = noted(stores, new(2))
    with pytest.raises(ConflictError):
        stores.mailboxes.add(stale, [new(2)], note, folders=[NewFolder("f1", "one", None)])
    assert len(stores.mailboxes.items("ann", "INBOX")) == 1
    assert "f1" not in stores.head().folders
    assert stores.mailboxes.add(stores.head(), [new(2)], note) is not None
    assert list(stores.calendars.notes("ann", before_ms=NOON + 1)) == []
    assert [item.uids["INBOX"] for item in stores.mailboxes.items("ann", "INBOX")] == [1, 2]
    with pytest.raises(ConflictError):
        stores.mailboxes.add(replace(stale, mailbox_id="ben"), [new(3)], note)


def test_a_note_that_was_closed_meanwhile_is_a_conflict(stores: Stores) -> None:
    """Its blobs are being removed: no item may have them."""
    note = noted(stores, new(1))
    assert stores.calendars.close_note("ann", note)
    with pytest.raises(ConflictError):
        stores.mailboxes.add(stores.head(), [new(1)], note)
    assert stores.mailboxes.items("ann", "INBOX") == []
    assert stores.mailboxes.added("ann", [f"{1:032x}"]) == {}


def test_a_quota_that_is_set_meanwhile_stays(stores: Stores) -> None:
    head = stores.head()
    assert stores.mailboxes.set_quota("ann", 7)
    assert stores.mailboxes.add(head, [new(1)], noted(stores, new(1))) is not None
    assert stores.head().quota_bytes == 7


def test_as_many_as_one_transaction_may_have_enter_together(stores: Stores) -> None:
    folders = [NewFolder(f"f{n}", f"folder {n}", None) for n in range(5)]
    additions = [new(n, folder=f"f{n % 5}") for n in range(MAX_ADDED - 5)]
    items = add(stores, *additions, folders=folders)
    assert items is not None
    assert len(items) == MAX_ADDED - 5
    assert len(stores.mailboxes.added("ann", [one.token for one in additions])) == len(items)


def test_more_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 45"):
        check_additions([new(n) for n in range(MAX_ADDED)], [NewFolder("f1", "one", None)])


def test_one_token_that_many_add_enters_once(stores: Stores) -> None:
    note = noted(stores, new(1))

    def one(number: int) -> bool:
        addition = new(1, blob=f"mail/{number}")
        while True:
            try:
                return stores.mailboxes.add(stores.head(), [addition], None if number else note) is not None
            except ConflictError:
                continue

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(8))).count(True) == 1
    assert len(stores.mailboxes.items("ann", "INBOX")) == 1


@pytest.mark.parametrize("stores", ["dynamodb"], indirect=True)
def test_an_item_is_found_at_once_however_many_folders_an_import_has_filled(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = f"{1:032x}"
    assert stores.transit.commit(Commit(facts=[received(trace)], orders=[order("ann", trace)]))
    by_mail = deliver_one(stores.mailboxes, stores.head(), new(99), order("ann", trace), [delivered("ann", trace)])
    folders = [NewFolder(f"f{n}", f"folder {n}", None) for n in range(9)]
    items = add(stores, *(new(n, folder=f"f{n}") for n in range(9)), folders=folders)
    searched: list[str] = []
    search = DynamoMailboxes._first_uid

    def first_uid(self: DynamoMailboxes, mailbox_id: str, folder: str, *arguments: Any, **named: Any) -> int:
        searched.append(folder)
        return search(self, mailbox_id, folder, *arguments, **named)

    monkeypatch.setattr(DynamoMailboxes, "_first_uid", first_uid)
    assert items is not None
    assert [stores.mailboxes.item("ann", item.id) for item in items] == list(items)
    assert searched == []
    assert by_mail is not None
    assert stores.mailboxes.item("ann", by_mail.id) == by_mail
    assert searched == ["INBOX"], "standard folders first"
