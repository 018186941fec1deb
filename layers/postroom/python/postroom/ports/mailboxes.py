"""Mailboxes: index rows and counters. Content is ciphertext before it gets here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.orders import DeliveryOrder
    from postroom.model.facts import Fact
    from postroom.model.mailbox import Change, FolderInfo, Head, Item, NewItem


@dataclass(frozen=True, slots=True)
class MailboxOwner:
    """What a new mailbox must know of its organization."""

    organization_id: str
    organization_arn: str
    kms_key_arn: str


class MailboxHeads(Protocol):
    """Mailboxes without their messages. Suite: tests/contract/test_mailboxes.py.

    All methods raise StoreUnavailableError; those that write raise ConflictError as well. Both are temporary and
    nothing was written.
    """

    def create(self, mailbox_id: str, owner: MailboxOwner, *, wrapped_key: bytes, quota_bytes: int, now: int) -> bool:
        """Make a mailbox with its standard folders, in one transaction. ``now`` in milliseconds.

        Returns:
            ``False``: it exists already and stays as it is.
        """

    def head(self, mailbox_id: str) -> Head | None:
        """Return the head row as last written (a strongly consistent read)."""

    def set_quota(self, mailbox_id: str, quota_bytes: int) -> bool:
        """Change the quota. ``False``: no such mailbox."""


class Mailboxes(MailboxHeads, Protocol):
    """Mailboxes with their messages. What holds for the methods of ``MailboxHeads`` holds for all."""

    def deliver(
        self,
        head: Head,
        item: NewItem,
        order: DeliveryOrder,
        facts: Sequence[Fact],
        *,
        notice: DeliveryOrder | None = None,
    ) -> Item | None:
        """Put a message into a folder, settle its order and record its facts: one transaction.

        UID and sequence come from ``head``; if the mailbox has changed since, ConflictError is raised and
        the caller reads the head again. ``notice`` is another order for the same mailbox that this delivery causes;
        it marks the mailbox as noticed.

        Returns:
            ``None``: the order was settled before, or one of the facts is known, because the flow has reached the
            mailbox by another way: then the order still stands. Nothing was written.
        """

    def items(self, mailbox_id: str, folder: str, *, after_uid: int = 0, limit: int = 1000) -> Sequence[Item]:
        """Return the messages of a folder by UID, oldest first, beginning behind ``after_uid``."""

    def item(self, mailbox_id: str, item_id: str) -> Item | None:
        """Return one message's index entry."""

    def folders(self, mailbox_id: str) -> Sequence[FolderInfo]:
        """Return all folders, by id."""

    def changes(self, mailbox_id: str, *, after: int, limit: int = 1000) -> Sequence[Change]:
        """Return what happened in the mailbox after a sequence, in order: a client that reads on misses nothing."""
