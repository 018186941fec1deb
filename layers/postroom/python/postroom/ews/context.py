"""What operations may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postroom.model.callers import Caller
    from postroom.ports.availability_queries import AvailabilityQueries
    from postroom.ports.directory import AddressBook


@dataclass(frozen=True, slots=True)
class Context:
    """Ports of the operations."""

    address_book: AddressBook
    availability: AvailabilityQueries


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
