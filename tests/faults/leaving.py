"""A mailbox whose owner has left goes when its time is over; the directory's note of it finds it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.due_mailboxes import DynamoDueMailboxes
from postroom.model.directory import EntityState
from postroom.model.limits import DAY_MS
from postroom.model.records import Replace
from tests.support.builders import ORG

if TYPE_CHECKING:
    from tests.faults.harness import Harness

KEPT_DAYS: Final = 30


def mailbox_due(harness: Harness) -> None:
    """Ben leaves; 31 days later the runs remove his mailbox, and m1 bounces for him."""
    name, now = harness.stack.environment["DIRECTORY_TABLE"], int(harness.clock.time() * 1000)
    directory = DynamoDirectory(DirectoryTable(harness.stack.dynamodb, name))
    due = DynamoDueMailboxes(harness.stack.dynamodb, name)
    due.all_read(now + 31 * DAY_MS)  # so that only his note tells of him

    def leave() -> None:
        ben = directory.entity(ORG, "ben")
        assert ben is not None
        kept_until = now + KEPT_DAYS * DAY_MS
        gone = replace(ben, state=EntityState.DISABLED, mailbox_kept_until=kept_until, mailbox_provisioned=now)
        if ben.mailbox_kept_until is None:
            directory.commit([Replace(gone)])

    harness.operate(leave)
    harness.hours(24 * (KEPT_DAYS + 1))
    for _ in range(3):  # a claim of a run that was stopped is taken over an hour later
        harness.schedule("remove_mailboxes")
        harness.hours(1)
    assert not [row for row in harness.stack.rows("MAILBOX_TABLE") if row["pk"]["S"] == "ben"], "his mailbox is there"
    assert not list(due.due(1 << 43)), "his note is there"
    harness.arrive("m1", "ann@acme.test", "ben@acme.test")
    harness.pump()
