"""An import that stops at any call of a store, or meets other changes of the mailbox, loses and doubles nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.errors import ConflictError, StoreUnavailableError
from postroom.imports import importing, writer
from postroom.imports.incoming import Incoming, IncomingFolder, Place
from postroom.imports.journal import Journal
from postroom.imports.writer import MAX_RACES
from postroom.model.additions import NewFolder
from postroom.model.folders import Folder
from postroom.ports.mailboxes import MAX_ADDED
from tests.support.builders import NOON, delivered, order
from tests.support.calendars import vcalendar, vevent
from tests.support.importing import ImportedMailbox, each_call, message
from tests.support.mailboxes import deliver_one

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.imports.incoming import Found
    from postroom.model.mailbox import Item

PROJECTS: Final = Place(Folder.INBOX, ("Projects",))
SOME: Final = 3
"""As many as one transaction takes here, so that a few messages need several."""

EVENT: Final = Incoming("c.ics", Place(Folder.CALENDAR), vcalendar(vevent("one")), is_calendar=True, received=NOON)
FOUND: Final[list[Found]] = [
    IncomingFolder(PROJECTS),
    message(1),
    message(2, PROJECTS),
    EVENT,
    *(message(10 + n) for n in range(SOME)),
    message(3, Place(Folder.INBOX, ("Late",))),
]


class KilledError(Exception):
    """The process ends here."""


@dataclass
class Walked(ImportedMailbox):
    """A mailbox whose stores can stop before or after a call."""

    calls: list[str] = field(default_factory=list)
    meddle: Callable[[int], None] = lambda number: None
    after: bool = False

    def run_stopped(self, found: list[Found]) -> None:
        def before(name: str) -> None:
            self.calls.append(name)
            if not self.after:
                self.meddle(len(self.calls))

        def after(name: str) -> None:
            if self.after:
                self.meddle(len(self.calls))

        def around(target: object) -> Any:
            return each_call(target, before, after)

        store = replace(
            self.store,
            mailboxes=around(self.mailboxes),
            calendars=around(self.calendars),
            sealed=around(self.blobs),
        )
        with Journal() as journal:
            self.importing(journal, mailboxes=around(self.mailboxes), store=store).run(found)


def number_of_calls() -> int:
    mailbox = Walked()
    mailbox.run_stopped(FOUND)
    return len(mailbox.calls)


def expected() -> Any:
    mailbox = ImportedMailbox()
    mailbox.run(FOUND)
    return mailbox.kept()


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (importing, writer):
        monkeypatch.setattr(module, "MAX_ADDED", SOME)


@pytest.mark.parametrize(
    ("error", "after"), [(KilledError, False), (KilledError, True), (StoreUnavailableError, False)]
)
def test_a_stop_at_any_call_is_made_good_by_the_next_import(*, after: bool, error: type[Exception]) -> None:
    whole = expected()
    for stopped_at in range(1, number_of_calls() + 1):
        mailbox = Walked(after=after)

        def stop(number: int, at: int = stopped_at) -> None:
            if number >= at:
                raise error("here")

        mailbox.meddle = stop
        with pytest.raises(error):
            mailbox.run_stopped(FOUND)
        mailbox.check()
        assert mailbox.run(FOUND).total().differing == 0
        assert mailbox.kept() == whole, f"stopped at call {stopped_at}, {mailbox.calls[stopped_at - 1]}"
        mailbox.check()


@pytest.mark.parametrize("error", [StoreUnavailableError, ConflictError])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_one_error_of_a_store_is_made_good_by_the_import_itself(*, after: bool, error: type[Exception]) -> None:
    whole = expected()
    for fails_at in range(1, number_of_calls() + 1):
        mailbox = Walked(after=after)

        def fail(number: int, at: int = fails_at) -> None:
            if number == at:
                raise error("here")

        mailbox.meddle = fail
        mailbox.run_stopped(FOUND)
        assert mailbox.kept() == whole
        mailbox.check()


def deliver(mailbox: ImportedMailbox, number: int) -> Item:
    """Deliver a message between two calls of an import."""
    from postroom.delivery.index_entry import blob_of, new_item
    from postroom.ports.transit import Commit
    from postroom.sealing import seal_message

    trace = f"{number:032x}"
    made, content = order("ann", trace), b"Subject: delivered\r\n\r\n%d" % number
    mailbox.transit.commit(Commit(orders=[made]))
    opened = mailbox.open()
    item = new_item(content, made, mailbox_key=opened.key, now=NOON, random=mailbox.store.random)
    mailbox.blobs.put_once(blob_of(made), seal_message(content, mailbox_key=opened.key, place=item.blob))
    entered = deliver_one(mailbox.mailboxes, opened.head, item, made, [delivered("ann", trace)])
    assert entered is not None
    return entered


def test_a_delivery_at_any_call_of_an_import_loses_nothing() -> None:
    whole = expected()
    for at in range(1, number_of_calls() + 1):
        mailbox = Walked()
        found: list[Item] = []

        def between(number: int, at: int = at, mailbox: Walked = mailbox, found: list[Item] = found) -> None:
            if number == at:
                found.append(deliver(mailbox, at))

        mailbox.meddle = between
        mailbox.run_stopped(FOUND)
        (item,) = found
        assert mailbox.mailboxes.item("ann", item.id) == item
        assert (mailbox.kept() - whole).total() == 1
        assert mailbox.kept() >= whole
        mailbox.check()


def test_a_delivery_before_every_commit_ends_the_import_with_what_entered() -> None:
    mailbox = Walked()

    def always(number: int) -> None:
        if mailbox.calls[-1] == "add":
            deliver(mailbox, number)

    mailbox.meddle = always
    with pytest.raises(ConflictError):
        mailbox.run_stopped([message(1)])
    assert mailbox.calls.count("add") == MAX_RACES**2
    assert max(mailbox.pauses) < MAX_RACES
    mailbox.check()
    assert mailbox.total([message(1)]).added == 1


def test_two_imports_of_one_source_at_once_are_one() -> None:
    whole = expected()
    for at in range(1, number_of_calls() + 1):
        mailbox = Walked()

        def between(number: int, at: int = at, mailbox: Walked = mailbox) -> None:
            if number == at:
                mailbox.run(FOUND)

        mailbox.meddle = between
        mailbox.run_stopped(FOUND)
        assert mailbox.kept() == whole
        paths = list(mailbox.paths().values())
        assert len(paths) == len(set(paths)), "no folder twice"
        mailbox.check()


def test_a_folder_that_is_renamed_meanwhile_keeps_what_comes() -> None:
    """The next import makes the folder of the source's name again."""
    mailbox = Walked()
    mailbox.run([message(1, PROJECTS)])
    mailbox.mailboxes.add(mailbox.open().head, [], None, folders=[NewFolder("f9", "Projects", None)])
    assert mailbox.total([message(2, PROJECTS)]).added == 1
    folder = next(each for each, path in mailbox.paths().items() if path == ("INBOX", "Projects"))
    assert len(mailbox.mailboxes.items("ann", folder)) == 2


def test_sealed_objects_of_an_import_that_stopped_go_with_the_next_one_an_hour_later() -> None:
    mailbox = Walked()

    def stop(number: int) -> None:
        if mailbox.calls[-1] == "add":
            raise KilledError

    mailbox.meddle = stop
    with pytest.raises(KilledError):
        mailbox.run_stopped([message(1)])
    assert len(mailbox.objects()) == 1
    mailbox.now_ms += 2 * 3_600_000
    mailbox.run([message(1)])
    assert mailbox.objects() == mailbox.in_use()


def test_many_messages_take_five_requests_beside_their_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    mailbox = Walked()
    mailbox.run([message(0)])
    mailbox.run_stopped([message(n) for n in range(1, MAX_ADDED + 1)])
    assert mailbox.calls.count("put_once") == MAX_ADDED
    folders_and_notes = 2  # of the beginning
    assert len(mailbox.calls) == MAX_ADDED + 5 + folders_and_notes
