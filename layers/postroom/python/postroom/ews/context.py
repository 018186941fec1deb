"""What operations may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from postroom.effects.out_of_office import AwayTimes, RecordStore
from postroom.model.addresses import MAX_ADDRESS_CHARACTERS, Address
from postroom.ports.directory import AddressBook, ImpersonatedUsers

if TYPE_CHECKING:
    from postroom.access.decision import Access, Admission
    from postroom.contracts.audit_log import AuditRecord
    from postroom.model.callers import Caller
    from postroom.model.records import Entity, Organization
    from postroom.ports.audit_trail import AuditTrail
    from postroom.ports.availability_queries import AvailabilityQueries


class ClientDirectory(AddressBook, ImpersonatedUsers, RecordStore, Protocol):
    """What mail clients need of ``Directory``."""

    def organization(self, organization_id: str) -> Organization | None:
        """See ``Directory``."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as operations see it: its caller, where it comes from, and its audit records.

    Attributes:
        caller: the user; the one that is impersonated, if the request has an impersonation role.
        origin: IP address of the client, if it is known.
        admission: for the decisions about actions on mailboxes.
        records: an operation adds the record of each of its actions on a mailbox.
        at_ms: time of the request, in milliseconds since the epoch.
        is_passed_on: whether the client is another mail system's Postroom, which asks for a client of its own.
    """

    caller: Caller
    origin: str | None
    admission: Admission
    records: list[AuditRecord]
    at_ms: int
    is_passed_on: bool = False

    def hand_over(self, trail: AuditTrail) -> None:
        """Hand the records to the audit trail, before something is changed; what is added later follows on its own.

        Raises:
            StoreUnavailableError: some may not be kept; nothing may be changed.
        """
        trail.record(self.records)
        self.records.clear()


@dataclass(frozen=True, slots=True)
class Context:
    """Ports of the operations."""

    address_book: ClientDirectory
    availability: AvailabilityQueries
    access: Access
    trail: AuditTrail
    mailboxes: AwayTimes

    def at(self, asking: Asking, address: str) -> Entity | None:
        """Return the entity of the caller's organization that has an address, with or without ``smtp:`` before it."""
        text = address.lower().removeprefix("smtp:")
        key = Address.parse(text) if len(text) <= MAX_ADDRESS_CHARACTERS else None
        return self.address_book.entity_at(asking.caller.organization_id, str(key)) if key else None
