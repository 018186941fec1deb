"""What operations may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from postroom.model.addresses import MAX_ADDRESS_CHARACTERS, Address
from postroom.ports.directory import AddressBook, ImpersonatedUsers

if TYPE_CHECKING:
    from postroom.access.decision import Access, Admission
    from postroom.contracts.audit_log import AuditRecord
    from postroom.model.callers import Caller
    from postroom.model.records import Entity
    from postroom.ports.audit_trail import AuditTrail
    from postroom.ports.availability_queries import AvailabilityQueries


class ClientDirectory(AddressBook, ImpersonatedUsers, Protocol):
    """The reads of ``Directory`` for mail clients."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as operations see it: its caller, where it comes from, and its audit records.

    Attributes:
        caller: the user; the one that is impersonated, if the request has an impersonation role.
        origin: IP address of the client, if it is known.
        admission: for the decisions about actions on mailboxes.
        records: an operation adds the record of each of its actions on a mailbox.
        is_passed_on: whether the client is another mail system's Postroom, which asks for a client of its own.
    """

    caller: Caller
    origin: str | None
    admission: Admission
    records: list[AuditRecord]
    is_passed_on: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Ports of the operations."""

    address_book: ClientDirectory
    availability: AvailabilityQueries
    access: Access
    trail: AuditTrail

    def at(self, asking: Asking, address: str) -> Entity | None:
        """Return the entity of the caller's organization that has an address, with or without ``smtp:`` before it."""
        text = address.lower().removeprefix("smtp:")
        key = Address.parse(text) if len(text) <= MAX_ADDRESS_CHARACTERS else None
        return self.address_book.entity_at(asking.caller.organization_id, str(key)) if key else None
