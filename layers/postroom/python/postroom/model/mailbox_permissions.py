"""Permissions in mailboxes of others. Source: guide, "Working with mailbox permissions" (ZH:6789-6931)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from postroom.model.directory import EntityKind
from postroom.model.owned import Owned


class Permission(StrEnum):
    """Botocore's ``PermissionType``, in the order of its enumeration.

    FULL_ACCESS reads and changes everything in the mailbox, whatever the permissions of its folders say. SEND_AS sends
    mail with the owner in From and Sender. SEND_ON_BEHALF sends mail with the owner in From and the grantee in Sender.
    """

    FULL_ACCESS = "FULL_ACCESS"
    SEND_AS = "SEND_AS"
    SEND_ON_BEHALF = "SEND_ON_BEHALF"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxPermission(Owned):
    """What one user or group may do in the mailbox of another entity.

    Attributes:
        owner_id: a user, group or resource.
        grantee_kind: USER or GROUP; the members of a group, and those of groups in it, have its permissions.
        permissions: at least one; a group has no FULL_ACCESS.
    """

    family: ClassVar[str] = "MAILBOX_PERMISSION"
    owner_id: str
    grantee_id: str
    grantee_kind: EntityKind
    permissions: tuple[Permission, ...]

    @property
    def key(self) -> str:
        """See ``permission_key``."""
        return permission_key(self.owner_id, self.grantee_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPermission(Owned):
    """The same by its grantee, to find all permissions that an entity has; written and removed together."""

    family: ClassVar[str] = "HELD_PERMISSION"
    grantee_id: str
    owner_id: str

    @property
    def key(self) -> str:
        """See ``permission_key``."""
        return permission_key(self.grantee_id, self.owner_id)


def permission_key(first_id: str, second_id: str = "") -> str:
    """Return the key of a permission, or what the keys of all permissions of an entity begin with."""
    return f"{first_id}#{second_id}"
