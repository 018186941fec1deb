"""A meeting as one text has it: its components, and which of two versions of one is newer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.meetings.ics_text import IcsText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.calendars.objects import CalendarObject
    from postroom.meetings.ics_text import Component, Line

Place = tuple[int | None, bool]
"""What a component is about, within its UID: RECURRENCE-ID as an instant in milliseconds since the epoch (``None``: the
meeting itself), and whether all later instances are meant."""


@dataclass(frozen=True, slots=True)
class Version:
    """One VEVENT.

    Attributes:
        stamp_ms: DTSTAMP, in milliseconds since the epoch; 0 if it cannot be read.
    """

    component: Component
    place: Place
    sequence: int
    stamp_ms: int

    @property
    def key_ms(self) -> int | None:
        """The first part of its place."""
        return self.place[0]

    @property
    def is_cancelled(self) -> bool:
        """Whether its STATUS says so."""
        return self.component.value("STATUS").upper() == "CANCELLED"

    @property
    def recurs(self) -> bool:
        """Whether it is a series."""
        return any(self.component.first(name) for name in ("RRULE", "RDATE"))

    def is_newer_than(self, other: Version) -> bool:
        """Compare two versions of the same place (RFC 5546, 2.1.5)."""
        return (self.sequence, self.stamp_ms) > (other.sequence, other.stamp_ms)


@dataclass(frozen=True, slots=True)
class Meeting:
    """All components with one UID in one text. Of two at one place, the first counts."""

    text: IcsText
    versions: tuple[Version, ...]
    by_place: Mapping[Place, Version]

    @classmethod
    def of(cls, found: CalendarObject) -> Meeting:
        """Make one of an object. Components that are older versions of another count for nothing."""
        text = IcsText.read(found.ics)
        parts = {part.ics.rstrip(): part for part in found.parts}
        versions = [
            Version(component, (part.recurrence_id_ms, part.and_following), part.sequence, part.dtstamp_ms)
            for component in text.events
            if (part := parts.get(text.bytes_of(component).rstrip())) is not None
        ]
        return cls(text, tuple(versions), {each.place: each for each in reversed(versions)})

    @property
    def master(self) -> Version | None:
        """The meeting itself; ``None`` where only instances of it are known."""
        return self.by_place.get((None, False))

    @property
    def instances(self) -> list[Version]:
        """The instances that have a component of their own."""
        return [each for each in self.versions if each.key_ms is not None]

    @property
    def organizer(self) -> Line | None:
        """The organizer, as the first component names them."""
        return self.versions[0].component.first("ORGANIZER") if self.versions else None
