"""What is left of a deleted user's records, also where the deletion was interrupted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.access.permissions import has_full_access
from postroom.errors import StoreUnavailableError
from postroom.model.device_rules import DeviceOverride
from postroom.model.mailbox_permissions import HeldPermission, MailboxPermission
from postroom.model.out_of_office import OutOfOffice

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.model.owned import Owned

FAMILIES = (MailboxPermission, HeldPermission, DeviceOverride, OutOfOffice)
DEVICES = 290
"""With the other records of ``fill`` more than two transactions have rows, one of which parts a pair."""


def left(context: Any, acme: str) -> list[Owned]:
    return [each for family in FAMILIES for each in context.directory.owned_page(family, acme, None, 999).items]


def fill(caller: Any, context: Any, acme: str, user: str, other: str) -> None:
    """Give a user permissions from and to another, overrides and an out-of-office reply."""
    for owner, grantee in ((user, other), (other, user)):
        given = {"EntityId": owner, "GranteeId": grantee, "PermissionValues": ["FULL_ACCESS"]}
        caller("PutMailboxPermissions", OrganizationId=acme, **given)
    for number in range(DEVICES):
        override = {"UserId": user, "DeviceId": f"d{number}", "Effect": "ALLOW"}
        caller("PutMobileDeviceAccessOverride", OrganizationId=acme, **override)
    caller("PutOutOfOffice", OrganizationId=acme, UserId=user, Text="Away")


class Stopping:
    """A directory that stops answering before one of its commits."""

    def __init__(self, directory: Any, before: int) -> None:
        self._directory, self._left = directory, before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._directory, name)

    def commit(self, changes: Any) -> None:
        self._left -= 1
        if self._left == 0:
            raise StoreUnavailableError("down")
        self._directory.commit(changes)


@pytest.mark.parametrize("before", [2, 3, 4])
def test_a_deletion_that_was_interrupted_is_finished_by_the_next(
    caller: Any, acme: str, context: Any, enable: Callable[..., str], before: int
) -> None:
    ann, bob, eve = (enable(name) for name in ("ann", "bob", "eve"))
    fill(caller, context, acme, eve, ann)
    others = left(context, acme)
    fill(caller, context, acme, bob, ann)
    caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=bob)
    caller.context = replace(context, directory=Stopping(context.directory, before))
    caller.refused("ServiceUnavailable", "DeleteUser", OrganizationId=acme, UserId=bob)
    assert len(left(context, acme)) > len(others)
    assert not has_full_access(context.directory, acme, ann, bob)
    caller.context = context
    caller("DeleteUser", OrganizationId=acme, UserId=bob)
    assert left(context, acme) == others
