"""The end of a mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class MailboxRemoval(Protocol):
    """Suite: tests/contract/test_mailbox_removal.py."""

    def remove_keys(self, mailbox_ids: Sequence[str]) -> None:
        """Remove mailboxes' heads, and with them their keys: nothing of them can be read or delivered any more.

        Raises:
            StoreUnavailableError: some may be there still.
        """

    def remove_objects(self, organization_id: str) -> bool:
        """Remove some of the sealed messages of all of an organization's mailboxes.

        Returns:
            ``True``: none is left.

        Raises:
            StoreUnavailableError: some may have been removed; a retry goes on.
        """

    def remove_some(self, organization_id: str, mailbox_id: str) -> bool:
        """Remove a part of a mailbox that nobody uses any more, its head, and with it its key, first.

        Called again it goes on, whoever removed what is gone already. Without its key nothing of what is left can be
        read, and nothing is delivered any more. One caller at a time: a new mailbox of that name would go as well.

        Returns:
            ``True``: nothing is left.

        Raises:
            StoreUnavailableError: some may have been removed; a retry goes on.
        """
