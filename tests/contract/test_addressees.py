"""The reads of stations, in memory and in DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.errors import UnknownOrganizationError
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.records import (
    Insert,
    OrganizationState,
    Replace,
)
from tests.support.directory_records import (
    KINDS,
    ORG,
    OTHER,
    Stores,
    claim,
    domain,
    group,
    member,
    opened,
    organization,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.adapters.aws.directory_rows import Item, Key


@pytest.fixture(params=KINDS)
def stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    with opened(request.param, monkeypatch) as stores:
        yield stores


class TestMailboxOwners:
    @pytest.mark.parametrize("state", OrganizationState)
    def test_only_an_active_organization_is(self, stores: Stores, state: OrganizationState) -> None:
        assert not stores.owners.is_active(ORG)
        stores.directory.commit([Insert(organization(state=state)), Insert(user("ann"))])
        active = state is OrganizationState.ACTIVE
        assert stores.owners.is_active(ORG) is active
        assert (stores.owners.owner(ORG, "ann") is not None) is active
        assert not stores.owners.is_active(OTHER)

    def test_an_owner_is_a_user_or_resource_that_is_not_deleted(self, stores: Stores) -> None:
        room = user("room", kind=EntityKind.RESOURCE, role=Role.RESOURCE)
        gone = user("gone", state=EntityState.DELETED)
        away = user("away", state=EntityState.DISABLED)
        people = [user("ann"), room, gone, away, group("team")]
        stores.directory.commit([Insert(organization()), *map(Insert, people)])
        assert stores.owners.owner(ORG, "ann") == user("ann").addressee
        assert stores.owners.owner(ORG, "room") == room.addressee
        assert stores.owners.owner(ORG, "away") == away.addressee
        assert stores.owners.owner(ORG, "gone") is None
        assert stores.owners.owner(ORG, "team") is None
        assert stores.owners.owner(ORG, "missing") is None
        assert stores.owners.owner(OTHER, "ann") is None


def test_a_user_who_owns_a_mailbox_costs_one_request_of_two_rows(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nearly all mailboxes are users': a resource is looked for only where there is no such user."""
    asked: list[int] = []
    get_all = DirectoryTable.get_all

    def counted(table: DirectoryTable, keys: Sequence[Key]) -> dict[Key, Item]:
        asked.append(len(keys))
        return get_all(table, keys)

    monkeypatch.setattr(DirectoryTable, "get_all", counted)
    stores.directory.commit([Insert(organization()), Insert(user("ann"))])
    assert stores.owners.owner(ORG, "ann") == user("ann").addressee
    assert asked in ([2], [])  # none in memory


class TestAddressees:
    def test_a_domain_says_all_that_ingest_needs(self, stores: Stores) -> None:
        owner = organization(state=OrganizationState.DELETING)
        stores.directory.commit(
            [Insert(domain(owner=owner, fallback_mailbox="ann", rules_version=3, dmarc_enforced=False))]
        )
        found = stores.addressees.domain("acme.test")
        assert found is not None
        assert (found.fallback_mailbox, found.rules_version, found.dmarc_enforced) == ("ann", 3, False)
        assert found.organization == owner.ref
        assert not found.organization.active
        assert stores.addressees.domain("other.test") is None

    def test_addresses_resolve_in_bulk_and_inside_the_organization_only(self, stores: Stores) -> None:
        people = [user(f"u{number}") for number in range(45)]
        for person in people:
            stores.directory.commit([Insert(person), Insert(claim(f"{person.id}@acme.test", person))])
        stores.directory.commit([Insert(claim("alias@acme.test", people[0]))])
        asked = [f"u{number}@acme.test" for number in range(130)] + ["alias@acme.test"]
        found = stores.addressees.resolve(ORG, asked)
        assert set(found) == {f"u{number}@acme.test" for number in range(45)} | {"alias@acme.test"}
        assert found["alias@acme.test"] == people[0].addressee
        assert found["alias@acme.test"].primary_address == "u0@acme.test"
        assert stores.addressees.resolve(OTHER, asked) == {}
        assert stores.addressees.resolve(ORG, []) == {}

    def test_a_user_is_found_by_id_and_nothing_else_is(self, stores: Stores) -> None:
        person, team = user("u1"), group("team")
        stores.directory.commit([Insert(person), Insert(team)])
        assert stores.addressees.user(ORG, "u1") == person.addressee
        assert stores.addressees.user(ORG, "team") is None
        assert stores.addressees.user(OTHER, "u1") is None

    def test_members_come_in_order_across_pages(self, stores: Stores) -> None:
        team = group("team")
        names = [f"u{number:03}" for number in range(230)]
        for start in range(0, len(names), 30):
            some = [user(name) for name in names[start : start + 30]]
            stores.directory.commit(
                [Insert(person) for person in some] + [Insert(member(team, person)) for person in some]
            )
        nested, gone, away = group("x"), user("y", state=EntityState.DELETED), user("z", state=EntityState.DISABLED)
        stores.directory.commit([Insert(entity) for entity in (nested, gone, away)])
        stores.directory.commit([Insert(member(team, entity)) for entity in (nested, gone, away)])
        found = list(stores.addressees.members(ORG, "team"))
        assert [one.entity_id for one in found] == [*names, "x", "z"]
        assert found[-2].kind is EntityKind.GROUP
        assert not found[-1].has_mailbox
        assert list(stores.addressees.members(ORG, "missing")) == []

    def test_monitoring_names_the_group_or_leaves_the_default(self, stores: Stores) -> None:
        stores.directory.commit([Insert(organization())])
        assert stores.settings.monitoring(ORG).log_group is None
        assert stores.settings.monitoring(ORG).enabled
        arn = "arn:aws:logs:us-east-1:123456789012:log-group:/my/events:*"
        stores.directory.commit([Replace(organization(log_group_arn=arn, role_arn="arn:aws:iam::1:role/x"))])
        found = stores.settings.monitoring(ORG)
        assert (found.alias, found.log_group, found.role_arn) == ("acme", "/my/events", "arn:aws:iam::1:role/x")
        with pytest.raises(UnknownOrganizationError):
            stores.settings.monitoring(OTHER)


def test_a_remote_user_and_a_group_have_no_mailbox() -> None:
    assert user("ann").addressee.has_mailbox
    assert not user("ann", role=Role.REMOTE_USER).addressee.has_mailbox
    assert not group("team").addressee.has_mailbox
    assert not user("ann", state=EntityState.DISABLED).addressee.has_mailbox


@pytest.mark.parametrize("state", [OrganizationState.ACTIVE, OrganizationState.DELETING, OrganizationState.DELETED])
def test_a_deleted_organization_writes_to_no_default_log_group(stores: Stores, state: OrganizationState) -> None:
    """The alias names the group, and another organization may have the alias by then; an own group stays in use."""
    group = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/workmail/mine:*"
    stores.directory.commit(
        [Insert(organization(state=state)), Insert(organization(OTHER, state=state, log_group_arn=group))]
    )
    assert stores.settings.monitoring(ORG).enabled is (state is not OrganizationState.DELETED)
    assert stores.settings.monitoring(OTHER).log_group == "/aws/workmail/mine"
    assert stores.settings.monitoring(OTHER).enabled
