"""Queue messages that say where something is: a fact to be projected again, something parked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from postroom.contracts.base import Sent
from postroom.contracts.orders import Stored


class Part(StrEnum):
    """Where a fact is projected to, apart from metrics, which are counted once and never again."""

    LOG = "LOG"
    BUS = "BUS"


class FactPointer(Stored):
    """A fact that is to be projected again: a retry of record_events, a redriven fact, a log that is rebuilt."""

    says: ClassVar[str] = "a pointer to a fact"

    key: str
    parts: tuple[Part, ...] = (Part.LOG,)
    """Where to."""

    @property
    def station(self) -> str:
        """The station that projects it."""
        return "retry_events"

    @property
    def group(self) -> str:
        """The organization: its log may refuse what others' logs take."""
        return self.organization_id

    @property
    def message(self) -> str:
        """What the queue gets."""
        return self.model_dump_json()


@dataclass(frozen=True, slots=True)
class Announcement:
    """SES's notification of a message, as it was received, for ingest."""

    message: str

    @property
    def station(self) -> str:
        """The station that takes it."""
        return "ingest"

    @property
    def group(self) -> str:
        """None: which organizations the message is for is not known yet."""
        return ""


class ParkedPointer(Sent):
    """Parked queue: something waits for a person. The message attribute ``cause`` says why."""

    id: str
    trace: str
    organization_id: str
