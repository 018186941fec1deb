"""Mailboxes of deregistered users and resources, and of those that are registered again meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.errors import StoreUnavailableError
from postroom.lifecycle.expired_mailboxes import READ_ALL_AFTER_MS, TAKEN_OVER_AFTER_MS, ExpiredMailboxes
from postroom.model.limits import RESERVE_MS

if TYPE_CHECKING:
    from postroom.adapters.memory.due_mailboxes import MemoryDueMailboxes

DAY: Final = 24 * 3600 * 1000
PIECES: Final = 3
Enable = Callable[..., str]


class StoppedError(BaseException):
    """The function was stopped."""


@dataclass
class Removal:
    """Removes a mailbox in parts, its head first. ``hook`` is called before each call, with the call's number."""

    heads: dict[str, Any]
    hook: Callable[[int], None] = lambda _: None
    pieces: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def remove_some(self, organization_id: str, mailbox_id: str) -> bool:
        self.calls.append(mailbox_id)
        self.hook(len(self.calls))
        self.heads.pop(mailbox_id, None)
        left = self.pieces.setdefault(mailbox_id, PIECES)
        self.pieces[mailbox_id] = max(0, left - 1)
        return left == 0


@dataclass
class Directory:
    """A directory that calls a hook before and after each commit."""

    inner: Any
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None

    def entities(self, *arguments: Any) -> Any:
        return self.inner.entities(*arguments)

    def entity(self, *arguments: Any) -> Any:
        return self.inner.entity(*arguments)

    def commit(self, changes: Any) -> None:
        self.before()
        self.inner.commit(changes)
        self.after()


@dataclass
class Pipeline:
    caller: Any
    context: Any
    acme: str
    removal: Removal
    directory: Directory

    @property
    def due(self) -> MemoryDueMailboxes:
        due: MemoryDueMailboxes = self.context.directory.due_mailboxes
        return due

    def ids(self) -> Iterator[str]:
        return iter([self.acme])

    def run(self, after: int = 0, remaining: Callable[[], int] = lambda: 1 << 30) -> dict[str, int]:
        """Run at ``after`` milliseconds after the last call of the API."""
        directory: Any = self.directory
        removal: Any = self.removal
        return ExpiredMailboxes(self, directory, removal, self.due, lambda: self.caller.now + after).run(remaining)

    def leave(self, name: str) -> None:
        self.caller("DeregisterFromWorkMail", OrganizationId=self.acme, EntityId=name)

    def come_back(self, name: str) -> None:
        self.caller("RegisterToWorkMail", OrganizationId=self.acme, EntityId=name, Email=f"{name[:4]}-back@example.com")

    def has_mailbox(self, name: str) -> bool:
        return name in self.context.mailboxes.heads

    def entity(self, name: str) -> Any:
        return self.context.directory.entity(self.acme, name)


@pytest.fixture
def pipeline(caller: Any, context: Any, acme: str) -> Pipeline:
    return Pipeline(caller, context, acme, Removal(context.mailboxes.heads), Directory(context.directory))


@pytest.fixture
def ann(pipeline: Pipeline, enable: Enable) -> str:
    """A deregistered user."""
    made = enable("ann")
    pipeline.leave(made)
    return made


def test_a_mailbox_stays_for_thirty_days_and_goes_then(pipeline: Pipeline, ann: str) -> None:
    assert pipeline.run(30 * DAY - 1001) == {"removed": 0, "unfinished": 0}
    assert pipeline.has_mailbox(ann)
    assert pipeline.run(30 * DAY) == {"removed": 1, "unfinished": 0}
    assert not pipeline.has_mailbox(ann)
    assert pipeline.removal.pieces == {ann: 0}
    assert pipeline.run(40 * DAY) == {"removed": 0, "unfinished": 0}


def test_a_deleted_users_mailbox_stays_for_thirty_days_from_then(pipeline: Pipeline, ann: str) -> None:
    pipeline.caller.now += 20 * DAY
    pipeline.caller("DeleteUser", OrganizationId=pipeline.acme, UserId=ann)
    assert pipeline.run(29 * DAY)["removed"] == 0
    assert pipeline.run(30 * DAY)["removed"] == 1


def test_a_resources_mailbox_goes_like_a_users(pipeline: Pipeline, enable: Enable) -> None:
    room = enable("room", kind="Resource", Type="ROOM")
    pipeline.leave(room)
    assert pipeline.run(30 * DAY - 1001)["removed"] == 0
    assert pipeline.run(30 * DAY)["removed"] == 1
    assert not pipeline.has_mailbox(room)


def test_who_never_had_a_mailbox_or_still_uses_it_is_left_alone(pipeline: Pipeline, enable: Enable) -> None:
    ben = enable("ben")
    pipeline.caller("CreateUser", OrganizationId=pipeline.acme, Name="new", DisplayName="new")
    assert pipeline.run(400 * DAY) == {"removed": 0, "unfinished": 0}
    assert pipeline.has_mailbox(ben)
    assert pipeline.removal.calls == []


def test_who_comes_back_in_time_keeps_the_mailbox(pipeline: Pipeline, ann: str) -> None:
    pipeline.come_back(ann)
    assert pipeline.run(400 * DAY)["removed"] == 0
    assert pipeline.has_mailbox(ann)


def test_who_comes_back_at_the_very_moment_keeps_the_mailbox(pipeline: Pipeline, ann: str) -> None:
    key = pipeline.context.mailboxes.heads[ann].wrapped_key

    def back() -> None:
        pipeline.directory.before = lambda: None
        pipeline.come_back(ann)

    pipeline.directory.before = back
    assert pipeline.run(30 * DAY) == {"removed": 0, "unfinished": 0}
    assert pipeline.context.mailboxes.heads[ann].wrapped_key == key
    assert pipeline.entity(ann).state == "ENABLED"
    assert pipeline.removal.calls == []


