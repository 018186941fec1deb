"""The directory's reads of stations: one read for a domain, batches for everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.directory_rows import (
    address_key,
    domain_from,
    entity_from,
    entity_key,
    membership_from,
    organization_from,
)
from postroom.errors import UnknownOrganizationError
from postroom.model.directory import EntityKind, EntityState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from postroom.adapters.aws.directory_rows import Item
    from postroom.adapters.aws.directory_table import DirectoryTable
    from postroom.model.directory import Addressee, MailDomain, Monitoring

PAGE: Final = 100
"""Members per page: one Query and one BatchGetItem. Source: DynamoDB's API reference, BatchGetItem."""


class DynamoAddressees:
    """Implements ``Addressees``."""

    def __init__(self, table: DirectoryTable) -> None:
        self._table = table

    def domain(self, domain: str) -> MailDomain | None:
        item = self._table.get((f"DOMAIN#{domain}", "DOMAIN"))
        return domain_from(item).mail_domain if item else None

    def resolve(self, organization_id: str, addresses: Collection[str]) -> Mapping[str, Addressee]:
        """Two batches: the claims of the addresses, then their entities."""
        claims = self._table.get_all([address_key(address) for address in addresses])
        owners = {
            claim["address"]["S"]: entity_key(organization_id, EntityKind(claim["kind"]["S"]), claim["entity_id"]["S"])
            for claim in claims.values()
            if claim["organization_id"]["S"] == organization_id
        }
        entities = self._table.get_all(list(owners.values()))
        return {address: entity_from(entities[key]).addressee for address, key in owners.items() if key in entities}

    def user(self, organization_id: str, user_id: str) -> Addressee | None:
        row = self._table.get(entity_key(organization_id, EntityKind.USER, user_id))
        return entity_from(row).addressee if row else None

    def members(self, organization_id: str, group_id: str) -> Iterator[Addressee]:
        partition, after, more = f"GROUP#{organization_id}#{group_id}", None, True
        while more:
            rows, more = self._table.query(partition, "", after, PAGE)
            members = [membership_from(row) for row in rows]
            keys = [entity_key(organization_id, member.member_kind, member.member_id) for member in members]
            found = self._table.get_all(keys)
            entities = [entity_from(found[key]) for key in keys if key in found]
            yield from (entity.addressee for entity in entities if entity.state is not EntityState.DELETED)
            after = members[-1].member_id if members else None


class DynamoMailboxOwners:
    """Implements ``MailboxOwners``."""

    def __init__(self, table: DirectoryTable) -> None:
        self._table = table

    def is_active(self, organization_id: str) -> bool:
        item = self._table.get((f"ORG#{organization_id}", "ORG"))
        return _is_active(item)

    def owner(self, organization_id: str, mailbox_id: str) -> Addressee | None:
        """Read the key of a user first: an id does not tell the kind, and few mailboxes belong to resources."""
        organization = (f"ORG#{organization_id}", "ORG")
        user = entity_key(organization_id, EntityKind.USER, mailbox_id)
        resource = entity_key(organization_id, EntityKind.RESOURCE, mailbox_id)
        found = self._table.get_all([organization, user])
        if not _is_active(found.get(organization)):
            return None
        # a batch of one: the functions' roles allow batches only
        row = found.get(user) or self._table.get_all([resource]).get(resource)
        owner = entity_from(row) if row else None
        return None if owner is None or owner.state is EntityState.DELETED else owner.addressee


def _is_active(item: Item | None) -> bool:
    return item is not None and organization_from(item).ref.active


class DynamoEventLogSettings:
    """Implements ``EventLogSettings``."""

    def __init__(self, table: DirectoryTable, *, default_enabled: bool) -> None:
        self._table = table
        self._default_enabled = default_enabled

    def monitoring(self, organization_id: str) -> Monitoring:
        """The read is consistent: another organization may have the alias, and so the log group, of a deleted one."""
        item = self._table.get((f"ORG#{organization_id}", "ORG"))
        if item is None:
            raise UnknownOrganizationError(organization_id)
        return organization_from(item).monitoring(default_enabled=self._default_enabled)
