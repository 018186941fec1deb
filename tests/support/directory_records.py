"""Records of one organization's directory, and the two stores that may hold them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from postroom.adapters.aws.addressees import DynamoAddressees, DynamoEventLogSettings, DynamoMailboxOwners
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.model.availability import LambdaProvider
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.records import (
    AddressClaim,
    AvailabilityConfiguration,
    Delegation,
    Domain,
    DomainState,
    Entity,
    Membership,
    Organization,
    OrganizationState,
    RuleRecord,
    SmtpGateway,
)
from postroom.model.resources import BookingOptions, ResourceType
from postroom.model.rules import ActionType, Direction, Pattern, Rule, RuleAction

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from postroom.ports.directory import Addressees, Directory, EventLogSettings, MailboxOwners

ORG = "m-" + "a" * 32
OTHER = "m-" + "b" * 32
TABLE = "directory"
KINDS = ("memory", "dynamodb")


@dataclass(frozen=True)
class Stores:
    """One store behind its four ports."""

    directory: Directory
    addressees: Addressees
    owners: MailboxOwners
    settings: EventLogSettings


@contextmanager
def opened(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    """Open an empty store of one of ``KINDS``."""
    if kind == "memory":
        memory = MemoryDirectory()
        yield Stores(memory, memory, memory, memory)
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("dynamodb", "us-east-1")
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        table = DirectoryTable(client, TABLE, pause=lambda _: None)
        yield Stores(
            DynamoDirectory(table),
            DynamoAddressees(table),
            DynamoMailboxOwners(table),
            DynamoEventLogSettings(table, default_enabled=True),
        )


def organization(organization_id: str = ORG, **changes: Any) -> Organization:
    made = Organization(
        id=organization_id,
        arn=f"arn:aws:workmail:us-east-1:123456789012:organization/{organization_id}",
        alias="acme",
        state=OrganizationState.ACTIVE,
        directory_id="d-0123456789",
        kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/1",
        default_domain="acme.test",
        fingerprint="f",
        created=1_700_000_000_123,
    )
    return replace(made, **changes)


def domain(name: str = "acme.test", owner: Organization | None = None, **changes: Any) -> Domain:
    made = Domain(name=name, organization=(owner or organization()).ref, is_test=True, state=DomainState.ACTIVE)
    return replace(made, **changes)


def user(entity_id: str, **changes: Any) -> Entity:
    made = Entity(
        organization_id=ORG,
        id=entity_id,
        kind=EntityKind.USER,
        name=f"Name-{entity_id}",
        state=EntityState.ENABLED,
        role=Role.USER,
        created=1,
        email=f"{entity_id.title()}@acme.test",
        attributes={"DisplayName": "Ann Ö", "FirstName": ""},
        quota_mb=51_200,
    )
    return replace(made, **changes)


def group(entity_id: str, **changes: Any) -> Entity:
    return user(entity_id, kind=EntityKind.GROUP, role=None, quota_mb=None, **changes)


def resource(entity_id: str, **changes: Any) -> Entity:
    made = user(
        entity_id,
        kind=EntityKind.RESOURCE,
        role=Role.RESOURCE,
        resource_type=ResourceType.EQUIPMENT,
        booking_options=BookingOptions(auto_accept=False, auto_decline_conflicting=True, auto_decline_recurring=True),
        attributes={"Description": "Full HD, grün"},
    )
    return replace(made, **changes)


def delegation(of: Entity, delegate: Entity) -> Delegation:
    return Delegation(
        organization_id=of.organization_id, resource_id=of.id, delegate_id=delegate.id, delegate_kind=delegate.kind
    )


def claim(address: str, entity: Entity) -> AddressClaim:
    return AddressClaim(address=address, organization_id=entity.organization_id, entity_id=entity.id, kind=entity.kind)


def member(of: Entity, entity: Entity) -> Membership:
    return Membership(organization_id=ORG, group_id=of.id, member_id=entity.id, member_kind=entity.kind)


def rule(rule_id: str, *, of: str = ORG, **changes: Any) -> RuleRecord:
    made = Rule(
        id=rule_id,
        name=f"Name {rule_id}",
        direction=Direction.INBOUND,
        description="",
        sender_patterns=(Pattern.parse("*.Bücher.example"), Pattern.parse("ann@example.org")),
        recipient_patterns=(Pattern.parse("*"),),
        action=RuleAction(ActionType.DROP),
        created=1_700_000_000_123,
        modified=1_700_000_000_124,
    )
    return RuleRecord(organization_id=of, rule=replace(made, **changes))


def gateway(gateway_id: str, *, of: str = ORG, **changes: Any) -> SmtpGateway:
    made = SmtpGateway(
        organization_id=of,
        id=gateway_id,
        name=f"Name {gateway_id}",
        host="smtp.example.com",
        port=587,
        user_name="üser",
        sealed_password=bytes(range(256)),
    )
    return replace(made, **changes)


def availability(name: str, *, of: str = ORG, **changes: Any) -> AvailabilityConfiguration:
    made = AvailabilityConfiguration(
        organization_id=of,
        domain=name,
        provider=LambdaProvider("arn:aws:lambda:eu-west-1:210987654321:function:free-busy"),
        created=1_700_000_000_123,
        modified=1_700_000_000_124,
    )
    return replace(made, **changes)
