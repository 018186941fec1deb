"""Parked things: orders, expansions, notifications and facts that wait for an operator, each with its cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from postroom.model.facts import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.model.facts import OwnFact

ARRIVAL_PREFIX: Final = "arrival:"
"""Prefix of the key of a notification that is parked as it was received."""

ORPHAN: Final = "orphan"
"""Key of a stored message that is parked because it has no notification."""

FACT_PREFIX: Final = "event:"
"""Prefix of the key of a fact that could not be projected; the fact's own key follows."""

STREAM_BATCH: Final = "batch"
"""Key of a run of the ledger's stream that could not be projected."""

AUDIT_RECORDS: Final = "audit-records"
"""Key of a message of audit records that was not written to its destinations."""

FEEDBACK_PREFIX: Final = "feedback:"
"""Prefix of the key of an event of SES that was not recorded; SES's id of its message follows."""

_ONLY_PARKED: Final = ("arrival", ORPHAN, FACT_PREFIX, STREAM_BATCH, AUDIT_RECORDS, FEEDBACK_PREFIX)
"""Prefixes of keys of things that have a row only while they are parked. All other keys are orders and expansions."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked thing.

    Attributes:
        station: what continues it after a redrive: ``ingest``, ``events``, ``stream``, or the station of an order, of
            audit records, or of events of SES.
        cause: why it was parked.
        since_ms: when it was parked, in milliseconds since the epoch.
        parkings: how often it was parked.
        body: the queue message of a redrive.
    """

    trace: str
    key: str
    organization_id: str
    station: str
    cause: str
    since_ms: int
    parkings: int
    body: str

    @property
    def id(self) -> str:
        """Its name on the command line: ``<trace>/<key>``."""
        return f"{self.trace}/{self.key}"

    @property
    def in_transit(self) -> bool:
        """Whether it is an order or expansion, with a row in transit. Anything else has only its parked row."""
        return not self.key.startswith(_ONLY_PARKED)

    def fact(self, name: OwnFact, at_ms: int, *, cause: str | None = None) -> Fact:
        """Return a fact about it. The fact's key differs for each time that it was parked.

        Args:
            name: PARKED, REDRIVEN or DISCARDED.
            at_ms: time of the fact, in milliseconds since the epoch.
            cause: the cause of its parking, unless another is given.
        """
        return Fact(
            trace=self.trace,
            organization_id=self.organization_id,
            name=name,
            key=f"{name}:{self.key}:{self.parkings}",
            at=at_ms,
            data={"what": self.key, "cause": self.cause if cause is None else cause, "station": self.station},
        )


class ParkedThings(Protocol):
    """Suite: tests/contract/test_parked.py.

    Each method that writes is one transaction. Every method raises StoreUnavailableError if a table did not answer.
    Methods that write also raise ConflictError. Both are temporary, and nothing was written.
    """

    def park(self, parked: Parked, fact: Fact) -> bool:
        """Park an open order or expansion, or a thing without either.

        A thing that is parked already stays unchanged, unless it was released: then the retry has failed, and it is
        parked again.

        Returns:
            ``False`` if the order has ended, or the thing is parked already.
        """

    def get(self, parked_id: str) -> Parked | None:
        """Return a parked thing by its id, if it is parked."""

    def list(self) -> Iterator[Parked]:
        """Yield everything parked, in no order. Reads the whole table: for the command line and the sweep."""

    def release(self, parked: Parked) -> bool:
        """Mark a thing that is neither order nor expansion before it is sent again; it stays parked until ``redrive``.

        Returns:
            ``False`` if it is not parked any more.
        """

    def redrive(self, parked: Parked, fact: Fact) -> bool:
        """End the parking of a thing that is tried again. An order or expansion becomes open, and the caller sends it.

        Anything else was released and sent before the call; its row is deleted.

        Returns:
            ``False`` if it is not parked any more, or was parked again after its release.
        """

    def discard(self, parked: Parked, facts: Sequence[Fact]) -> bool:
        """Discard a parked thing.

        Returns:
            ``False`` if it is not parked any more.
        """
