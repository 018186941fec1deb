"""The directory in memory."""

from __future__ import annotations

import dataclasses
import secrets
from threading import RLock
from typing import TYPE_CHECKING, TypeVar

from postroom.adapters.memory.due_mailboxes import MemoryDueMailboxes
from postroom.errors import ConflictError, TakenError, UnknownOrganizationError
from postroom.model.directory import EntityKind, EntityState
from postroom.model.owned import Owned, OwnedT
from postroom.model.records import (
    AddressClaim,
    AliasClaim,
    AvailabilityConfiguration,
    Check,
    ClientToken,
    Delegation,
    Domain,
    Entity,
    Insert,
    Membership,
    NameClaim,
    Organization,
    PasswordHash,
    Remove,
    Replace,
    RuleRecord,
    SmtpGateway,
    Versioned,
)
from postroom.ports.directory import MAX_ROWS, Page
from postroom.ports.due_mailboxes import notes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from postroom.model.directory import Addressee, MailDomain, Monitoring
    from postroom.model.records import Change, Record
    from postroom.model.rules import Direction

T = TypeVar("T")
Key = tuple[str, ...]

LISTED = (Organization, Domain, Membership)
"""Records with a second row, their list entry."""


def key_of(record: Record) -> Key:
    """Return the identity of a record."""
    match record:
        case Organization():
            return ("organization", record.id)
        case Domain():
            return ("domain", record.name)
        case Entity():
            return ("entity", record.organization_id, record.id)
        case AliasClaim():
            return ("alias", record.alias)
        case NameClaim():
            return ("name", record.organization_id, record.name)
        case AddressClaim():
            return ("address", record.address)
        case Membership():
            return ("member", record.organization_id, record.group_id, record.member_id)
        case Delegation():
            return ("delegate", record.organization_id, record.resource_id, record.delegate_id)
        case PasswordHash():
            return ("password", record.organization_id, record.user_id)
        case RuleRecord():
            return ("rule", record.organization_id, record.rule.direction, record.rule.id)
        case SmtpGateway():
            return ("gateway", record.organization_id, record.id)
        case AvailabilityConfiguration():
            return ("availability", record.organization_id, record.domain)
        case ClientToken():
            return ("token", record.scope, record.token)
        case Owned():
            return ("owned", record.organization_id, record.family, record.key)


def _is_unchanged(record: Record, stored: Record | None) -> bool:
    if not (isinstance(record, Versioned) and isinstance(stored, Versioned) and stored.version == record.version):
        return False
    return not isinstance(record, Domain) or (
        isinstance(stored, Domain) and stored.organization.id == record.organization.id
    )


def rows_of(changes: Sequence[Change]) -> int:
    """Return the number of rows that a commit writes or checks (see ``MAX_ROWS``)."""
    return sum(
        2 if isinstance(change, Insert | Remove) and isinstance(change.record, LISTED) else 1 for change in changes
    )


