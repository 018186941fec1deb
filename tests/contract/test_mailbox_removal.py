"""The removal of mailboxes, and of nothing else, in memory and in AWS."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.mailbox_removal import AwsMailboxRemoval
from postroom.adapters.aws.mailboxes import DynamoMailboxes
from postroom.adapters.aws.sealed_mail import S3SealedMail
from postroom.adapters.aws.transit import DynamoTransit
from postroom.adapters.memory.mailbox_removal import MemoryMailboxRemoval
from postroom.adapters.memory.mailboxes import MemoryMailboxes
from postroom.adapters.memory.sealed_mail import MemorySealedMail
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.errors import MessageNotFoundError, StoreUnavailableError
from postroom.model.mailbox import NewItem, blob_key
from postroom.ports.mailboxes import MailboxOwner
from postroom.ports.transit import Commit, Outcome
from tests.support.builders import NOON, ORG, arn, delivered, order, received
from tests.support.mailboxes import deliver_one

if TYPE_CHECKING:
    from postroom.ports.mailbox_removal import MailboxRemoval
    from postroom.ports.mailboxes import Mailboxes
    from postroom.ports.sealed_mail import SealedMail
    from postroom.ports.transit import Transit
    from tests.support.stack import Stack

LETTERS = 24
"""With the rows of head and folders: more than one batch of 25."""


@dataclass
class Stores:
    mailboxes: Mailboxes
    transit: Transit
    sealed: SealedMail
    removal: MailboxRemoval
    stack: Stack | None = None
    traces: int = 0

    def move_in(self, name: str) -> list[str]:
        """Make a mailbox with letters; return the names of its objects."""
        owner = MailboxOwner(ORG, arn(), "key")
        assert self.mailboxes.create(name, owner, wrapped_key=b"w", quota_bytes=1 << 30, now_ms=NOON)
        return [self.deliver(name, number) for number in range(LETTERS)]

    def deliver(self, name: str, number: int) -> str:
        trace = f"{name}{self.traces:030x}"
        self.traces += 1
        assert self.transit.commit(Commit(facts=[received(trace)], orders=[order(name, trace)])) is Outcome.DONE
        head = self.mailboxes.head(name)
        assert head is not None
        token = f"{number:032x}"
        blob = blob_key(ORG, name, token)
        self.sealed.put_once(blob, b"sealed")
        item = NewItem(token, "INBOX", blob, 6, b"summary", "IPM.Note", "c", NOON, NOON, has_attachments=False)
        assert deliver_one(self.mailboxes, head, item, order(name, trace), [delivered(name, trace)])
        return blob

    def remove(self, name: str) -> int:
        """Remove a mailbox; return how many calls it took."""
        calls = 1
        while not self.removal.remove_some(ORG, name):
            calls += 1
            assert calls < 50
        return calls

    def has(self, blob: str) -> bool:
        try:
            self.sealed.get(blob)
        except MessageNotFoundError:
            return False
        return True


@pytest.fixture(params=["memory", "aws"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        tables, sealed = MemoryTables(), MemorySealedMail()
        removal = MemoryMailboxRemoval(tables, sealed, most=5)
        return Stores(MemoryMailboxes(tables, lambda: NOON), MemoryTransit(tables, lambda: NOON), sealed, removal)
    stack: Stack = request.getfixturevalue("stack")
    mailbox, transit, ledger, bucket = (
        stack.environment[name] for name in ("MAILBOX_TABLE", "TRANSIT_TABLE", "LEDGER_TABLE", "MAIL_BUCKET")
    )
    return Stores(
        DynamoMailboxes(stack.dynamodb, mailbox, transit, ledger, lambda: NOON),
        DynamoTransit(stack.dynamodb, transit, ledger, lambda: NOON),
        S3SealedMail(stack.s3, bucket),
        AwsMailboxRemoval(stack.dynamodb, mailbox, stack.s3, bucket),
        stack,
    )


def test_everything_of_a_mailbox_goes(stores: Stores) -> None:
    blobs = stores.move_in("ann")
    stores.remove("ann")
    assert stores.mailboxes.head("ann") is None
    assert stores.mailboxes.items("ann", "INBOX") == []
    assert stores.mailboxes.folders("ann") == []
    assert not any(map(stores.has, blobs))
    assert stores.stack is None or stores.stack.rows("MAILBOX_TABLE") == []


def test_other_mailboxes_stay_whatever_their_names_begin_with(stores: Stores) -> None:
    stores.move_in("ann")
    others = {name: stores.move_in(name) for name in ("anna", "an", "ann-2")}
    stores.remove("ann")
    for name, blobs in others.items():
        assert len(stores.mailboxes.items(name, "INBOX")) == LETTERS
        assert all(map(stores.has, blobs))


def test_the_key_goes_first_and_with_it_every_delivery(stores: Stores) -> None:
    stores.move_in("ann")
    assert not stores.removal.remove_some(ORG, "ann")
    assert stores.mailboxes.head("ann") is None


def test_a_removal_that_stopped_goes_on(stores: Stores) -> None:
    blobs = stores.move_in("ann")
    whole = stores.remove("ann")
    assert whole > 2
    for stopped in range(1, whole):
        again = stores.move_in("ann")
        for _ in range(stopped):
            stores.removal.remove_some(ORG, "ann")
        stores.remove("ann")
        assert not any(map(stores.has, [*blobs, *again]))


def test_a_mailbox_that_does_not_exist_is_removed_at_once(stores: Stores) -> None:
    assert stores.removal.remove_some(ORG, "ann")


def test_a_key_goes_alone_and_nothing_is_delivered_or_read_any_more(stores: Stores) -> None:
    names = [f"u{number:02}" for number in range(30)]
    blobs = stores.move_in("ann")
    stores.removal.remove_keys([*names, "ann"])
    stores.removal.remove_keys(["ann"])
    stores.removal.remove_keys([])
    assert stores.mailboxes.head("ann") is None
    assert all(map(stores.has, blobs))


def test_a_key_that_a_throttled_table_left_is_tried_again(stack: Stack) -> None:
    waits: list[float] = []
    left: Any = {"UnprocessedItems": {"mailboxes": [{"DeleteRequest": {"Key": {}}}]}}
    answers: list[Any] = [left, left, {"UnprocessedItems": {}}]
    table: Any = SimpleNamespace(batch_write_item=lambda **_: answers.pop(0))
    removal = AwsMailboxRemoval(table, "mailboxes", stack.s3, "mail", waits.append)
    removal.remove_keys(["ann"])
    assert answers == []
    assert len(waits) == 2
    answers.extend([left] * 8)
    with pytest.raises(StoreUnavailableError):
        removal.remove_keys(["ann"])


def test_all_objects_of_an_organization_are_removed(stores: Stores) -> None:
    blobs = [*stores.move_in("ann"), *stores.move_in("ben"), staged := f"exports/{ORG}/job/0/0/0"]
    stores.sealed.put_once(staged, b"staged by an export")
    stores.sealed.put_once("exports/m-other/job/0/0/0", b"another's")
    while not stores.removal.remove_objects(ORG):
        pass
    assert not any(map(stores.has, blobs))
    assert stores.removal.remove_objects(ORG)
    assert stores.has("exports/m-other/job/0/0/0")
