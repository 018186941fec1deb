"""What a user may do in mailboxes of others, directly and through groups."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.access.permissions import SENDING, groups_with, has_full_access, sending_permissions
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.mailbox_permissions import MailboxPermission, Permission
from postroom.model.records import Entity, Insert, Membership, Replace

if TYPE_CHECKING:
    from collections.abc import Iterable

FULL, AS, ON_BEHALF = Permission.FULL_ACCESS, Permission.SEND_AS, Permission.SEND_ON_BEHALF
USER, GROUP = EntityKind.USER, EntityKind.GROUP


class Mailboxes:
    """Ann and Bob, a room, and groups."""

    def __init__(self) -> None:
        self.directory = MemoryDirectory()
        for name, kind in {"ann": USER, "bob": USER, "room": EntityKind.RESOURCE}.items():
            self.add(name, kind)

    def add(self, name: str, kind: EntityKind = GROUP, state: EntityState = EntityState.ENABLED) -> None:
        role = None if kind is GROUP else Role.USER
        made = Entity(organization_id="m-1", id=name, kind=kind, name=name, state=state, created=1, role=role)
        self.directory.commit([Insert(made)])

    def change(self, name: str, **changes: object) -> None:
        found = self.directory.entity("m-1", name)
        assert found is not None
        self.directory.commit([Replace(replace(found, **changes))])  # type: ignore[arg-type]

    def join(self, group: str, member: str, kind: EntityKind = GROUP) -> None:
        self.directory.commit(
            [Insert(Membership(organization_id="m-1", group_id=group, member_id=member, member_kind=kind))]
        )

    def grant(self, owner: str, grantee: str, *permissions: Permission, kind: EntityKind = USER) -> None:
        given = MailboxPermission(
            organization_id="m-1", owner_id=owner, grantee_id=grantee, grantee_kind=kind, permissions=permissions
        )
        self.directory.commit([Insert(given)])

    def sending(self, user: str = "bob", owner: str = "ann") -> set[Permission]:
        return set(sending_permissions(self.directory, "m-1", user, owner))

    def full(self, user: str = "bob", owner: str = "ann") -> bool:
        return has_full_access(self.directory, "m-1", user, owner)


@pytest.fixture
def mailboxes() -> Mailboxes:
    return Mailboxes()


def test_users_may_do_everything_with_their_own_mailbox_and_nothing_with_others(mailboxes: Mailboxes) -> None:
    assert mailboxes.full("ann", "ann")
    assert mailboxes.sending("ann", "ann") == SENDING
    assert not mailboxes.full()
    assert mailboxes.sending() == set()
    assert not mailboxes.full("bob", "unknown")
    assert mailboxes.sending("bob", "unknown") == set()


@pytest.mark.parametrize("given_", [(FULL,), (AS,), (ON_BEHALF,), (FULL, ON_BEHALF), (AS, ON_BEHALF)])
@pytest.mark.parametrize("owner", ["ann", "room"])
def test_a_permission_gives_what_it_says_and_only_its_grantee(
    mailboxes: Mailboxes, owner: str, given_: tuple[Permission, ...]
) -> None:
    mailboxes.add("eve", USER)
    mailboxes.grant(owner, "bob", *given_)
    assert mailboxes.full("bob", owner) is (FULL in given_)
    assert mailboxes.sending("bob", owner) == SENDING.intersection(given_)
    assert not mailboxes.full("eve", owner)
    assert mailboxes.sending("eve", owner) == set()
    assert not mailboxes.full(owner, "bob")
    assert not has_full_access(mailboxes.directory, "m-2", "bob", owner)


def test_members_of_groups_in_a_group_have_its_permissions(mailboxes: Mailboxes) -> None:
    for name in ("all", "team", "deep"):
        mailboxes.add(name)
    mailboxes.join("all", "team")
    mailboxes.join("team", "deep")
    mailboxes.join("deep", "bob", USER)
    mailboxes.grant("ann", "all", AS, kind=GROUP)
    mailboxes.grant("ann", "bob", ON_BEHALF)
    assert mailboxes.sending() == {AS, ON_BEHALF}
    assert not mailboxes.full()
    assert mailboxes.sending("room") == set()


def test_groups_that_contain_each_other_end(mailboxes: Mailboxes) -> None:
    for name in ("a", "b", "c"):
        mailboxes.add(name)
    for group, member in (("a", "b"), ("b", "c"), ("c", "a")):
        mailboxes.join(group, member)
    mailboxes.join("b", "bob", USER)
    mailboxes.grant("ann", "c", ON_BEHALF, kind=GROUP)
    assert mailboxes.sending() == {ON_BEHALF}
    assert sorted(groups_with(mailboxes.directory, "m-1", "bob")) == ["a", "b", "c"]
    assert sorted(groups_with(mailboxes.directory, "m-1", "a")) == ["b", "c"]


def test_a_group_may_send_as_itself_by_its_members(mailboxes: Mailboxes) -> None:
    mailboxes.add("sales")
    mailboxes.join("sales", "bob", USER)
    mailboxes.grant("sales", "sales", AS, kind=GROUP)
    assert mailboxes.sending("bob", "sales") == {AS}
    assert not mailboxes.full("bob", "sales")


@pytest.mark.parametrize("state", [EntityState.DISABLED, EntityState.DELETED])
def test_groups_and_owners_that_are_not_enabled_give_nothing(mailboxes: Mailboxes, state: EntityState) -> None:
    for name in ("outer", "inner"):
        mailboxes.add(name)
    mailboxes.join("outer", "inner")
    mailboxes.join("inner", "bob", USER)
    mailboxes.grant("ann", "outer", AS, kind=GROUP)
    mailboxes.grant("ann", "bob", FULL)
    assert mailboxes.sending() == {AS}
    mailboxes.change("inner", state=state)
    assert mailboxes.sending() == set()
    mailboxes.change("inner", state=EntityState.ENABLED)
    mailboxes.change("ann", state=state)
    assert not mailboxes.full()
    assert mailboxes.sending() == set()


def test_a_remote_user_has_no_mailbox_here(mailboxes: Mailboxes) -> None:
    mailboxes.grant("ann", "bob", FULL, AS)
    mailboxes.change("ann", role=Role.REMOTE_USER)
    assert not mailboxes.full()
    assert mailboxes.sending() == {AS}


names = st.sampled_from(["g0", "g1", "g2", "g3", "g4"])


@given(st.sets(st.tuples(names, names), max_size=10), st.sets(names, max_size=3), st.sets(names, max_size=3))
def test_a_user_has_the_permissions_of_every_group_from_which_members_lead_to_them(
    nested: Iterable[tuple[str, str]], of_bob: set[str], granted: set[str]
) -> None:
    mailboxes = Mailboxes()
    for number in range(5):
        mailboxes.add(f"g{number}")
    for group, member in nested:
        mailboxes.join(group, member)
    for group in of_bob:
        mailboxes.join(group, "bob", USER)
    for group in granted:
        mailboxes.grant("ann", group, AS, kind=GROUP)
    reached = set(of_bob)
    for _ in range(5):  # the longest way without a group twice
        reached |= {group for group, member in nested if member in reached}
    assert set(groups_with(mailboxes.directory, "m-1", "bob")) == reached
    assert mailboxes.sending() == ({AS} if reached & granted else set())
