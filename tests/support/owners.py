"""An organization that exists until a test removes it."""

from __future__ import annotations

from dataclasses import dataclass

from postroom.model.directory import Addressee, EntityKind, EntityState, Role


@dataclass
class MailboxOwners:
    """``MailboxOwners``: one organization with all its owners."""

    active: bool = True

    def is_active(self, organization_id: str) -> bool:
        return self.active

    def owner(self, organization_id: str, mailbox_id: str) -> Addressee | None:
        if not self.active:
            return None
        return Addressee(mailbox_id, EntityKind.USER, Role.USER, EntityState.ENABLED, f"{mailbox_id}@acme.test", True)