def test_who_comes_back_while_the_mailbox_goes_is_refused_until_it_is_gone(pipeline: Pipeline, ann: str) -> None:
    def back(_: int) -> None:
        text = pipeline.caller.refused(
            "EntityStateException",
            "RegisterToWorkMail",
            OrganizationId=pipeline.acme,
            EntityId=ann,
            Email="ann@example.com",
        )
        assert "try again" in text

    pipeline.removal.hook = back
    assert pipeline.run(30 * DAY)["removed"] == 1
    pipeline.come_back(ann)
    assert pipeline.has_mailbox(ann)
    assert pipeline.run(400 * DAY)["removed"] == 0
    assert pipeline.has_mailbox(ann)


def test_a_second_run_leaves_a_claimed_mailbox_alone(pipeline: Pipeline, ann: str) -> None:
    def again(call: int) -> None:
        pipeline.removal.hook = lambda _: None
        assert pipeline.run(30 * DAY) == {"removed": 0, "unfinished": 0}
        assert len(pipeline.removal.calls) == call

    pipeline.removal.hook = again
    assert pipeline.run(30 * DAY)["removed"] == 1


def test_a_run_that_read_before_another_finished_does_not_touch_the_new_mailbox(pipeline: Pipeline, ann: str) -> None:
    stale = pipeline.entity(ann)
    assert pipeline.run(30 * DAY)["removed"] == 1
    pipeline.come_back(ann)
    calls = len(pipeline.removal.calls)

    class Stale(Directory):
        def entities(self, *arguments: Any) -> Any:
            page = self.inner.entities(*arguments)
            return type(page)([stale if each.id == ann else each for each in page.items], page.last)

    pipeline.directory = Stale(pipeline.context.directory)
    assert pipeline.run(30 * DAY) == {"removed": 0, "unfinished": 0}
    assert len(pipeline.removal.calls) == calls
    assert pipeline.has_mailbox(ann)


def places() -> list[tuple[str, int]]:
    """Return every call of a run, each with "before" and "after": when the function is stopped."""
    return [
        *((f"commit {when}", number) for when in ("before", "after") for number in (1, 2)),
        *(("removal", number) for number in range(1, PIECES + 2)),
    ]


@pytest.mark.parametrize(("where", "number"), places())
def test_a_run_that_dies_anywhere_is_finished_by_the_next(
    pipeline: Pipeline, ann: str, enable: Enable, where: str, number: int
) -> None:
    ben = enable("ben")
    seen = 0

    def die(*_: int) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            raise StoppedError

    if where == "removal":
        pipeline.removal.hook = die
    else:
        setattr(pipeline.directory, where.split()[1], die)
    with pytest.raises(StoppedError):
        pipeline.run(30 * DAY)
    pipeline.removal.hook = lambda _: None
    pipeline.directory = Directory(pipeline.context.directory)
    pipeline.run(30 * DAY)
    pipeline.run(30 * DAY + TAKEN_OVER_AFTER_MS)
    assert not pipeline.has_mailbox(ann)
    assert pipeline.removal.pieces == {ann: 0}
    assert pipeline.entity(ann).mailbox_removing is None
    assert pipeline.has_mailbox(ben)
    pipeline.come_back(ann)
    assert pipeline.has_mailbox(ann)


def test_what_time_does_not_allow_is_left_to_a_later_run(pipeline: Pipeline, ann: str, enable: Enable) -> None:
    ben = enable("ben")
    pipeline.leave(ben)
    times = iter([RESERVE_MS, RESERVE_MS - 1, RESERVE_MS - 1])
    assert pipeline.run(31 * DAY, lambda: next(times, 0)) == {"removed": 0, "unfinished": 2}
    assert len(pipeline.removal.calls) == 1
    assert pipeline.run(32 * DAY) == {"removed": 2, "unfinished": 0}


def test_trouble_with_one_mailbox_stops_no_other_and_is_raised(pipeline: Pipeline, ann: str, enable: Enable) -> None:
    ben = enable("ben")
    pipeline.leave(ben)
    first = min(ann, ben)

    def fail(_: int) -> None:
        if pipeline.removal.calls[-1] == first:
            raise StoreUnavailableError("no answer")

    pipeline.removal.hook = fail
    with pytest.raises(StoreUnavailableError):
        pipeline.run(31 * DAY)
    assert pipeline.has_mailbox(first)
    assert not pipeline.has_mailbox(max(ann, ben))


def test_a_run_reads_no_owner_who_is_not_due(pipeline: Pipeline, ann: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.run(29 * DAY)
    for read in ("entity", "entities"):
        monkeypatch.setattr(Directory, read, lambda *_: pytest.fail("a read"))
    pipeline.run(30 * DAY - 2000)
    assert pipeline.has_mailbox(ann)


def test_once_a_week_all_owners_are_read_for_those_without_a_note(pipeline: Pipeline, ann: str) -> None:
    pipeline.run(30 * DAY - 2000)
    pipeline.due.notes.clear()  # as a version that makes none leaves them
    assert pipeline.run(31 * DAY) == {"removed": 0, "unfinished": 0}
    pipeline.run(30 * DAY - 2000 + READ_ALL_AFTER_MS)
    assert pipeline.run(38 * DAY) == {"removed": 1, "unfinished": 0}
    assert not pipeline.has_mailbox(ann)


def test_a_note_that_says_nothing_any_more_is_forgotten(pipeline: Pipeline, ann: str) -> None:
    pipeline.come_back(ann)
    assert len(pipeline.due.notes) == 1
    pipeline.run(31 * DAY)
    assert pipeline.due.notes == set()
