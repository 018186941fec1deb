"""Imports keep folders, dates and flags; an item that comes twice from one place is one item."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import InvalidArchiveError, MailboxFullError, UnknownMailboxError
from postroom.imports.folders import MAX_DEPTH, MAX_FOLDERS
from postroom.imports.importing import MAX_BATCH_BYTES, MAX_WORDS
from postroom.imports.incoming import Incoming, IncomingFolder, Place, Skipped
from postroom.imports.journal import Journal
from postroom.imports.reconcile import Reconciling
from postroom.imports.report import Tally, What
from postroom.model.folders import Folder
from postroom.model.limits import MAX_MESSAGE_BYTES, MB
from postroom.ports.mailboxes import MAX_ADDED
from postroom.summaries import open_summary
from tests.support.builders import NOON
from tests.support.calendars import an_object, vcalendar, vevent
from tests.support.importing import INBOX, ImportedMailbox, each_call, message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.imports.incoming import Found

PROJECTS = Place(Folder.INBOX, ("Projects", "2026"))


def calendar_file(*components: str, **changes: Any) -> Incoming:
    made: dict[str, Any] = {"content": vcalendar(*components), "received": NOON - 7, "is_calendar": True}
    return Incoming("c.ics", Place(Folder.CALENDAR), **{**made, **changes})


def made(mailbox: ImportedMailbox) -> set[tuple[str, ...]]:
    """Return the paths of folders that are not standard."""
    return {path for folder, path in mailbox.paths().items() if folder not in set(Folder)}


def test_messages_enter_with_folder_date_and_flags() -> None:
    mailbox = ImportedMailbox()
    marked = message(2, PROJECTS, read=False, flags=("\\Flagged",), keywords=("b", "a", "a", ""), categories=("Red",))
    report = mailbox.run([message(1), marked, message(3, Place(None, ("Old",)), received=None)])
    size = sum(item.size for item in mailbox.items())
    assert report.total() == Tally(3, size, added=3, added_bytes=size, found=3, found_bytes=size)
    assert (report.new_folders, report.problems) == (3, [])
    first, second, third = sorted(mailbox.items(), key=lambda item: item.id)
    assert (first.received, first.read, first.flags) == (NOON - 1, True, ())
    assert (second.received, second.read, second.flags) == (NOON - 2, False, ("\\Flagged",))
    assert (second.keywords, second.categories) == (("a", "b"), ("Red",))
    assert third.received == NOON, "no source says when: now"
    assert made(mailbox) == {("INBOX", "Projects"), ("INBOX", "Projects", "2026"), ("Old",)}
    head = mailbox.open()
    summary = open_summary(first.summary, mailbox_key=head.key, mailbox_id="ann", token=first.token)
    assert (summary.subject, summary.envelope_from, summary.delivered_to) == ("1", "", "")
    mailbox.check()


def test_an_import_that_is_repeated_changes_nothing() -> None:
    mailbox, found = ImportedMailbox(), [message(n, PROJECTS) for n in range(MAX_ADDED + 3)]
    assert mailbox.total(found).added == len(found)
    before, items = mailbox.mailboxes.head("ann"), mailbox.items()
    again = mailbox.run(reversed(found))
    assert (again.total().added, again.total().known, again.total().found) == (0, len(found), len(found))
    assert again.new_folders == 0
    assert (mailbox.mailboxes.head("ann"), mailbox.items()) == (before, items)
    mailbox.check()


def test_what_is_twice_in_one_source_is_two_items_and_in_two_sources_one() -> None:
    mailbox = ImportedMailbox()
    twice = [message(1), message(1, source="again.eml", flags=("\\Flagged",))]
    assert mailbox.total(twice).added == 2
    assert mailbox.total([*twice, message(1)]).added == 1, "the third"
    assert mailbox.total([message(1, source="of another source")]).known == 1
    assert mailbox.total([message(1, Place(Folder.DRAFTS))]).added == 1, "in another folder it is another"
    assert mailbox.total([message(1, Place(None, ("INBOX",)))]).added == 1, "and so it is in a folder of that name"
    assert len(mailbox.items()) == 5


def test_empty_folders_and_their_classes_are_made() -> None:
    mailbox = ImportedMailbox()
    report = mailbox.run([IncomingFolder(PROJECTS, "IPF.Task"), IncomingFolder(INBOX), IncomingFolder(Place(None))])
    assert made(mailbox) == {("INBOX", "Projects"), ("INBOX", "Projects", "2026")}
    classes = {folder.name: folder.folder_class for folder in mailbox.mailboxes.folders("ann")}
    assert (classes["Projects"], classes["2026"], classes["INBOX"]) == ("IPF.Note", "IPF.Task", "IPF.Note")
    assert report.new_folders == 2
    assert set(report.folders) == {"Inbox/Projects/2026", "Inbox", ""}
    many = [IncomingFolder(Place(None, (f"{n}", "below"))) for n in range(100)]
    assert mailbox.run(many).new_folders == 200
    assert mailbox.run(many).new_folders == 0


def test_folders_whose_names_differ_in_case_or_normalization_only_are_two() -> None:
    names = ["a", "A", "e\u0301", "\u00e9", "..", "a/b", "CON", "\0", "x" * 255, "\U0001f600" * 255]
    mailbox = ImportedMailbox()
    mailbox.run([message(n, Place(None, (name,))) for n, name in enumerate(names)])
    assert made(mailbox) == {(name,) for name in names}


def test_names_that_a_mailbox_does_not_take_are_changed_in_the_same_way_every_time() -> None:
    mailbox = ImportedMailbox()
    names = ["", "\udc80", "x" * 256, "x" * 255 + "y"]
    found = [message(n, Place(None, (name,))) for n, name in enumerate(names)]
    mailbox.run(found)
    assert len(made(mailbox)) == 4
    assert {len(name) for (name,) in made(mailbox)} == {1, 255}
    assert mailbox.total(found).known == 4
    assert len(made(mailbox)) == 4


def test_messages_in_the_calendar_go_to_a_folder_beside_it() -> None:
    """What is in the folder CALENDAR is an object of the calendar."""
    mailbox = ImportedMailbox()
    mailbox.run([message(1, Place(Folder.CALENDAR)), message(2, Place(Folder.CALENDAR, ("Work",)))])
    assert made(mailbox) == {("Calendar",), ("Calendar", "Work")}
    assert mailbox.mailboxes.items("ann", "CALENDAR") == []


def test_events_enter_the_calendar_with_date_and_flags() -> None:
    mailbox = ImportedMailbox()
    one = calendar_file(vevent("one"), flags=("\\Flagged",), read=False, keywords=("k",))
    two = calendar_file(vevent("two"), vevent("three"))
    report = mailbox.run([one, message(1), two])
    assert (report.total().added, report.total().found, report.total().differing) == (4, 4, 0)
    first, *others = mailbox.mailboxes.items("ann", "CALENDAR")
    assert mailbox.content(first) == one.content, "byte for byte"
    assert (first.received, first.read, first.flags, first.keywords) == (NOON - 7, False, ("\\Flagged",), ("k",))
    assert len(others) == 2
    assert mailbox.open().find("three") is not None
    assert mailbox.total([one, two]).known == 3
    mailbox.check()


def test_a_newer_version_of_an_event_stays_and_is_named() -> None:
    mailbox = ImportedMailbox()
    mailbox.put(an_object("one", sequence=3))
    report = mailbox.run([calendar_file(vevent("one", sequence=2))])
    assert [(each.what, each.why) for each in report.problems] == [(What.OLDER, "the calendar has a newer version")]
    assert (report.total().known, report.total().differing) == (1, 0)
    versions = [calendar_file(vevent("two", sequence=number)) for number in (1, 2)]
    total = mailbox.total(versions)
    assert (total.added, total.found, total.differing) == (2, 1, 0), "the source's own older version is replaced"


def test_what_cannot_enter_is_named_and_the_rest_enters() -> None:
    mailbox = ImportedMailbox(quota_bytes=1 << 40)
    deep = Place(None, ("d",) * (MAX_DEPTH + 1))
    found: list[Found] = [
        Skipped("notes.txt", "no mail"),
        message(1, content=b"x" * (MAX_MESSAGE_BYTES + MB)),
        message(2, deep),
        IncomingFolder(deep),
        calendar_file(),
        calendar_file(vevent("bad", dtstart=None), vevent("good")),
        message(3, content=b""),
        message(4, sha256="0" * 64),
    ]
    report = mailbox.run(found)
    assert [(each.what, each.why) for each in report.problems] == [
        (What.SKIPPED, "no mail"),
        (What.REFUSED, "a message of more than 40 MB"),
        (What.REFUSED, "a folder in more than 100 others"),
        (What.REFUSED, "no event"),
        (What.REFUSED, "an event without DTSTART"),
        (What.CHANGED, "its bytes are not those that the manifest names"),
    ]
    total = report.total()
    assert (total.read, total.added, total.refused, total.differing, report.skipped) == (7, 3, 4, 1, 1)
    assert made(mailbox) == set()
    mailbox.check()


def test_words_and_times_are_bounded() -> None:
    mailbox = ImportedMailbox()
    words = tuple(f"{n:04}" + "\udc80" + "k" * 300 for n in range(MAX_WORDS + 5))
    marked = message(1, keywords=words, received=-(10**18), item_class="c" * 300, flags=("\\Seen", "\\Recent"))
    mailbox.run([marked, message(2, received=10**18)])
    first, second = mailbox.items()
    assert (first.flags, len(first.item_class)) == ((), 255)
    assert (len(first.keywords), len(first.keywords[0])) == (MAX_WORDS, 255)
    assert (first.received, second.received) == (-62_135_596_800_000, 253_402_300_799_999)


def test_index_entries_that_are_too_large_together_enter_in_several_transactions() -> None:
    mailbox, commits = ImportedMailbox(), list[int]()

    def added(name: str) -> None:
        commits.extend([len(mailbox.items())] if name == "add" else [])

    stores: Any = each_call(mailbox.mailboxes, lambda _: None, added)
    words = tuple(f"{n:04}" + "\U0001f600" * 251 for n in range(MAX_WORDS))
    with Journal() as journal:
        found = [message(n, keywords=words, categories=words) for n in range(MAX_ADDED)]
        mailbox.importing(journal, mailboxes=stores).run(found)
    assert commits == [15, 30, 45], "at most 3 MB each"


def test_a_full_mailbox_takes_what_has_room_and_then_the_import_ends() -> None:
    size = len(message(1).content)
    mailbox = ImportedMailbox(quota_bytes=3 * size)
    found = [message(n) for n in range(6)]
    with pytest.raises(MailboxFullError, match=r"no room for the 22 bytes of 3\.eml"):
        mailbox.run(found)
    assert [item.received for item in mailbox.items()] == [NOON, NOON - 1, NOON - 2]
    mailbox.check()
    mailbox.mailboxes.set_quota("ann", 6 * size)
    assert mailbox.total(found).added == 3
    mailbox.check()
    with pytest.raises(MailboxFullError, match=r"the mailbox is full: no room for the \d+ bytes of c\.ics"):
        mailbox.run([calendar_file(vevent("one"))])


def test_a_mailbox_has_only_so_many_folders() -> None:
    mailbox = ImportedMailbox()
    found = [IncomingFolder(Place(None, (f"{n}",))) for n in range(MAX_FOLDERS)]
    with pytest.raises(MailboxFullError, match="more than 2000 folders"):
        mailbox.run(found, dry_run=True)
    with pytest.raises(MailboxFullError, match="more than 2000 folders"):
        mailbox.run(found)
    assert len(mailbox.paths()) > MAX_FOLDERS - MAX_ADDED


def test_a_source_that_is_damaged_half_way_has_entered_up_to_there() -> None:
    def damaged() -> Iterator[Found]:
        yield message(1)
        yield calendar_file(vevent("one"))
        raise InvalidArchiveError("broken")

    mailbox = ImportedMailbox()
    with pytest.raises(InvalidArchiveError):
        mailbox.run(damaged())
    assert len(mailbox.items()) == 2


def test_a_dry_run_says_what_would_happen_and_writes_nothing() -> None:
    mailbox = ImportedMailbox(quota_bytes=1000)
    mailbox.run([message(1), calendar_file(vevent("one"))])
    before, tables = mailbox.objects(), repr(mailbox.tables)
    report = mailbox.run(
        [message(1), message(2, PROJECTS), IncomingFolder(PROJECTS), calendar_file(vevent("one"), vevent("two"))],
        dry_run=True,
    )
    total = report.total()
    assert (total.read, total.known, total.added, total.found, report.new_folders) == (4, 2, 2, 0, 2)
    with pytest.raises(MailboxFullError):
        mailbox.run([message(n, content=b"x" * 100) for n in range(9)], dry_run=True)
    assert (mailbox.objects(), repr(mailbox.tables)) == (before, tables)


def test_an_item_that_the_mailbox_does_not_give_back_is_named() -> None:
    mailbox = ImportedMailbox()
    with Journal() as journal:
        importing = mailbox.importing(journal)
        importing.run([message(n) for n in range(4)])
        changed, other, lost, _ = mailbox.items()
        mailbox.blobs.delete(lost.blob)
        sealed = mailbox.blobs.get(other.blob)
        mailbox.blobs.delete(changed.blob)
        mailbox.blobs.put_once(changed.blob, sealed)
        mailbox.tables.mailboxes["ann"].items[other.id] = replace(other, size=other.size + 1)
        Reconciling("ann", mailbox.mailboxes, mailbox.store).run(journal, importing.report)
    named = {each.source: each.why for each in importing.report.problems}
    assert named == {
        "0.eml": "UnreadableMailError: this key does not open it",
        "1.eml": "its bytes are not those that were read",
        "2.eml": "MessageNotFoundError: there is no such sealed message",
    }
    assert (importing.report.total().found, importing.report.total().differing) == (1, 3)


def test_a_mailbox_that_is_gone_ends_the_import() -> None:
    mailbox = ImportedMailbox()

    def found() -> Iterator[Found]:
        yield message(1)
        del mailbox.tables.mailboxes["ann"]
        yield message(2)

    with pytest.raises(UnknownMailboxError):
        mailbox.run(found())
    assert mailbox.objects() == set()


@given(st.data())
def test_however_often_a_source_is_read_in_whatever_order_it_is_imported_once(data: st.DataObject) -> None:
    places = st.sampled_from([INBOX, PROJECTS, Place(None, ("INBOX",)), Place(Folder.DRAFTS)])
    source = data.draw(st.lists(st.builds(message, st.integers(1, 3), places), max_size=12))
    mailbox, whole = ImportedMailbox(), ImportedMailbox()
    for _ in range(data.draw(st.integers(0, 3))):
        order = data.draw(st.permutations(source))
        mailbox.run(order[: data.draw(st.integers(0, len(order)))])
    mailbox.run(data.draw(st.permutations(source)))
    assert whole.run(source).total().added == len(source)
    assert mailbox.kept() == whole.kept()
    mailbox.check()


def test_memory_does_not_grow_with_the_source() -> None:
    def peak(number: int) -> int:
        mailbox = ImportedMailbox(quota_bytes=1 << 40)
        discarding: Any = Discarding()
        store = replace(mailbox.store, sealed=discarding)
        tracemalloc.start()
        with Journal() as journal:
            mailbox.importing(journal, store=store).run(message(n, content=b"%d" % n * MB) for n in range(number))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(mailbox.items()) == number
        return peak

    assert peak(120) < 1.1 * peak(40) < 4 * MAX_BATCH_BYTES


class Discarding:
    """Takes sealed objects and keeps none."""

    def put_once(self, key: str, sealed: bytes) -> bool:
        return True
