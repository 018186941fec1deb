"""Mailboxes: index entries and counters. Content is encrypted before it is passed on to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.orders import DeliveryOrder, Order
    from postroom.model.facts import Fact
    from postroom.model.mailbox import Change, FolderInfo, Head, Item, NewItem


@dataclass(frozen=True, slots=True)
class MailboxOwner:
    """The organization of a new mailbox."""

    organization_id: str
    organization_arn: str
    kms_key_arn: str


class MailboxHeads(Protocol):
    """Mailboxes without their messages. Suite: tests/contract/test_mailboxes.py.

    Every method raises StoreUnavailableError if a table did not answer. Methods that write also raise ConflictError if
    another transaction held a row. Both are temporary, and nothing was written.
    """

    def create(
        self, mailbox_id: str, owner: MailboxOwner, *, wrapped_key: bytes, quota_bytes: int, now_ms: int
    ) -> bool:
        """Make a mailbox with its standard folders, in one transaction.

        Args:
            wrapped_key: the mailbox key, wrapped by ``MailboxKeys.new``.
            now_ms: the time of creation, in milliseconds since the epoch.

        Returns:
            ``False`` if the mailbox exists; it stays unchanged.
        """

    def head(self, mailbox_id: str) -> Head | None:
        """Return a mailbox's head by a strongly consistent read, if the mailbox exists."""

    def set_quota(self, mailbox_id: str, quota_bytes: int) -> bool:
        """Set the quota. Return ``False`` if the mailbox does not exist."""


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
        orders: Sequence[Order] = (),
    ) -> Item | None:
        """Add a message to a folder, end its order and write its facts, in one transaction.

        Args:
            head: as it was read. The message's UID and sequence follow from it.
            notice: an order for the same mailbox that this delivery causes; it marks the mailbox as noticed.
            orders: other orders that this delivery causes; none of them may exist.

        Returns:
            ``None`` if nothing was written: the order has ended, or one of the facts exists because the flow has
            reached the mailbox by another way. In the second case an order with a row still exists.

        Raises:
            ConflictError: the mailbox has changed since ``head`` was read; read it again.
            ValueError: the order is listed, and not exactly one of the facts ends it.
        """

    def items(self, mailbox_id: str, folder: str, *, after_uid: int = 0, limit: int = 1000) -> Sequence[Item]:
        """Return the messages of a folder whose UID is greater than ``after_uid``, in order of UIDs."""

    def item(self, mailbox_id: str, item_id: str) -> Item | None:
        """Return a message's index entry, if it exists."""

    def folders(self, mailbox_id: str) -> Sequence[FolderInfo]:
        """Return all folders, in order of their ids."""

    def changes(self, mailbox_id: str, *, after: int, limit: int = 1000) -> Sequence[Change]:
        """Return the first changes after a mailbox sequence, in order; a later call continues without a gap."""
