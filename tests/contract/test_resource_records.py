"""Resources and delegations in the directory, in memory and in DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.errors import TakenError
from postroom.model.directory import EntityKind, EntityState
from postroom.model.records import Insert, Remove, Replace
from postroom.model.resources import BookingOptions, ResourceType
from tests.support.directory_records import KINDS, ORG, OTHER, delegation, group, member, opened, resource, user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.directory import Directory


@pytest.fixture(params=KINDS)
def directory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Directory]:
    with opened(request.param, monkeypatch) as stores:
        yield stores.directory


@pytest.mark.parametrize("resource_type", list(ResourceType))
@pytest.mark.parametrize(
    "options",
    [
        BookingOptions(),
        BookingOptions(auto_accept=False),
        BookingOptions(auto_accept=False, auto_decline_conflicting=False, auto_decline_recurring=True),
    ],
)
def test_a_resource_comes_back_as_it_was(
    directory: Directory, resource_type: ResourceType, options: BookingOptions
) -> None:
    made = resource("r-1", resource_type=resource_type, booking_options=options)
    directory.commit([Insert(made)])
    assert directory.entity(ORG, "r-1") == made
    changed = resource("r-1", booking_options=BookingOptions())
    directory.commit([Replace(changed)])
    assert directory.entity(ORG, "r-1") == resource("r-1", booking_options=BookingOptions(), version=2)


def test_resources_are_listed_apart_from_users_and_groups(directory: Directory) -> None:
    directory.commit([Insert(each) for each in (resource("r-2"), user("ann"), group("team"), resource("r-1"))])
    first = directory.entities(ORG, EntityKind.RESOURCE, None, 1)
    rest = directory.entities(ORG, EntityKind.RESOURCE, first.last, 9)
    assert [each.id for each in (*first.items, *rest.items)] == ["r-1", "r-2"]
    assert directory.entities(OTHER, EntityKind.RESOURCE, None, 9).items == []


class TestDelegates:
    def test_they_are_listed_by_id_without_the_deleted(self, directory: Directory) -> None:
        room, team, ann = resource("r-1"), group("team"), user("ann")
        gone = user("gone", state=EntityState.DELETED)
        directory.commit([Insert(each) for each in (room, team, ann, gone)])
        directory.commit([Insert(delegation(room, each)) for each in (team, gone, ann)])
        assert directory.delegates_of(ORG, "r-1", None, 9).items == [ann, team]
        assert directory.delegates_of(ORG, "r-2", None, 9).items == []
        assert directory.delegates_of(OTHER, "r-1", None, 9).items == []
        directory.commit([Remove(delegation(room, ann))])
        directory.commit([Remove(delegation(room, ann))])
        assert directory.delegates_of(ORG, "r-1", None, 9).items == [team]

    def test_pages_follow_each_other(self, directory: Directory) -> None:
        room, users = resource("r-1"), [user(f"u{number}") for number in range(5)]
        directory.commit([Insert(room), *map(Insert, users)])
        directory.commit([Insert(delegation(room, each)) for each in users])
        first = directory.delegates_of(ORG, "r-1", None, 2)
        second = directory.delegates_of(ORG, "r-1", first.last, 2)
        third = directory.delegates_of(ORG, "r-1", second.last, 2)
        assert [first.items, second.items, third.items] == [users[:2], users[2:4], users[4:]]
        assert third.last is None

    def test_each_is_inserted_once(self, directory: Directory) -> None:
        room, ann = resource("r-1"), user("ann")
        directory.commit([Insert(room), Insert(ann), Insert(delegation(room, ann))])
        with pytest.raises(TakenError):
            directory.commit([Insert(delegation(room, ann))])

    def test_a_delegation_is_no_membership(self, directory: Directory) -> None:
        room, team, ann = resource("r-1"), group("team"), user("ann")
        directory.commit([Insert(room), Insert(team), Insert(ann), Insert(delegation(room, ann))])
        assert directory.groups_of(ORG, "ann", None, 9).items == []
        assert directory.members_of(ORG, "r-1", None, 9).items == []
        directory.commit([Insert(member(team, ann))])
        assert directory.delegates_of(ORG, "team", None, 9).items == []
