"""The end of a mailbox."""

from __future__ import annotations

from typing import Protocol


class MailboxRemoval(Protocol):
    """Suite: tests/contract/test_mailbox_removal.py."""

    def remove_some(self, organization_id: str, mailbox_id: str) -> bool:
        """Remove a part of a mailbox that nobody uses any more, its head, and with it its key, first.

        Called again it goes on, whoever removed what is gone already. Without its key nothing of what is left can be
        read, and nothing is delivered any more. One caller at a time: a new mailbox of that name would go as well.

        Returns:
            ``True``: nothing is left.

        Raises:
            StoreUnavailableError: some may have been removed; a retry goes on.
        """
