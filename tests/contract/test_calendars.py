"""Calendars: an object, its item and its places in the index are one change, in memory and in DynamoDB alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.mailbox_removal import AwsMailboxRemoval
from postroom.errors import ConflictError
from postroom.model.calendars import DEFAULT_SETTINGS, BlobNote, PutObject, RemoveObject
from postroom.model.limits import DAY_MS
from postroom.model.mailbox import ChangeKind, Counters
from postroom.ports.calendars import MAX_CHANGES
from postroom.ports.transit import Allowance, Commit, Settle
from tests.support.builders import NOON, ORG, TRACE, bounce, delivered, order, received
from tests.support.calendar_stores import an_object, calendar_stores, hash_of, series, single
from tests.support.calendars import HOUR_MS
from tests.support.mailboxes import deliver_one

if TYPE_CHECKING:
    from postroom.contracts.orders import Order
    from postroom.model.calendars import ObjectChange
    from tests.support.calendar_stores import Stores


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    return calendar_stores(None if request.param == "memory" else request.getfixturevalue("stack"))


ON_DYNAMODB = pytest.mark.parametrize("stores", ["dynamodb"], indirect=True)


def test_an_object_is_an_item_of_the_calendar(stores: Stores) -> None:
    item = stores.put(1, single(NOON))
    assert item.uids == {"CALENDAR": 1}
    assert (item.item_class, item.read, item.blob, item.modified) == ("IPM.Appointment", True, "mail/1/first", NOON + 5)
    assert stores.mailboxes.items("ann", "CALENDAR") == [item]
    assert stores.mailboxes.item("ann", item.id) == item
    assert [(c.sequence, c.kind, c.uid) for c in stores.mailboxes.changes("ann", after=1)] == [(2, ChangeKind.NEW, 1)]
    head = stores.head()
    assert (head.sequence, head.size) == (2, 10)
    assert head.folders["CALENDAR"] == Counters(uid_next=2, total=1, unread=0, size=10, modseq=2)
    assert head.folders["INBOX"] == Counters(modseq=1)


def test_an_object_is_found_by_its_uid(stores: Stores) -> None:
    item = stores.put(1, single(NOON))
    stores.put(2, series(NOON))
    found = stores.calendars.find("ann", [hash_of(1), hash_of(9), hash_of(2), hash_of(1)])
    assert set(found) == {hash_of(1), hash_of(2)}
    assert (found[hash_of(1)].item, found[hash_of(1)].times) == (item, single(NOON))
    assert found[hash_of(2)].times == series(NOON)
    assert stores.calendars.find("ben", [hash_of(1)]) == {}
    assert stores.calendars.find("ann", []) == {}


def test_a_replacement_keeps_id_and_uid_and_is_in_the_change_log(stores: Stores) -> None:
    first = stores.put(1, single(NOON))
    stores.put(2, single(NOON))
    again = stores.put(1, single(NOON + DAY_MS), stores.found(1), size=25, summary=b"\0new", entry=b"\0other")
    assert (again.id, again.uids, again.created, again.received) == (
        first.id,
        first.uids,
        first.created,
        first.received,
    )
    assert (again.blob, again.size, again.summary) == ("mail/1/again", 25, b"\0new")
    assert (again.change_key, again.content_modseq, again.read_modseq) == (4, 4, first.read_modseq)
    assert stores.mailboxes.item("ann", again.id) == again == stores.mailboxes.items("ann", "CALENDAR")[0]
    assert stores.found(1).item == again
    assert stores.found(1).times == single(NOON + DAY_MS)
    changes = stores.mailboxes.changes("ann", after=2)
    assert [(c.sequence, c.kind, c.item_id) for c in changes][1:] == [(4, ChangeKind.MODIFIED, first.id)]
    assert stores.mailboxes.changes("ann", after=4) == []
    head = stores.head()
    assert (head.sequence, head.size) == (4, 35)
    assert head.folders["CALENDAR"] == Counters(uid_next=3, total=2, unread=0, size=35, modseq=4)


def test_a_replaced_object_is_in_the_index_at_its_new_time_alone(stores: Stores) -> None:
    item = stores.put(1, single(NOON))
    stores.put(1, single(NOON + DAY_MS), stores.found(1), entry=b"\0moved")
    assert stores.ids(NOON, NOON + HOUR_MS) == set()
    window = stores.calendars.window("ann", NOON + DAY_MS, NOON + DAY_MS + 1)
    assert window is not None
    assert [(e.item_id, e.sealed, e.times) for e in window.entries] == [(item.id, b"\0moved", single(NOON + DAY_MS))]
    stores.put(1, series(NOON, NOON + 9 * DAY_MS), stores.found(1))
    assert stores.ids(NOON + 5 * DAY_MS, NOON + 6 * DAY_MS) == {item.id}
    stores.put(1, series(NOON, NOON + 9 * DAY_MS), stores.found(1), entry=b"\0same place")
    window = stores.calendars.window("ann", NOON, NOON + 1)
    assert window is not None
    assert [entry.sealed for entry in window.entries] == [b"\0same place"]


def test_a_removed_object_leaves_only_its_tombstone(stores: Stores) -> None:
    item = stores.put(1, series(NOON))
    assert stores.change(RemoveObject(stores.found(1))) == (item,)
    assert stores.calendars.find("ann", [hash_of(1)]) == {}
    assert stores.ids(NOON, NOON + DAY_MS) == set()
    assert stores.mailboxes.items("ann", "CALENDAR") == []
    assert stores.mailboxes.item("ann", item.id) is None
    changes = stores.mailboxes.changes("ann", after=1)
    assert [(c.sequence, c.kind, c.item_id, c.folder, c.uid) for c in changes] == [
        (3, ChangeKind.DELETED, item.id, "CALENDAR", 1)
    ]
    head = stores.head()
    assert (head.sequence, head.size) == (3, 0)
    assert head.folders["CALENDAR"] == Counters(uid_next=2, total=0, unread=0, size=0, modseq=3)
    assert stores.put(1, single(NOON)).uids == {"CALENDAR": 2}


def test_many_changes_of_one_transaction_take_a_sequence_each(stores: Stores) -> None:
    stores.change(*(PutObject(an_object(number, single(NOON))) for number in range(1, MAX_CHANGES + 1)))
    head = stores.head()
    assert (head.sequence, head.size) == (1 + MAX_CHANGES, 10 * MAX_CHANGES)
    items = stores.mailboxes.items("ann", "CALENDAR")
    assert [item.uids["CALENDAR"] for item in items] == list(range(1, MAX_CHANGES + 1))
    assert [stores.mailboxes.item("ann", item.id) for item in items] == items
    olds = [stores.found(number) for number in range(1, MAX_CHANGES + 1)]
    changes: list[ObjectChange] = [
        RemoveObject(old) if number % 2 else PutObject(an_object(number, series(NOON), old), old)
        for number, old in enumerate(olds, 1)
    ]
    changed = stores.change(*changes)
    assert changed is not None
    assert [item.id for item in changed] == [item.id for item in items]
    log = stores.mailboxes.changes("ann", after=1 + MAX_CHANGES)
    assert [(c.sequence, c.uid) for c in log] == [
        (sequence, sequence - 1 - MAX_CHANGES) for sequence in range(2 + MAX_CHANGES, 2 + 2 * MAX_CHANGES)
    ]
    assert stores.ids(NOON + DAY_MS, NOON + 2 * DAY_MS) == {item.id for item in items[1::2]}


def test_mail_and_calendar_share_one_order_of_changes(stores: Stores) -> None:
    stores.put(1, single(NOON))
    stores.transit.commit(Commit(facts=[received()], orders=[order()]))
    mail = replace(an_object(7, single(NOON)).item, folder="INBOX", unread=True)
    letter = deliver_one(stores.mailboxes, stores.head(), mail, order(), [delivered()], notice=None)
    event = stores.put(2, single(NOON))
    stores.put(1, single(NOON), stores.found(1))
    assert letter is not None
    kinds = [(c.sequence, c.kind, c.folder) for c in stores.mailboxes.changes("ann", after=2)]
    assert kinds == [
        (3, ChangeKind.NEW, "INBOX"),
        (4, ChangeKind.NEW, "CALENDAR"),
        (5, ChangeKind.MODIFIED, "CALENDAR"),
    ]
    assert [stores.mailboxes.item("ann", item.id) for item in (letter, event)] == [letter, event]


def test_a_change_ends_orders_and_writes_facts_and_new_orders(stores: Stores) -> None:
    stores.transit.commit(Commit(facts=[received()], orders=[order()]))
    assert stores.change(
        PutObject(an_object(1, single(NOON))), commit=Commit([Settle(order())], [delivered()], [bounce()])
    )
    assert list(stores.transit.open_orders(TRACE)) == [bounce()]
    assert len(stores.ledger.facts(TRACE)) == 2


@pytest.mark.parametrize("gone", ["take", "fact", "order"])
def test_work_that_was_done_before_changes_nothing(stores: Stores, gone: str) -> None:
    orders: list[Order] = [bounce()] if gone == "take" else [bounce(), order()]
    facts = [received(), delivered()] if gone == "fact" else [received()]
    stores.transit.commit(Commit(facts=facts, orders=orders))
    before = stores.head()
    commit = Commit([Settle(order())], [delivered()], [bounce()] if gone == "order" else [])
    assert stores.change(PutObject(an_object(1, single(NOON))), commit=commit) is None
    assert stores.head() == before
    assert stores.mailboxes.items("ann", "CALENDAR") == []
    assert list(stores.transit.open_orders(TRACE)) == orders
    assert len(stores.ledger.facts(TRACE)) == len(facts)


def test_a_commit_with_more_than_a_calendar_writes_is_a_mistake(stores: Stores) -> None:
    with pytest.raises(ValueError, match="takes, facts and orders"):
        stores.change(PutObject(an_object(1, single(NOON))), commit=Commit(allowances=[Allowance("n", 1, 2)]))
    assert stores.mailboxes.items("ann", "CALENDAR") == []


def test_a_mailbox_that_has_moved_on_is_a_conflict_and_nothing_is_written(stores: Stores) -> None:
    stores.transit.commit(Commit(facts=[received()], orders=[order()]))
    stale = stores.head()
    stores.put(1, single(NOON))
    with pytest.raises(ConflictError):
        stores.change(PutObject(an_object(2, single(NOON))), head=stale, commit=Commit([Settle(order())]))
    assert stores.calendars.find("ann", [hash_of(2)]) == {}
    assert list(stores.transit.open_orders(TRACE)) == [order()]
    with pytest.raises(ConflictError):
        stores.change(PutObject(an_object(3, single(NOON))), head=replace(stale, mailbox_id="ben"))


def test_a_room_is_booked_by_one_of_many_at_once(stores: Stores) -> None:
    """Each looks whether the hour is free, and takes it if it is."""

    def book(number: int) -> bool:
        while True:
            window = stores.calendars.window("ann", NOON, NOON + HOUR_MS)
            assert window is not None
            if window.entries:
                return False
            change = PutObject(an_object(number, single(NOON)))
            note = BlobNote(f"{number:032x}", NOON, (change.new.item.blob,))
            stores.calendars.note("ann", note)
            try:
                assert stores.calendars.change(window.head, [change], note)
            except ConflictError:
                continue
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(book, range(8))) == [False] * 7 + [True]
    assert len(stores.ids(NOON, NOON + HOUR_MS)) == 1


class TestNotes:
    """Of sealed objects that may belong to no item."""

    def test_a_change_leaves_a_note_of_what_it_replaced(self, stores: Stores) -> None:
        stores.put(1, single(NOON))
        assert stores.calendars.notes("ann", before_ms=NOON + 1) == []
        stores.put(1, single(NOON), stores.found(1))
        (note,) = stores.calendars.notes("ann", before_ms=NOON + 1)
        assert (note.blobs, note.since_ms, note.closed) == (("mail/1/first",), NOON, False)
        assert stores.calendars.notes("ann", before_ms=NOON) == []
        stores.calendars.end_note("ann", note.id)
        stores.calendars.end_note("ann", note.id)
        assert stores.calendars.notes("ann", before_ms=NOON + 1) == []
        stores.change(RemoveObject(stores.found(1)))
        (note,) = stores.calendars.notes("ann", before_ms=NOON + 1)
        assert note.blobs == ("mail/1/again",)

    def test_a_change_that_was_refused_leaves_its_note(self, stores: Stores) -> None:
        stale = stores.head()
        stores.put(1, single(NOON))
        with pytest.raises(ConflictError):
            stores.change(PutObject(an_object(2, single(NOON))), head=stale)
        assert [note.blobs for note in stores.calendars.notes("ann", before_ms=NOON + 1)] == [("mail/2/first",)]

    def test_a_closed_note_prevents_the_change(self, stores: Stores) -> None:
        change = PutObject(an_object(1, single(NOON)))
        note = stores.noted(change)
        assert stores.calendars.close_note("ann", note)
        assert not stores.calendars.close_note("ann", note)
        with pytest.raises(ConflictError):
            stores.calendars.change(stores.head(), [change], note)
        assert stores.calendars.find("ann", [hash_of(1)]) == {}
        assert stores.calendars.notes("ann", before_ms=NOON + 1) == [replace(note, closed=True)]
        assert stores.calendars.close_note("ann", replace(note, closed=True)), "who stopped between goes on"

    def test_a_note_of_a_change_that_is_made_cannot_be_closed(self, stores: Stores) -> None:
        change = PutObject(an_object(1, single(NOON)))
        note = stores.noted(change)
        assert stores.calendars.change(stores.head(), [change], note)
        assert not stores.calendars.close_note("ann", note)
        old = stores.found(1)
        again = PutObject(an_object(1, single(NOON), old), old)
        note = stores.noted(again)
        assert stores.calendars.change(stores.head(), [again], note)
        assert not stores.calendars.close_note("ann", note)
        assert stores.calendars.close_note("ann", replace(note, blobs=("mail/1/first",)))

    def test_a_note_that_was_removed_prevents_the_change(self, stores: Stores) -> None:
        change = PutObject(an_object(1, single(NOON)))
        note = stores.noted(change)
        stores.calendars.end_note("ann", note.id)
        with pytest.raises(ConflictError):
            stores.calendars.change(stores.head(), [change], note)


@ON_DYNAMODB
def test_a_mailbox_is_removed_with_its_calendar(stores: Stores) -> None:
    stack = stores.stack
    assert stack is not None
    stores.put(1, single(NOON))
    stores.put(2, series(NOON))
    stores.put(2, series(NOON), stores.found(2))
    stores.calendars.set_settings("ann", DEFAULT_SETTINGS)
    removal = AwsMailboxRemoval(
        stack.dynamodb, stack.environment["MAILBOX_TABLE"], stack.s3, stack.environment["MAIL_BUCKET"]
    )
    kinds = {row["sk"]["S"].partition(":")[0] for row in stack.rows("MAILBOX_TABLE")}
    assert kinds >= {"head", "in", "cal", "object", "settings", "note", "change"}
    while not removal.remove_some(ORG, "ann"):
        pass
    assert stack.rows("MAILBOX_TABLE") == []


@ON_DYNAMODB
def test_content_is_in_no_row(stores: Stores) -> None:
    """Of an object, its times and a keyed hash of its UID are plain; what is sealed is opaque to the adapter."""
    stores.put(1, single(NOON), entry=b"ciphertext", summary=b"ciphertext too")
    assert stores.stack is not None
    rows = {row["sk"]["S"]: set(row) for row in stores.stack.rows("MAILBOX_TABLE")}
    assert rows[f"object:{hash_of(1)}"] == {"pk", "sk", "uid", "start", "end", "recurs"}
    (index,) = (names for key, names in rows.items() if key.startswith("cal:"))
    assert index == {"pk", "sk", "id", "start", "end", "recurs", "entry"}
