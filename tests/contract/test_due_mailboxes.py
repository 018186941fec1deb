"""Notes of mailboxes that are kept for some time, in memory and in DynamoDB alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.due_mailboxes import DynamoDueMailboxes
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.errors import ConflictError
from postroom.model.directory import EntityState
from postroom.model.records import Insert, Replace
from postroom.ports.due_mailboxes import DueMailbox
from tests.support.builders import NOON
from tests.support.directory_records import ORG, user

if TYPE_CHECKING:
    from postroom.ports.directory import Directory
    from postroom.ports.due_mailboxes import DueMailboxes
    from tests.support.stack import Stack


@dataclass
class Noted:
    directory: Directory
    due: DueMailboxes


@pytest.fixture(params=["memory", "dynamodb"])
def noted(request: pytest.FixtureRequest) -> Noted:
    if request.param == "memory":
        directory = MemoryDirectory()
        return Noted(directory, directory.due_mailboxes)
    stack: Stack = request.getfixturevalue("stack")
    name = stack.environment["DIRECTORY_TABLE"]
    return Noted(DynamoDirectory(DirectoryTable(stack.dynamodb, name)), DynamoDueMailboxes(stack.dynamodb, name))


def test_the_directory_notes_each_mailbox_that_is_kept_for_some_time(noted: Noted) -> None:
    ann, ben = user("ann"), user("ben")
    noted.directory.commit([Insert(ann), Insert(ben)])
    assert list(noted.due.due(NOON)) == []
    left = replace(ann, state=EntityState.DISABLED, mailbox_kept_until=NOON)
    noted.directory.commit([Replace(left)])
    noted.directory.commit([Replace(replace(ben, mailbox_kept_until=NOON - 5))])
    assert list(noted.due.due(NOON - 6)) == []
    assert list(noted.due.due(NOON)) == [DueMailbox(NOON - 5, ORG, "ben"), DueMailbox(NOON, ORG, "ann")]
    with pytest.raises(ConflictError):
        noted.directory.commit([Replace(replace(left, mailbox_kept_until=NOON + 1))])
    assert len(list(noted.due.due(NOON + 1))) == 3, "a note too many costs one read"


def test_a_note_that_is_forgotten_is_gone(noted: Noted) -> None:
    due = DueMailbox(NOON, ORG, "ann#1")
    for _ in range(2):
        noted.due.note(due)
    assert list(noted.due.due(NOON)) == [due]
    for _ in range(2):
        noted.due.forget(due)
    assert list(noted.due.due(NOON)) == []


def test_the_time_at_which_all_were_read_is_no_note(noted: Noted) -> None:
    assert noted.due.all_read_ms() is None
    noted.due.all_read(NOON)
    noted.due.all_read(NOON + 7)
    assert noted.due.all_read_ms() == NOON + 7
    assert list(noted.due.due(2**45)) == []
