"""The removal of mailboxes, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.export_staging import of_organization

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.adapters.memory.sealed_mail import MemorySealedMail
    from postroom.adapters.memory.tables import MemoryTables


@dataclass(frozen=True, slots=True)
class MemoryMailboxRemoval:
    """Implements ``MailboxRemoval``. One call removes at most ``most`` sealed messages."""

    tables: MemoryTables
    sealed: MemorySealedMail
    most: int = 1000

    def remove_keys(self, mailbox_ids: Sequence[str]) -> None:
        """The index is removed with the keys."""
        with self.tables.lock:
            for mailbox_id in mailbox_ids:
                self.tables.mailboxes.pop(mailbox_id, None)

    def remove_objects(self, organization_id: str) -> bool:
        return self._remove(f"mail/{organization_id}/") and self._remove(of_organization(organization_id))

    def remove_some(self, organization_id: str, mailbox_id: str) -> bool:
        self.remove_keys([mailbox_id])
        return self._remove(f"mail/{organization_id}/{mailbox_id}/")

    def _remove(self, prefix: str) -> bool:
        found = self.sealed.under(prefix)
        for key in found[: self.most]:
            self.sealed.delete(key)
        return not found
