"""The removal of mailboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class MailboxRemoval(Protocol):
    """Removes mailboxes part by part. Suite: tests/contract/test_mailbox_removal.py."""

    def remove_keys(self, mailbox_ids: Sequence[str]) -> None:
        """Remove the heads of mailboxes, and their keys with them: no message can be read or delivered there any more.

        Raises:
            StoreUnavailableError: some heads may not be removed yet; a retry continues.
        """

    def remove_objects(self, organization_id: str) -> bool:
        """Remove some sealed messages of an organization's mailboxes, and of what its exports have staged.

        Returns:
            ``True`` if there was none: all are removed.

        Raises:
            StoreUnavailableError: some may have been removed; a retry continues.
        """

    def remove_some(self, organization_id: str, mailbox_id: str) -> bool:
        """Remove part of a mailbox that is not used any more: first its head with its key, then the rest.

        A further call continues, also where another caller began. Without the key nothing that is left can be read, and
        nothing is delivered any more. The caller ensures that no new mailbox of this id is made meanwhile: it would be
        removed as well.

        Returns:
            ``True`` if there was nothing: all is removed.

        Raises:
            StoreUnavailableError: some may have been removed; a retry continues.
        """
