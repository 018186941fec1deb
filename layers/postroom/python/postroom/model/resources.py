"""Resources that users book: rooms and equipment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ResourceType(StrEnum):
    """Type of a resource; botocore's ``ResourceType``."""

    ROOM = "ROOM"
    EQUIPMENT = "EQUIPMENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingOptions:
    """How a resource answers requests by itself. Defaults are those of a new resource (AWS CLI's describe-resource).

    Attributes:
        auto_accept: False leaves the answer to the delegates; then the resource needs at least one.
        auto_decline_conflicting: decline requests for a time that is taken.
        auto_decline_recurring: decline every recurring request.
    """

    auto_accept: bool = True
    auto_decline_conflicting: bool = True
    auto_decline_recurring: bool = False