class MemoryDirectory:
    """Implements ``Directory``, ``Addressees``, ``MailboxOwners`` and ``EventLogSettings``, for any thread."""

    def __init__(self, *, event_log_default: bool = True) -> None:
        self._rows: dict[Key, Record] = {}
        self._addressees: dict[Key, Addressee] = {}  # kept beside the rows: read far more often than written
        self._lock = RLock()
        self._signing_key = secrets.token_bytes(32)
        self._event_log_default = event_log_default
        self.due_mailboxes = MemoryDueMailboxes()

    # reads of stations

    def domain(self, domain: str) -> MailDomain | None:
        found = self.domain_record(domain)
        return found.mail_domain if found else None

    def resolve(self, organization_id: str, addresses: Collection[str]) -> Mapping[str, Addressee]:
        found = {}
        with self._lock:
            for address in addresses:
                claim = self._rows.get(("address", address))
                if isinstance(claim, AddressClaim) and claim.organization_id == organization_id:
                    addressee = self._addressees.get(("entity", organization_id, claim.entity_id))
                    if addressee is not None:
                        found[address] = addressee
        return found

    def user(self, organization_id: str, user_id: str) -> Addressee | None:
        entity = self.entity(organization_id, user_id)
        return entity.addressee if entity and entity.kind is EntityKind.USER else None

    def members(self, organization_id: str, group_id: str) -> Iterator[Addressee]:
        page = self.members_of(organization_id, group_id, None, len(self._rows) + 1)
        yield from (entity.addressee for entity in page.items)

    def is_active(self, organization_id: str) -> bool:
        organization = self.organization(organization_id)
        return organization is not None and organization.ref.active

    def owner(self, organization_id: str, mailbox_id: str) -> Addressee | None:
        entity = self.entity(organization_id, mailbox_id) if self.is_active(organization_id) else None
        if entity is None or entity.kind is EntityKind.GROUP or entity.state is EntityState.DELETED:
            return None
        return entity.addressee

    def monitoring(self, organization_id: str) -> Monitoring:
        organization = self.organization(organization_id)
        if organization is None:
            raise UnknownOrganizationError(organization_id)
        return organization.monitoring(default_enabled=self._event_log_default)

    # reads of the admin API

    def organization(self, organization_id: str) -> Organization | None:
        return self._get(Organization, ("organization", organization_id))

    def organization_with_alias(self, alias: str) -> Organization | None:
        claim = self._get(AliasClaim, ("alias", alias))
        return self.organization(claim.organization_id) if claim else None

    def organizations(self, after: str | None, limit: int) -> Page[Organization]:
        return self._page(Organization, lambda row: row.id, lambda _: True, after, limit)

    def domain_record(self, name: str) -> Domain | None:
        return self._get(Domain, ("domain", name))

    def domains_of(self, organization_id: str, after: str | None, limit: int) -> Page[Domain]:
        return self._page(
            Domain, lambda row: row.name, lambda row: row.organization.id == organization_id, after, limit
        )

    def addresses_in(self, domain: str, limit: int) -> Sequence[str]:
        with self._lock:
            claims = [row.address for row in self._rows.values() if isinstance(row, AddressClaim)]
        return sorted(address for address in claims if address.rpartition("@")[2] == domain)[:limit]

    def entity(self, organization_id: str, entity_id: str) -> Entity | None:
        return self._get(Entity, ("entity", organization_id, entity_id))

    def entity_named(self, organization_id: str, name: str) -> Entity | None:
        claim = self._get(NameClaim, ("name", organization_id, name))
        return self.entity(organization_id, claim.entity_id) if claim else None

    def entity_at(self, organization_id: str, address: str) -> Entity | None:
        claim = self._get(AddressClaim, ("address", address))
        if claim is None or claim.organization_id != organization_id:
            return None
        return self.entity(organization_id, claim.entity_id)

    def entities(self, organization_id: str, kind: EntityKind, after: str | None, limit: int) -> Page[Entity]:
        return self._page(
            Entity,
            lambda row: row.id,
            lambda row: row.organization_id == organization_id and row.kind is kind,
            after,
            limit,
        )

    def members_of(self, organization_id: str, group_id: str, after: str | None, limit: int) -> Page[Entity]:
        def wanted(row: Membership) -> bool:
            return (row.organization_id, row.group_id) == (organization_id, group_id)

        return self._entities(organization_id, Membership, lambda row: row.member_id, wanted, after, limit)

    def groups_of(self, organization_id: str, member_id: str, after: str | None, limit: int) -> Page[Entity]:
        def wanted(row: Membership) -> bool:
            return (row.organization_id, row.member_id) == (organization_id, member_id)

        return self._entities(organization_id, Membership, lambda row: row.group_id, wanted, after, limit)

    def delegates_of(self, organization_id: str, resource_id: str, after: str | None, limit: int) -> Page[Entity]:
        def wanted(row: Delegation) -> bool:
            return (row.organization_id, row.resource_id) == (organization_id, resource_id)

        return self._entities(organization_id, Delegation, lambda row: row.delegate_id, wanted, after, limit)

    def password(self, organization_id: str, user_id: str) -> PasswordHash | None:
        return self._get(PasswordHash, ("password", organization_id, user_id))

    def rule(self, organization_id: str, direction: Direction, rule_id: str) -> RuleRecord | None:
        return self._get(RuleRecord, ("rule", organization_id, direction, rule_id))

    def rules(self, organization_id: str, direction: Direction, after: str | None, limit: int) -> Page[RuleRecord]:
        return self._page(
            RuleRecord,
            lambda row: row.rule.id,
            lambda row: (row.organization_id, row.rule.direction) == (organization_id, direction),
            after,
            limit,
        )

    def gateway(self, organization_id: str, gateway_id: str) -> SmtpGateway | None:
        return self._get(SmtpGateway, ("gateway", organization_id, gateway_id))

    def gateways(self, organization_id: str, after: str | None, limit: int) -> Page[SmtpGateway]:
        return self._page(
            SmtpGateway, lambda row: row.id, lambda row: row.organization_id == organization_id, after, limit
        )

    def availability(self, organization_id: str, domain: str) -> AvailabilityConfiguration | None:
        return self._get(AvailabilityConfiguration, ("availability", organization_id, domain))

    def availabilities(self, organization_id: str, after: str | None, limit: int) -> Page[AvailabilityConfiguration]:
        return self._page(
            AvailabilityConfiguration,
            lambda row: row.domain,
            lambda row: row.organization_id == organization_id,
            after,
            limit,
        )

    def owned(self, kind: type[OwnedT], organization_id: str, key: str) -> OwnedT | None:
        return self._get(kind, ("owned", organization_id, kind.family, key))

    def owned_page(
        self, kind: type[OwnedT], organization_id: str, after: str | None, limit: int, *, within: str = ""
    ) -> Page[OwnedT]:
        return self._page(
            kind,
            lambda row: row.key,
            lambda row: row.organization_id == organization_id and row.key.startswith(within),
            after,
            limit,
        )

    def client_token(self, scope: str, token: str) -> ClientToken | None:
        return self._get(ClientToken, ("token", scope, token))

    def records(self) -> list[Record]:
        """Return every record, for adapters that work on all records of an organization."""
        with self._lock:
            return list(self._rows.values())

    def signing_key(self) -> bytes:
        return self._signing_key

    def commit(self, changes: Sequence[Change]) -> None:
        for due in notes_of(changes):
            self.due_mailboxes.note(due)
        keys = [key_of(change.record) for change in changes]
        if len(set(keys)) != len(keys) or rows_of(changes) > MAX_ROWS:
            raise ValueError("a commit has one change per record, and at most MAX_ROWS rows")
        with self._lock:
            for key, change in zip(keys, changes, strict=True):
                self._allow(key, change)
            for key, change in zip(keys, changes, strict=True):
                self._apply(key, change)

    def _allow(self, key: Key, change: Change) -> None:
        stored = self._rows.get(key)
        if isinstance(change, Insert) and stored is not None:
            raise TakenError(change.record)
        held = isinstance(change, Replace | Check) or (isinstance(change, Remove) and change.unchanged)
        if held and not _is_unchanged(change.record, stored):
            raise ConflictError(f"{type(change.record).__name__} has changed")

    def _apply(self, key: Key, change: Change) -> None:
        if isinstance(change, Remove):
            self._rows.pop(key, None)
            self._addressees.pop(key, None)
        elif not isinstance(change, Check):
            record = change.record
            if isinstance(change, Replace):
                record = dataclasses.replace(change.record, version=change.record.version + 1)
            self._rows[key] = record
            if isinstance(record, Entity):
                self._addressees[key] = record.addressee

    def _get(self, kind: type[T], key: Key) -> T | None:
        with self._lock:
            row = self._rows.get(key)
        return row if isinstance(row, kind) else None

    def _page(
        self,
        kind: type[T],
        key: Callable[[T], str],
        wanted: Callable[[T], bool],
        after: str | None,
        limit: int,
    ) -> Page[T]:
        with self._lock:
            rows = [row for row in self._rows.values() if isinstance(row, kind) and wanted(row)]
        found = sorted((row for row in rows if after is None or key(row) > after), key=key)
        return Page(found[:limit], key(found[limit - 1]) if len(found) > limit else None)

    def _entities(
        self,
        organization_id: str,
        kind: type[T],
        entity_id: Callable[[T], str],
        wanted: Callable[[T], bool],
        after: str | None,
        limit: int,
    ) -> Page[Entity]:
        """Return the entities that the wanted rows name, ordered by id; deleted ones are left out."""
        page = self._page(kind, entity_id, wanted, after, limit)
        named = (self.entity(organization_id, entity_id(row)) for row in page.items)
        living = [entity for entity in named if entity and entity.state is not EntityState.DELETED]
        return Page(living, page.last)
