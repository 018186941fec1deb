"""The directory's records in DynamoDB: consistent reads, and one transaction per commit."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final, TypeVar

from postroom.adapters.aws.directory_rows import (
    KINDS,
    Item,
    Key,
    address_key,
    attributes_of,
    availability_from,
    availability_key,
    client_token_from,
    delegates_key,
    delegation_from,
    domain_from,
    entity_from,
    entity_key,
    gateway_from,
    gateway_key,
    key_item,
    key_of,
    list_key_of,
    members_of,
    membership_from,
    organization_from,
    password_from,
    rule_from,
    rule_key,
    to_item,
    values_of,
)
from postroom.adapters.aws.due_mailboxes import DynamoDueMailboxes
from postroom.adapters.aws.owned_rows import owned_from, owned_key
from postroom.adapters.aws.rows import number
from postroom.adapters.aws.transactions import NOT_THERE, Transaction, written
from postroom.adapters.aws.unprocessed import MAX_ATTEMPTS
from postroom.errors import ConflictError, StoreUnavailableError, TakenError
from postroom.model.directory import EntityKind, EntityState
from postroom.model.records import Check, Domain, Insert, Put, Remove, Replace, Versioned
from postroom.ports.directory import MAX_ROWS, Page
from postroom.ports.due_mailboxes import notes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.adapters.aws.directory_table import DirectoryTable
    from postroom.model.owned import OwnedT
    from postroom.model.records import (
        AvailabilityConfiguration,
        Change,
        ClientToken,
        Entity,
        Organization,
        PasswordHash,
        RuleRecord,
        SmtpGateway,
    )
    from postroom.model.rules import Direction

T = TypeVar("T")

SIGNING_KEY: Final = ("SIGNING_KEY", "SIGNING_KEY")
SIGNING_KEY_BYTES: Final = 32


class DynamoDirectory:
    """Implements ``Directory``."""

    def __init__(self, table: DirectoryTable) -> None:
        self._table = table
        self._signing_key: bytes | None = None

    def organization(self, organization_id: str) -> Organization | None:
        item = self._table.get((f"ORG#{organization_id}", "ORG"))
        return organization_from(item) if item else None

    def organization_with_alias(self, alias: str) -> Organization | None:
        item = self._table.get((f"ALIAS#{alias}", "ALIAS"))
        return self.organization(item["organization_id"]["S"]) if item else None

    def organizations(self, after: str | None, limit: int) -> Page[Organization]:
        rows, more = self._table.query("ORGS", "", after, limit)
        ids = [row["sk"]["S"] for row in rows]
        items = self._in_order([(f"ORG#{organization_id}", "ORG") for organization_id in ids])
        return Page([organization_from(item) for item in items], ids[-1] if more else None)

    def domain_record(self, name: str) -> Domain | None:
        item = self._table.get((f"DOMAIN#{name}", "DOMAIN"))
        return domain_from(item) if item else None

    def domains_of(self, organization_id: str, after: str | None, limit: int) -> Page[Domain]:
        start = f"DOMAIN#{after}" if after else None
        rows, more = self._table.query(f"ORG#{organization_id}", "DOMAIN#", start, limit)
        names = [row["sk"]["S"].removeprefix("DOMAIN#") for row in rows]
        items = self._in_order([(f"DOMAIN#{name}", "DOMAIN") for name in names])
        return Page([domain_from(item) for item in items], names[-1] if more else None)

    def addresses_in(self, domain: str, limit: int) -> Sequence[str]:
        rows, _ = self._table.query(f"DOMAIN#{domain}", "ADDRESS#", None, limit)
        return [row["address"]["S"] for row in rows]

    def entity(self, organization_id: str, entity_id: str) -> Entity | None:
        """An id does not tell the kind of entity, so one batch reads the keys of all kinds."""
        found = self._table.get_all([entity_key(organization_id, kind, entity_id) for kind in KINDS])
        return next((entity_from(item) for item in found.values()), None)

    def entity_named(self, organization_id: str, name: str) -> Entity | None:
        return self._claimed(organization_id, (f"ORG#{organization_id}", f"NAME#{name}"))

    def entity_at(self, organization_id: str, address: str) -> Entity | None:
        return self._claimed(organization_id, address_key(address))

    def entities(self, organization_id: str, kind: EntityKind, after: str | None, limit: int) -> Page[Entity]:
        prefix = f"{kind.value}#"
        rows, more = self._table.query(f"ORG#{organization_id}", prefix, after and prefix + after, limit)
        found = [entity_from(row) for row in rows]
        return Page(found, found[-1].id if more else None)

    def members_of(self, organization_id: str, group_id: str, after: str | None, limit: int) -> Page[Entity]:
        rows, more = self._table.query(f"GROUP#{organization_id}#{group_id}", "", after, limit)
        members = [membership_from(row) for row in rows]
        living = self._living([entity_key(organization_id, row.member_kind, row.member_id) for row in members])
        return Page(living, members[-1].member_id if more else None)

    def groups_of(self, organization_id: str, member_id: str, after: str | None, limit: int) -> Page[Entity]:
        rows, more = self._table.query(f"MEMBER#{organization_id}#{member_id}", "", after, limit)
        ids = [row["sk"]["S"] for row in rows]
        living = self._living([entity_key(organization_id, EntityKind.GROUP, group_id) for group_id in ids])
        return Page(living, ids[-1] if more else None)

    def delegates_of(self, organization_id: str, resource_id: str, after: str | None, limit: int) -> Page[Entity]:
        rows, more = self._table.query(delegates_key(organization_id, resource_id), "", after, limit)
        delegations = [delegation_from(row) for row in rows]
        living = self._living([entity_key(organization_id, row.delegate_kind, row.delegate_id) for row in delegations])
        return Page(living, delegations[-1].delegate_id if more else None)

    def password(self, organization_id: str, user_id: str) -> PasswordHash | None:
        item = self._table.get((f"ORG#{organization_id}", f"PASSWORD#{user_id}"))
        return password_from(item) if item else None

    def rule(self, organization_id: str, direction: Direction, rule_id: str) -> RuleRecord | None:
        item = self._table.get(rule_key(organization_id, direction, rule_id))
        return rule_from(item) if item else None

    def rules(self, organization_id: str, direction: Direction, after: str | None, limit: int) -> Page[RuleRecord]:
        pk, prefix = rule_key(organization_id, direction, "")
        rows, more = self._table.query(pk, prefix, after and prefix + after, limit)
        found = [rule_from(row) for row in rows]
        return Page(found, found[-1].rule.id if more else None)

    def gateway(self, organization_id: str, gateway_id: str) -> SmtpGateway | None:
        item = self._table.get(gateway_key(organization_id, gateway_id))
        return gateway_from(item) if item else None

    def gateways(self, organization_id: str, after: str | None, limit: int) -> Page[SmtpGateway]:
        pk, prefix = gateway_key(organization_id, "")
        rows, more = self._table.query(pk, prefix, after and prefix + after, limit)
        found = [gateway_from(row) for row in rows]
        return Page(found, found[-1].id if more else None)

    def availability(self, organization_id: str, domain: str) -> AvailabilityConfiguration | None:
        item = self._table.get(availability_key(organization_id, domain))
        return availability_from(item) if item else None

    def availabilities(self, organization_id: str, after: str | None, limit: int) -> Page[AvailabilityConfiguration]:
        pk, prefix = availability_key(organization_id, "")
        rows, more = self._table.query(pk, prefix, after and prefix + after, limit)
        found = [availability_from(row) for row in rows]
        return Page(found, found[-1].domain if more else None)

    def owned(self, kind: type[OwnedT], organization_id: str, key: str) -> OwnedT | None:
        item = self._table.get(owned_key(kind, organization_id, key))
        return owned_from(kind, values_of(item)) if item else None

    def owned_page(
        self, kind: type[OwnedT], organization_id: str, after: str | None, limit: int, *, within: str = ""
    ) -> Page[OwnedT]:
        pk, prefix = owned_key(kind, organization_id, "")
        rows, more = self._table.query(pk, prefix + within, after and prefix + after, limit)
        found = [owned_from(kind, values_of(row)) for row in rows]
        return Page(found, found[-1].key if more else None)

    def client_token(self, scope: str, token: str) -> ClientToken | None:
        item = self._table.get((f"TOKEN#{scope}", token))
        return client_token_from(item) if item else None

    def signing_key(self) -> bytes:
        """The key is kept for the life of this object."""
        if self._signing_key is None:
            item = self._table.get(SIGNING_KEY)
            if item is None:
                self._make_signing_key()
                item = self._table.get(SIGNING_KEY)
            if item is None:
                raise StoreUnavailableError("the signing key was removed while it was read")
            self._signing_key = bytes.fromhex(item["hex"]["S"])
        return self._signing_key

    def _make_signing_key(self) -> None:
        row: Any = key_item(SIGNING_KEY) | {"hex": {"S": secrets.token_hex(SIGNING_KEY_BYTES)}}
        client, table = self._table.client, self._table.name
        # if the condition fails, another caller made the key first, and that key is used
        written(lambda: client.put_item(TableName=table, Item=row, ConditionExpression=NOT_THERE), "make a key")

    def commit(self, changes: Sequence[Change]) -> None:
        """Held or throttled rows are tried again, with growing pauses, before they become a ConflictError.

        Mailboxes that are kept for some time are noted first: a note without its commit costs one read.
        """
        notes = DynamoDueMailboxes(self._table.client, self._table.name)
        for due in notes_of(changes):
            notes.note(due)
        write = Transaction(self._table.client)
        for place, change in enumerate(changes):
            self._add(write, str(place), change)
        if len({key_of(change.record) for change in changes}) != len(changes) or len(write) > MAX_ROWS:
            raise ValueError("a commit has one change per record, and at most MAX_ROWS rows")
        refused = write.commit_with_retries(MAX_ATTEMPTS, self._table.pause)
        for place, change in enumerate(changes):
            if str(place) in refused and isinstance(change, Insert):
                raise TakenError(change.record)
        if refused:
            raise ConflictError("a record has changed since it was read")

    def _add(self, write: Transaction, label: str, change: Change) -> None:
        name = self._table.name
        row = key_item(key_of(change.record))
        list_key = list_key_of(change.record)
        match change:
            case Insert(record):
                write.put(label, name, to_item(record), condition=NOT_THERE)
                if list_key:
                    write.put(label, name, key_item(list_key))
            case Replace(record):
                _replace(write, label, name, record)
            case Check(record):
                write.check(label, name, row, **_as_read(record))
            case Put(record):
                write.put(label, name, to_item(record))
            case Remove(record):
                condition = _as_read(record) if change.unchanged and isinstance(record, Versioned) else {}
                write.delete(label, name, row, **condition)
                if list_key:
                    write.delete(label, name, key_item(list_key))

    def _claimed(self, organization_id: str, key: Key) -> Entity | None:
        item = self._table.get(key)
        if item is None or item["organization_id"]["S"] != organization_id:
            return None
        found = self._table.get(entity_key(organization_id, EntityKind(item["kind"]["S"]), item["entity_id"]["S"]))
        return entity_from(found) if found else None

    def _in_order(self, keys: Sequence[Key]) -> list[Item]:
        found = self._table.get_all(keys)
        return [found[key] for key in keys if key in found]

    def _living(self, keys: Sequence[Key]) -> list[Entity]:
        entities = [entity_from(item) for item in self._in_order(keys)]
        return [entity for entity in entities if entity.state is not EntityState.DELETED]


def _replace(write: Transaction, label: str, table: str, record: Versioned) -> None:
    """Add the replacement of a record. What a newer version has added to the row stays in it."""
    values = attributes_of(record) | {"version": number(record.version + 1)}
    absent = [name for name in members_of(type(record)) if name not in values]
    change = "SET " + ", ".join(f"#{name} = :new_{name}" for name in values)
    change += " REMOVE " + ", ".join(f"#{name}" for name in absent) if absent else ""
    condition = _as_read(record)
    names = {f"#{name}": name for name in (*values, *absent)} | condition.pop("ExpressionAttributeNames", {})
    new = {f":new_{name}": value for name, value in values.items()}
    write.update(
        label,
        table,
        key_item(key_of(record)),
        change,
        condition=condition.pop("condition"),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=new | condition.pop("ExpressionAttributeValues"),
    )


def _as_read(record: Versioned) -> dict[str, Any]:
    """Return the condition that a row is as it was read.

    A domain may have been removed and inserted again, at version 1, so its organization is compared as well.
    """
    values = {":version": number(record.version)}
    if not isinstance(record, Domain):
        return {"condition": "version = :version", "ExpressionAttributeValues": values}
    return {
        "condition": "version = :version AND #organization.#id = :organization",
        "ExpressionAttributeNames": {"#organization": "organization", "#id": "id"},
        "ExpressionAttributeValues": {**values, ":organization": {"S": record.organization.id}},
    }
