"""Queue messages that point at something: a fact to be projected again, or a notification as it was received."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from postroom.contracts.orders import Stored


class Part(StrEnum):
    """Target of a fact's projection. Metrics are no target: they are counted once only."""

    LOG = "LOG"
    BUS = "BUS"
    AUDIT = "AUDIT"


class FactPointer(Stored):
    """A fact to be projected again: a retry of record_events, a redriven fact, or part of a log that is rebuilt."""

    says: ClassVar[str] = "a pointer to a fact"

    key: str
    parts: tuple[Part, ...] = (Part.LOG,)
    """Targets that need the fact."""

    @property
    def station(self) -> str:
        """The station that projects the fact."""
        return "retry_events"

    @property
    def group(self) -> str:
        """The organization, so that a log that refuses entries delays only its own organization."""
        return self.organization_id

    @property
    def message(self) -> str:
        """Body of the queue message."""
        return self.model_dump_json()


@dataclass(frozen=True, slots=True)
class Announcement:
    """SES's notification of a message, as it was received, for ingest."""

    message: str

    @property
    def station(self) -> str:
        """The station that receives it."""
        return "ingest"

    @property
    def group(self) -> str:
        """Empty: the organizations of the message are not known yet."""
        return ""
