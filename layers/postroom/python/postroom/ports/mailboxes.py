"""Mailboxes: index entries and counters. Content is encrypted before it is passed on to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from postroom.model.limits import MB
from postroom.ports.transit import require_end

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.contracts.orders import DeliveryOrder, Order
    from postroom.model.additions import NewFolder
    from postroom.model.calendars import BlobNote
    from postroom.model.facts import Fact
    from postroom.model.mailbox import Change, FolderInfo, Head, Item, NewItem, Outgoing
    from postroom.model.out_of_office import Away
    from postroom.ports.transit import Commit, Outcome

MAX_ADDED: Final = 45
"""Most items and folders of one ``add``. Each takes two of DynamoDB's 100 writes, head and note the others. Ours."""

MAX_ADDED_BYTES: Final = 3 * MB
"""Most bytes of summaries, flags and keywords of one ``add``; one item may have more. DynamoDB takes 4 MB. Ours."""

MAX_DELIVERY_WRITES: Final = 99
"""Most writes of the deliveries of one ``deliver``: DynamoDB takes 100, and the head is one."""


def check_additions(additions: Sequence[NewItem], folders: Sequence[NewFolder]) -> None:
    """Check that additions and new folders are few enough for one transaction.

    Raises:
        ValueError: together they are more than ``MAX_ADDED``.
    """
    if len(additions) + len(folders) > MAX_ADDED:
        raise ValueError(f"more than {MAX_ADDED} items and folders at once")


@dataclass(frozen=True, slots=True)
class MailboxOwner:
    """The organization of a new mailbox."""

    organization_id: str
    organization_arn: str
    kms_key_arn: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message of a transaction, and what is written with it.

    Attributes:
        facts: they end the order.
        notice: an order for the same mailbox that this delivery causes; it marks the mailbox as noticed.
        orders: other orders that this delivery causes; none of them may exist.
    """

    item: NewItem
    order: DeliveryOrder
    facts: Sequence[Fact]
    notice: DeliveryOrder | None = None
    orders: Sequence[Order] = ()

    @property
    def new_orders(self) -> Sequence[Order]:
        """All orders that this delivery causes."""
        return self.orders if self.notice is None else [*self.orders, self.notice]

    @property
    def writes(self) -> int:
        """Number of writes of a transaction, without that of the head."""
        return 1 + len(self.facts) + self.order.has_row + len(self.new_orders)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The result of a transaction.

    Attributes:
        items: in the order of the deliveries; none if nothing was written.
        ended: indexes of deliveries because of which nothing was written: the order has ended, or one of the facts
            exists because the flow has reached the mailbox by another way. In the second case an order with a row
            still exists. Others may have ended, too.
    """

    items: Sequence[Item] = ()
    ended: frozenset[int] = frozenset()


def check_deliveries(deliveries: Sequence[Delivery]) -> None:
    """Check that one transaction may have these deliveries: it cannot write one row twice.

    Raises:
        ValueError: an order is listed, and not exactly one of its facts ends it; or two are of one flow.
    """
    for delivery in deliveries:
        require_end(delivery.order, delivery.facts)
    if len({delivery.order.trace for delivery in deliveries}) < len(deliveries):
        raise ValueError("two deliveries of one flow at once")


def check_submission(commit: Commit) -> None:
    """Check that a commit opens a flow, and does nothing else.

    Raises:
        ValueError: it takes something, or has allowances.
    """
    if commit.takes or commit.allowances:
        raise ValueError("a submission ends nothing, and has no allowances")


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

    def set_away(self, mailbox_id: str, away: Away | None) -> bool:
        """Say when its owner may have an out-of-office reply. Return ``False`` if the mailbox does not exist."""


class Mailboxes(MailboxHeads, Protocol):
    """Mailboxes with their messages. What holds for the methods of ``MailboxHeads`` holds for all."""

    def deliver(self, head: Head, deliveries: Sequence[Delivery]) -> Delivered:
        """Add messages to folders, end their orders and write their facts, in one transaction.

        Args:
            head: as it was read. UIDs and sequences follow from it, in the order of the deliveries.
            deliveries: at least one; of different flows, and together at most ``MAX_DELIVERY_WRITES`` and
                ``MAX_ADDED_BYTES``.

        Raises:
            ConflictError: the mailbox has changed since ``head`` was read (read it again), or an order that follows
                exists.
            ValueError: an order is listed, and not exactly one of its facts ends it; or two are of one flow.
        """

    def send(self, head: Head, item: NewItem, commit: Commit, *, outgoing: Outgoing | None = None) -> Outcome:
        """Add the copy of a message that its owner submits, and open the message's flow, in one transaction.

        UID and sequence are assigned as by ``deliver``: the item's id is known before.

        Args:
            head: as it was read.
            item: the copy, at most ``MAX_ADDED_BYTES``.
            commit: facts, orders, and an expansion or calls that are waited for; nothing that ends or is limited.
            outgoing: what the mailbox has sent with this message; ``None``: nothing more than before.

        Returns:
            ``ALREADY``: a fact, order or expansion exists, and nothing was written.

        Raises:
            ConflictError: the mailbox has changed since ``head`` was read, or is gone: read it again.
            ValueError: the commit takes something, or has allowances.
        """

    def add(
        self, head: Head, additions: Sequence[NewItem], note: BlobNote | None, *, folders: Sequence[NewFolder] = ()
    ) -> Sequence[Item] | None:
        """Make folders and add items without a flow, in one transaction; then the note is gone.

        UIDs and sequences are assigned as by ``deliver``, in the order of the additions; each new folder takes a
        sequence, too.

        Args:
            head: as it was read.
            additions: with ``folders`` at most ``MAX_ADDED``, and at most ``MAX_ADDED_BYTES``. A token
                tells an item from all others, also from those of other attempts; it enters once.
            note: the note of the items' blobs, as it was noted (``Calendars.note``); ``None`` without items.
            folders: each after its parent.

        Returns:
            The items. ``None`` if nothing was written, because the mailbox has added an item with one of these tokens.

        Raises:
            ConflictError: the mailbox has changed since ``head`` was read, or is gone, or another caller has closed
                the note. Read again.
            KeyError: the head does not have the folder of an item.
        """

    def added(self, mailbox_id: str, tokens: Sequence[str]) -> Mapping[str, Item]:
        """Return the items that were added with these tokens, by token, by strongly consistent reads."""

    def items(self, mailbox_id: str, folder: str, *, after_uid: int = 0, limit: int = 1000) -> Sequence[Item]:
        """Return the messages of a folder whose UID is greater than ``after_uid``, in order of UIDs."""

    def item(self, mailbox_id: str, item_id: str) -> Item | None:
        """Return a message's index entry, if it exists."""

    def folders(self, mailbox_id: str) -> Sequence[FolderInfo]:
        """Return all folders, in order of their ids."""

    def changes(self, mailbox_id: str, *, after: int, limit: int = 1000) -> Sequence[Change]:
        """Return the first changes after a mailbox sequence, in order; a later call continues without a gap."""
