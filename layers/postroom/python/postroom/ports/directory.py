"""The directory: the reads of stations, and the records of the admin API.

Suites: tests/contract/test_addressees.py (reads of stations) and test_directory.py (the admin API).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from postroom.model.limits import DIRECTORY_PAGE_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from postroom.model.directory import Addressee, EntityKind, MailDomain, Monitoring
    from postroom.model.owned import OwnedT
    from postroom.model.records import (
        AvailabilityConfiguration,
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
"""Most rows of one commit. An inserted or removed organization, domain or membership has two rows, its own and a list
entry. Source: DynamoDB's quota of actions per transaction."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list, in the order of its keys. ``last`` is the last key, ``None`` at the end of the list."""

    items: Sequence[T]
    last: str | None


def every_item(read: Callable[[str | None, int], Page[T]], after: str | None = None) -> Iterator[T]:
    """Yield every item of a list, or those after a key, one page of ``DIRECTORY_PAGE_ROWS`` after the other."""
    while True:
        page = read(after, DIRECTORY_PAGE_ROWS)
        yield from page.items
        after = page.last
        if after is None:
            return


class Addressees(Protocol):
    """The reads that ingest makes for every message: keyed, never a scan, at a cost that no number of users changes.

    Suite: tests/contract/test_addressees.py. Every method raises StoreUnavailableError if the table did not answer.
    """

    def domain(self, domain: str) -> MailDomain | None:
        """Return a registered domain with its organization, in one keyed read.

        Args:
            domain: lower-case A-labels.

        Returns:
            ``None`` if no organization has the domain. The organization of the domain may be inactive (``active`` is
            False).
        """

    def resolve(self, organization_id: str, addresses: Collection[str]) -> Mapping[str, Addressee]:
        """Return the entities that have addresses, as primary address or alias, in batched keyed reads.

        Args:
            organization_id: addresses of other organizations count as unknown.
            addresses: lower-case, any number.

        Returns:
            An entry for each address that an entity of this organization has; no entry for an unknown address.
        """

    def user(self, organization_id: str, user_id: str) -> Addressee | None:
        """Return a user by id, for example the owner of the fallback mailbox, in one keyed read; else ``None``."""

    def members(self, organization_id: str, group_id: str) -> Iterator[Addressee]:
        """Yield the direct members of a group, users and groups, in order of their ids, page by page.

        Disabled members are included, deleted ones are not. Groups may contain each other: the caller handles cycles.
        """


class MailboxOwners(Protocol):
    """Whether an organization, or the owner of a mailbox, still exists. A station asks this before it acts.

    Suite: tests/contract/test_addressees.py. Each method is one keyed, consistent request (``owner`` two, where no user
    is the owner), and raises StoreUnavailableError if the table did not answer.
    """

    def is_active(self, organization_id: str) -> bool:
        """Return whether the state of an organization is Active: not being created, not being deleted, not deleted."""

    def owner(self, organization_id: str, mailbox_id: str) -> Addressee | None:
        """Return the user or resource that owns a mailbox, a disabled one included.

        Returns:
            ``None`` if the owner is deleted, or the organization is not active; nothing may be delivered then.
        """


class AvailabilityConfigurations(Protocol):
    """The providers of free/busy information. Suite: tests/contract/test_directory.py."""

    def availability(self, organization_id: str, domain: str) -> AvailabilityConfiguration | None:
        """Return the availability configuration of a domain (lower-case).

        Raises:
            StoreUnavailableError: the table did not answer.
        """


class ResourceRecords(Protocol):
    """The reads of bookings. Suite: tests/contract/test_directory.py. What holds for ``Directory`` holds here."""

    def entity(self, organization_id: str, entity_id: str) -> Entity | None:
        """Return an entity by its id, a deleted one included."""

    def delegates_of(self, organization_id: str, resource_id: str, after: str | None, limit: int) -> Page[Entity]:
        """Return the delegates of a resource by id, deleted ones left out."""


class EventLogSettings(Protocol):
    """The reads of the event log. Suite: tests/contract/test_addressees.py."""

    def monitoring(self, organization_id: str) -> Monitoring:
        """Return the destination of an organization's event log, in one keyed, consistent read.

        Raises:
            UnknownOrganizationError: no organization ever had this id.
            StoreUnavailableError: the table did not answer.
        """


class OwnedRecords(Protocol):
    """The reads of an organization's own records. What holds for ``Directory`` holds here."""

    def owned(self, kind: type[OwnedT], organization_id: str, key: str) -> OwnedT | None:
        """See ``Directory``."""

    def owned_page(
        self, kind: type[OwnedT], organization_id: str, after: str | None, limit: int, *, within: str = ""
    ) -> Page[OwnedT]:
        """See ``Directory``."""


