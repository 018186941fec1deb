"""The directory: what the way of a message reads of it, and what the admin API asks of it.

Suites: tests/contract/test_addressees.py (reads of stations) and test_directory.py (the admin API).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from postroom.model.directory import Addressee, EntityKind, MailDomain, Monitoring
    from postroom.model.records import (
        Change,
        ClientToken,
        Domain,
        Entity,
        Organization,
        PasswordHash,
        RuleRecord,
        SmtpGateway,
    )
    from postroom.model.rules import Direction

MAX_ROWS: Final = 100
"""Most rows of one commit. An inserted or removed organization, domain or membership counts as two (its list entry).
Source: DynamoDB's quota for actions in a transaction."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list, in the order of its keys; ``last`` is where the next page begins behind, None at the end."""

    items: Sequence[T]
    last: str | None


class Addressees(Protocol):
    """The reads that ingest makes for every message: keyed, never a scan, flat in the number of users.

    Every method raises StoreUnavailableError if the table did not answer.
    """

    def domain(self, domain: str) -> MailDomain | None:
        """Return a registered domain with its organization, in one keyed read.

        Args:
            domain: lower-case A-labels.

        Returns:
            None where no organization of ours has the domain. An organization that is not active is returned
            with ``active`` False.
        """

    def resolve(self, organization_id: str, addresses: Collection[str]) -> Mapping[str, Addressee]:
        """Return whom addresses mean, primary addresses and aliases alike, in batched keyed reads.

        Args:
            organization_id: addresses of other organizations are unknown here.
            addresses: lower-case, any number.

        Returns:
            An entry for each address that an entity of this organization has; unknown ones are missing.
        """

    def user(self, organization_id: str, user_id: str) -> Addressee | None:
        """Return one user by id, in one keyed read: whose the fallback mailbox is."""

    def members(self, organization_id: str, group_id: str) -> Iterator[Addressee]:
        """Yield the direct members of one group, users and nested groups alike; pages inside.

        Deleted members are not yielded; disabled ones are. Each member appears once, in order of its id.
        Groups nest: following cycles is the caller's business.
        """


class MailboxOwners(Protocol):
    """Whether an organization, or a mailbox's owner, still exists: asked before a station acts.

    Each question is one keyed, consistent request.

    Every method raises StoreUnavailableError if the table did not answer.
    """

    def is_active(self, organization_id: str) -> bool:
        """Say whether an organization is Active: neither in the making, nor being deleted, nor gone."""

    def owner(self, organization_id: str, mailbox_id: str) -> Addressee | None:
        """Return whose mailbox it is, disabled owners included.

        Returns:
            ``None``: the owner, or the organization, is gone or going; nothing is to be delivered there any more.
        """


class EventLogSettings(Protocol):
    """What the projection of the event log reads. Raises StoreUnavailableError like the others."""

    def monitoring(self, organization_id: str) -> Monitoring:
        """Return where this organization's event log goes, in one keyed read.

        Raises:
            UnknownOrganizationError: there has never been such an organization.
        """


class Directory(Protocol):
    """The records behind the admin API. Reads see every commit that was acknowledged before.

    Every method raises StoreUnavailableError if the store did not answer. Lists are in order of their keys;
    ``after`` is a page's ``last``, and a page may be shorter than ``limit`` before the end.
    """

    def organization(self, organization_id: str) -> Organization | None:
        """Return an organization, deleted ones included."""

    def organization_with_alias(self, alias: str) -> Organization | None:
        """Return the organization that has an alias now. ``alias`` is lower-case."""

    def organizations(self, after: str | None, limit: int) -> Page[Organization]:
        """Return organizations by id, deleted ones included."""

    def domain_record(self, name: str) -> Domain | None:
        """Return a domain of any organization."""

    def domains_of(self, organization_id: str, after: str | None, limit: int) -> Page[Domain]:
        """Return an organization's domains by name."""

    def addresses_in(self, domain: str, limit: int) -> Sequence[str]:
        """Return at most ``limit`` claimed addresses of a domain."""

    def entity(self, organization_id: str, entity_id: str) -> Entity | None:
        """Return an entity by its id, deleted ones included."""

    def entity_named(self, organization_id: str, name: str) -> Entity | None:
        """Return the entity that has a name (lower-case) now."""

    def entity_at(self, organization_id: str, address: str) -> Entity | None:
        """Return the entity that has an address (lower-case) now, as primary address or alias."""

    def entities(self, organization_id: str, kind: EntityKind, after: str | None, limit: int) -> Page[Entity]:
        """Return entities of one kind by id, deleted ones included."""

    def members_of(self, organization_id: str, group_id: str, after: str | None, limit: int) -> Page[Entity]:
        """Return direct members of a group by id, deleted ones left out."""

    def groups_of(self, organization_id: str, member_id: str, after: str | None, limit: int) -> Page[Entity]:
        """Return the groups of which an entity is a direct member, by id, deleted ones left out."""

    def password(self, organization_id: str, user_id: str) -> PasswordHash | None:
        """Return a user's password hash."""

    def rule(self, organization_id: str, direction: Direction, rule_id: str) -> RuleRecord | None:
        """Return a mail-flow rule by its id."""

    def rules(self, organization_id: str, direction: Direction, after: str | None, limit: int) -> Page[RuleRecord]:
        """Return the mail-flow rules of one direction by id."""

    def gateway(self, organization_id: str, gateway_id: str) -> SmtpGateway | None:
        """Return an SMTP gateway by its id."""

    def gateways(self, organization_id: str, after: str | None, limit: int) -> Page[SmtpGateway]:
        """Return SMTP gateways by id."""

    def client_token(self, scope: str, token: str) -> ClientToken | None:
        """Return what was answered to a token; expired ones may come back."""

    def signing_key(self) -> bytes:
        """Return the stack's 32 bytes for signing page tokens, made at the first call and the same ever after."""

    def commit(self, changes: Sequence[Change]) -> None:
        """Make all changes or none. No two may concern the same record; at most MAX_ROWS rows.

        Raises:
            TakenError: a record to insert is there already; the error carries it.
            ConflictError: a version has moved on; read again and decide again.
        """
