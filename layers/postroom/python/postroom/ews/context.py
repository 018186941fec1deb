"""What operations may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.model.addresses import MAX_ADDRESS_CHARACTERS, Address

if TYPE_CHECKING:
    from postroom.model.callers import Caller
    from postroom.model.records import Entity
    from postroom.ports.availability_queries import AvailabilityQueries
    from postroom.ports.directory import AddressBook


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, and from where.

    Attributes:
        origin: IP address of the client, if it is known.
        is_passed_on: whether the client is another mail system's Postroom, which asks for a client of its own.
    """

    caller: Caller
    origin: str | None
    is_passed_on: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Ports of the operations."""

    address_book: AddressBook
    availability: AvailabilityQueries

    def at(self, asking: Asking, address: str) -> Entity | None:
        """Return the entity of the caller's organization that has an address, with or without ``smtp:`` before it."""
        text = address.lower().removeprefix("smtp:")
        key = Address.parse(text) if len(text) <= MAX_ADDRESS_CHARACTERS else None
        return self.address_book.entity_at(asking.caller.organization_id, str(key)) if key else None
