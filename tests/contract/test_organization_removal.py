"""The removal of an organization's rows, and of no other rows, in memory and in DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.organization_removal import DynamoOrganizationRemoval
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.adapters.memory.organization_removal import MemoryOrganizationRemoval
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.mailbox_permissions import MailboxPermission, Permission
from postroom.model.records import (
    Delegation,
    Entity,
    Insert,
    Membership,
    NameClaim,
    PasswordHash,
    RuleRecord,
    SmtpGateway,
)
from postroom.model.rules import Direction
from tests.support.builders import NOON, ORG, OTHER
from tests.support.directory_records import availability
from tests.support.rules import DROP, rule

if TYPE_CHECKING:
    from postroom.ports.directory import Directory
    from postroom.ports.organization_removal import OrganizationRemoval
    from tests.support.stack import Stack

PEOPLE = 30
"""More than one batch of 25."""


@dataclass
class RunningStack:
    directory: Directory
    removal: OrganizationRemoval

    def fill(self, organization_id: str) -> None:
        """Make users: members of a group in another, delegates of a room, allowed in it; rules and a gateway."""
        for number in range(PEOPLE):
            self.add(organization_id, f"u{number:02}")
        for name in ("team", "all"):
            self.add(organization_id, name, EntityKind.GROUP)
        self.add(organization_id, "room", EntityKind.RESOURCE)
        members = [("team", f"u{number:02}", EntityKind.USER) for number in range(PEOPLE)]
        for group, member, kind in [*members, ("all", "team", EntityKind.GROUP)]:
            made = Membership(organization_id=organization_id, group_id=group, member_id=member, member_kind=kind)
            self.directory.commit([Insert(made)])
        for number in range(PEOPLE):
            delegation = Delegation(
                organization_id=organization_id,
                resource_id="room",
                delegate_id=f"u{number:02}",
                delegate_kind=EntityKind.USER,
            )
            self.directory.commit([Insert(delegation)])
        gateway = SmtpGateway(
            organization_id=organization_id,
            id="g",
            name="relay",
            host="relay.example.org",
            port=587,
            user_name="u",
            sealed_password=b"s",
        )
        inbound = RuleRecord(organization_id=organization_id, rule=rule(DROP, id="r"))
        outbound = replace(inbound, rule=replace(inbound.rule, direction=Direction.OUTBOUND))
        configuration = availability("example.org", of=organization_id)
        for number in range(PEOPLE):
            permission = MailboxPermission(
                organization_id=organization_id,
                owner_id="room",
                grantee_id=f"u{number:02}",
                grantee_kind=EntityKind.USER,
                permissions=(Permission.FULL_ACCESS,),
            )
            self.directory.commit([Insert(permission)])
        self.directory.commit([Insert(gateway), Insert(inbound), Insert(outbound), Insert(configuration)])

    def add(self, organization_id: str, name: str, kind: EntityKind = EntityKind.USER) -> None:
        made = Entity(
            organization_id=organization_id,
            id=name,
            kind=kind,
            name=name.upper(),
            created=NOON,
            state=EntityState.ENABLED,
            role=Role.USER if kind is EntityKind.USER else None,
        )
        claim = NameClaim(organization_id=organization_id, name=name, entity_id=name, kind=kind)
        self.directory.commit([Insert(made), Insert(claim)])
        if kind is EntityKind.USER:
            self.directory.commit([Insert(PasswordHash(organization_id=organization_id, user_id=name, hash="h"))])

    def census(self, organization_id: str) -> dict[str, Any]:
        """Count what there is of an organization."""
        read = self.directory
        return {
            "entities": sum(len(read.entities(organization_id, kind, None, 99).items) for kind in EntityKind),
            "names": sum(read.entity_named(organization_id, f"u{number:02}") is not None for number in range(PEOPLE)),
            "hashes": sum(read.password(organization_id, f"u{number:02}") is not None for number in range(PEOPLE)),
            "members": len(read.members_of(organization_id, "team", None, 99).items),
            "groups": len(read.groups_of(organization_id, "team", None, 99).items),
            "delegates": len(read.delegates_of(organization_id, "room", None, 99).items),
            "rules": sum(len(read.rules(organization_id, each, None, 99).items) for each in Direction),
            "gateways": len(read.gateways(organization_id, None, 99).items),
            "availability": len(read.availabilities(organization_id, None, 99).items),
            "owned": len(read.owned_page(MailboxPermission, organization_id, None, 99).items),
        }


@pytest.fixture(params=["memory", "dynamodb"])
def running(request: pytest.FixtureRequest) -> RunningStack:
    if request.param == "memory":
        memory = MemoryDirectory()
        return RunningStack(memory, MemoryOrganizationRemoval(memory, most=25))
    stack: Stack = request.getfixturevalue("stack")
    table = DirectoryTable(stack.dynamodb, stack.environment["DIRECTORY_TABLE"], pause=lambda _: None)
    return RunningStack(DynamoDirectory(table), DynamoOrganizationRemoval(table))


def until_done(remove: Any, *arguments: Any) -> int:
    calls = 1
    while not remove(*arguments):
        calls += 1
        assert calls < 50
    return calls


def test_secrets_go_and_nothing_else(running: RunningStack) -> None:
    running.fill(ORG)
    before = running.census(ORG)
    assert until_done(running.removal.remove_secrets, ORG) > 1
    assert running.census(ORG) == {**before, "hashes": 0, "gateways": 0, "owned": 0}


def test_an_entity_goes_with_all_that_names_it(running: RunningStack) -> None:
    running.fill(ORG)
    before = running.census(ORG)
    team, someone = running.directory.entity(ORG, "team"), running.directory.entity(ORG, "u07")
    assert team is not None
    assert someone is not None
    until_done(running.removal.remove_entity, someone)
    assert running.census(ORG) == {
        **before,
        "entities": 32,
        "names": 29,
        "hashes": 29,
        "members": 29,
        "delegates": 29,
    }
    assert running.directory.groups_of(ORG, "u07", None, 9).items == []
    until_done(running.removal.remove_entity, team)
    after = {**before, "names": 29, "hashes": 29, "delegates": 29, "entities": 31, "members": 0, "groups": 0}
    assert running.census(ORG) == after
    assert running.directory.members_of(ORG, "all", None, 9).items == []
    assert running.directory.groups_of(ORG, "u01", None, 9).items == []
    assert running.removal.remove_entity(team), "what is gone is no obstacle"


def test_a_resource_goes_with_its_delegations_and_the_delegates_stay(running: RunningStack) -> None:
    running.fill(ORG)
    before, room = running.census(ORG), running.directory.entity(ORG, "room")
    assert room is not None
    assert until_done(running.removal.remove_entity, room) > 1
    assert running.census(ORG) == {**before, "entities": 32, "delegates": 0}
    running.directory.commit([Insert(room)])
    assert running.directory.delegates_of(ORG, "room", None, 99).items == []
    assert running.directory.entity_named(ORG, "room") is None


def test_all_rows_go_and_those_of_other_organizations_stay(running: RunningStack) -> None:
    running.fill(ORG)
    running.fill(OTHER)
    others = running.census(OTHER)
    for kind in EntityKind:
        for entity in running.directory.entities(ORG, kind, None, 99).items:
            until_done(running.removal.remove_entity, entity)
    until_done(running.removal.remove_rows, ORG)
    assert set(running.census(ORG).values()) == {0}
    assert running.census(OTHER) == others
    assert running.removal.remove_rows(ORG)