def every_owned(
    records: OwnedRecords, kind: type[OwnedT], organization_id: str, after: str | None = None, *, within: str = ""
) -> Iterator[OwnedT]:
    """Yield an organization's records of a family by key, or those after a key; see ``Directory.owned_page``."""
    return every_item(lambda *at: records.owned_page(kind, organization_id, *at, within=within), after)


class ImpersonationRoles(OwnedRecords, Protocol):
    """The reads of ``Directory`` that tokens of impersonation roles need, all keyed."""

    def organization(self, organization_id: str) -> Organization | None:
        """See ``Directory``."""


class ImpersonatedUsers(OwnedRecords, Protocol):
    """The reads of ``Directory`` that find the user as which an impersonation role acts, all keyed."""

    def entity(self, organization_id: str, entity_id: str) -> Entity | None:
        """See ``Directory``."""

    def entity_named(self, organization_id: str, name: str) -> Entity | None:
        """See ``Directory``."""

    def entity_at(self, organization_id: str, address: str) -> Entity | None:
        """See ``Directory``."""


class Accounts(ImpersonationRoles, Protocol):
    """What authentication needs of ``Directory``: at most eight keyed reads per reading of a header, and few writes."""

    def organization_with_alias(self, alias: str) -> Organization | None:
        """See ``Directory``."""

    def domain_record(self, name: str) -> Domain | None:
        """See ``Directory``."""

    def entity_named(self, organization_id: str, name: str) -> Entity | None:
        """See ``Directory``."""

    def entity_at(self, organization_id: str, address: str) -> Entity | None:
        """See ``Directory``."""

    def password(self, organization_id: str, user_id: str) -> PasswordHash | None:
        """See ``Directory``."""

    def commit(self, changes: Sequence[Change]) -> None:
        """See ``Directory``."""


class JobRecords(OwnedRecords, Protocol):
    """The jobs of mailbox exports and imports: read, and changed by their stations."""

    def commit(self, changes: Sequence[Change]) -> None:
        """See ``Directory``."""


class AddressBook(Protocol):
    """The reads of ``Directory`` that show users, groups and resources to each other."""

    def entity_at(self, organization_id: str, address: str) -> Entity | None:
        """See ``Directory``."""

    def entities(self, organization_id: str, kind: EntityKind, after: str | None, limit: int) -> Page[Entity]:
        """See ``Directory``."""


class Directory(Protocol):
    """The records of the admin API. Suite: tests/contract/test_directory.py.

    A read sees every commit that was acknowledged before it. A record that does not exist is ``None``. Lists are in
    the order of their keys; ``after`` is the ``last`` of the page before, ``None`` for the first page. A page may be
    shorter than ``limit`` before the end of the list.

    Every method raises StoreUnavailableError if the table did not answer.
    """

    def organization(self, organization_id: str) -> Organization | None:
        """Return an organization, a deleted one included."""

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
        """Return an entity by its id, a deleted one included."""

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

    def delegates_of(self, organization_id: str, resource_id: str, after: str | None, limit: int) -> Page[Entity]:
        """Return the delegates of a resource by id, deleted ones left out."""

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

    def availability(self, organization_id: str, domain: str) -> AvailabilityConfiguration | None:
        """Return the availability configuration of a domain (lower-case)."""

    def availabilities(self, organization_id: str, after: str | None, limit: int) -> Page[AvailabilityConfiguration]:
        """Return availability configurations by domain."""

    def owned(self, kind: type[OwnedT], organization_id: str, key: str) -> OwnedT | None:
        """Return a record of a family by its key."""

    def owned_page(
        self, kind: type[OwnedT], organization_id: str, after: str | None, limit: int, *, within: str = ""
    ) -> Page[OwnedT]:
        """Return records of a family by key: those whose keys begin with ``within``."""

    def client_token(self, scope: str, token: str) -> ClientToken | None:
        """Return the answer that was given to a token; an expired one may be returned as well."""

    def signing_key(self) -> bytes:
        """Return the stack's 32 bytes that sign page tokens. The first call makes them; they never change."""

    def commit(self, changes: Sequence[Change]) -> None:
        """Make all changes, or none. No two changes may concern the same record.

        Args:
            changes: at most ``MAX_ROWS`` rows.

        Raises:
            TakenError: a record to insert exists already; the error holds it.
            ConflictError: a record has a newer version; read again and decide again.
        """
