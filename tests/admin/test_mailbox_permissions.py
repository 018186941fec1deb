"""Mailbox permissions: what the API accepts and returns, and what is left after their owner or grantee."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.access.permissions import has_full_access, sending_permissions
from postroom.model.mailbox_permissions import HeldPermission, MailboxPermission

if TYPE_CHECKING:
    from collections.abc import Callable

Put, Delete, List = (f"{verb}MailboxPermissions" for verb in ("Put", "Delete", "List"))


@pytest.fixture
def grant(caller: Any, acme: str) -> Callable[..., None]:
    def put(owner: str, grantee: str, *values: str) -> None:
        given = {"EntityId": owner, "GranteeId": grantee, "PermissionValues": list(values)}
        assert caller(Put, OrganizationId=acme, **given) == {}

    return put


@pytest.fixture
def listed(caller: Any, acme: str) -> Callable[[str], list[tuple[str, str, list[str]]]]:
    def get(owner: str) -> list[tuple[str, str, list[str]]]:
        found = caller(List, OrganizationId=acme, EntityId=owner)["Permissions"]
        return [(each["GranteeId"], each["GranteeType"], each["PermissionValues"]) for each in found]

    return get


def rows(context: Any, acme: str) -> tuple[list[str], list[str]]:
    """Return the keys of both families."""
    directory = context.directory
    given, held = (directory.owned_page(kind, acme, None, 99).items for kind in (MailboxPermission, HeldPermission))
    return [each.key for each in given], [each.key for each in held]


def test_permissions_come_back_and_decide(
    caller: Any, acme: str, context: Any, enable: Callable[..., str], grant: Callable[..., None], listed: Any
) -> None:
    ann, bob = enable("ann"), enable("bob")
    grant("ann@example.com", "BOB", "SEND_AS", "FULL_ACCESS", "SEND_AS")
    assert listed(ann) == [(bob, "USER", ["FULL_ACCESS", "SEND_AS"])]
    assert listed(bob) == []
    assert has_full_access(context.directory, acme, bob, ann)
    assert not has_full_access(context.directory, acme, ann, bob)
    assert {each.value for each in sending_permissions(context.directory, acme, bob, ann)} == {"SEND_AS"}


def test_a_put_replaces_and_an_empty_one_removes(
    caller: Any, acme: str, context: Any, enable: Callable[..., str], grant: Callable[..., None], listed: Any
) -> None:
    ann, bob = enable("ann"), enable("bob")
    grant(ann, bob, "FULL_ACCESS", "SEND_AS")
    grant(ann, bob, "SEND_ON_BEHALF")
    assert listed(ann) == [(bob, "USER", ["SEND_ON_BEHALF"])]
    grant(ann, bob)
    assert listed(ann) == []
    assert rows(context, acme) == ([], [])


def test_a_removal_ends_it_and_may_be_repeated(
    caller: Any, acme: str, context: Any, enable: Callable[..., str], grant: Callable[..., None]
) -> None:
    ann, bob = enable("ann"), enable("bob")
    grant(ann, bob, "FULL_ACCESS")
    for _ in range(2):
        assert caller(Delete, OrganizationId=acme, EntityId=ann, GranteeId=bob) == {}
        assert rows(context, acme) == ([], [])
    assert not has_full_access(context.directory, acme, bob, ann)


def test_groups_get_and_give_all_but_full_access(
    caller: Any, acme: str, enable: Callable[..., str], grant: Callable[..., None], listed: Any
) -> None:
    """ZH:6803 and ZH:6913: no full access for a group, and none to one, because it has no mailbox."""
    ann, team = enable("ann"), enable("team", kind="Group")
    grant(ann, team, "SEND_AS", "SEND_ON_BEHALF")
    grant(team, ann, "SEND_AS")
    assert listed(ann) == [(team, "GROUP", ["SEND_AS", "SEND_ON_BEHALF"])]
    for owner, grantee, said in ((ann, team, "is a group"), (team, ann, "has no mailbox")):
        given = {"EntityId": owner, "GranteeId": grantee, "PermissionValues": ["SEND_AS", "FULL_ACCESS"]}
        assert said in caller.refused("InvalidParameterException", Put, OrganizationId=acme, **given)
    assert listed(ann) == [(team, "GROUP", ["SEND_AS", "SEND_ON_BEHALF"])]


def test_a_resource_has_a_mailbox_but_is_no_grantee(
    caller: Any, acme: str, room: str, enable: Callable[..., str], grant: Callable[..., None], listed: Any
) -> None:
    ann = enable("ann")
    caller("RegisterToWorkMail", OrganizationId=acme, EntityId=room, Email="aurora@example.com")
    grant("Aurora", "ann", "FULL_ACCESS")
    assert listed(room) == [(ann, "USER", ["FULL_ACCESS"])]
    given = {"EntityId": ann, "GranteeId": room, "PermissionValues": ["SEND_AS"]}
    caller.refused("EntityNotFoundException", Put, OrganizationId=acme, **given)


def test_entities_must_exist_and_be_enabled(caller: Any, acme: str, user: str, enable: Callable[..., str]) -> None:
    bob = enable("bob")
    values = {"PermissionValues": ["SEND_AS"]}
    for owner, grantee, code in (
        ("nobody", bob, "EntityNotFoundException"),
        (bob, "nobody", "EntityNotFoundException"),
        (user, bob, "EntityStateException"),
        (bob, user, "EntityStateException"),
    ):
        named = {"OrganizationId": acme, "EntityId": owner, "GranteeId": grantee}
        caller.refused(code, Put, **named, **values)
    caller.refused("EntityNotFoundException", Delete, OrganizationId=acme, EntityId="nobody", GranteeId=bob)
    caller.refused("EntityNotFoundException", List, OrganizationId=acme, EntityId="nobody")
    given = {"EntityId": bob, "GranteeId": bob, "PermissionValues": ["READ"]}
    assert "'permissionValues" in caller.refused("InvalidParameterException", Put, OrganizationId=acme, **given)


def test_lists_have_pages(caller: Any, acme: str, enable: Callable[..., str], grant: Callable[..., None]) -> None:
    ann, others = enable("ann"), sorted(enable(name) for name in ("bob", "eve", "joe"))
    for each in others:
        grant(ann, each, "SEND_AS")
    first = caller(List, OrganizationId=acme, EntityId=ann, MaxResults=2)
    second = caller(List, OrganizationId=acme, EntityId=ann, MaxResults=2, NextToken=first["NextToken"])
    found = [each["GranteeId"] for page in (first, second) for each in page["Permissions"]]
    assert found == others
    assert "NextToken" not in second


def leave(caller: Any, acme: str, entity_id: str, kind: str) -> None:
    caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=entity_id)
    caller(f"Delete{kind}", OrganizationId=acme, **{f"{kind}Id": entity_id})


@pytest.mark.parametrize("kind", ["User", "Group"])
def test_permissions_go_with_their_owner_and_with_their_grantee(
    caller: Any, acme: str, context: Any, enable: Callable[..., str], grant: Callable[..., None], kind: str
) -> None:
    ann, bob, leaving = enable("ann"), enable("bob"), enable("leaving", kind=kind)
    grant(ann, bob, "SEND_AS")
    before = rows(context, acme)
    for other in (ann, bob):
        grant(leaving, other, "SEND_AS")
        grant(other, leaving, "SEND_ON_BEHALF")
    grant(leaving, leaving, "SEND_AS")
    leave(caller, acme, leaving, kind)
    assert rows(context, acme) == before
    given = {"EntityId": ann, "GranteeId": leaving, "PermissionValues": ["SEND_AS"]}
    caller.refused("EntityStateException", Put, OrganizationId=acme, **given)
    caller.refused("EntityStateException", Delete, OrganizationId=acme, EntityId=leaving, GranteeId=ann)


def test_a_disabled_grantee_keeps_permissions_until_it_is_deleted(
    caller: Any, acme: str, enable: Callable[..., str], grant: Callable[..., None], listed: Any
) -> None:
    ann, bob = enable("ann"), enable("bob")
    grant(ann, bob, "SEND_AS")
    caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=bob)
    assert listed(ann) == [(bob, "USER", ["SEND_AS"])]
    assert caller(Delete, OrganizationId=acme, EntityId=ann, GranteeId=bob) == {}
    assert listed(ann) == []
