"""Parked things: orders, expansions, notifications and facts that wait for a person, each with its cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from postroom.model.facts import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.model.facts import OwnFact

ARRIVAL_PREFIX: Final = "arrival:"
"""Prefix of the key of a notification that is parked as it came."""

ORPHAN: Final = "orphan"
"""Key of a stored message that is parked because no notification of it came."""

FACT_PREFIX: Final = "event:"
"""Prefix of the key of a fact that could not be projected; the fact's own key follows."""

STREAM_BATCH: Final = "batch"
"""Key of a run of the ledger's stream that could not be projected."""

_ONLY_PARKED: Final = ("arrival", ORPHAN, FACT_PREFIX, STREAM_BATCH)
"""What the keys of things begin with that have no row unless they are parked; all others are orders and expansions."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked thing.

    ``station`` names what takes it up again: ``ingest``, ``events``, ``stream``, or an order's station. ``body`` is
    what its queue gets on a redrive. ``parkings`` counts how often it was parked. ``since`` is milliseconds since the
    epoch.
    """

    trace: str
    key: str
    organization_id: str
    station: str
    cause: str
    since: int
    parkings: int
    body: str

    @property
    def id(self) -> str:
        """Its name on the command line: ``<trace>/<key>``."""
        return f"{self.trace}/{self.key}"

    @property
    def in_transit(self) -> bool:
        """An order or expansion, whose row is in transit parked or not; of anything else the parked row is all."""
        return not self.key.startswith(_ONLY_PARKED)

    def fact(self, name: OwnFact, at: int, *, cause: str | None = None) -> Fact:
        """Return what happened to it as a fact, with one key for each time that it was parked.

        Args:
            name: what happened: it was parked, redriven, discarded.
            at: when, in milliseconds since the epoch.
            cause: why; the cause of its parking, unless another is given.
        """
        return Fact(
            trace=self.trace,
            organization_id=self.organization_id,
            name=name,
            key=f"{name}:{self.key}:{self.parkings}",
            at=at,
            data={"what": self.key, "cause": self.cause if cause is None else cause, "station": self.station},
        )


class ParkedThings(Protocol):
    """Suite: tests/contract/test_parked.py.

    Each method that writes is one transaction. All raise StoreUnavailableError, and ConflictError where they write:
    both temporary, nothing was written.
    """

    def park(self, parked: Parked, fact: Fact) -> bool:
        """Set something aside with its cause: an open order or expansion, or something that has neither.

        Something parked already stays as it is, unless it was released: then it was tried again in vain, and is
        parked anew.

        Returns:
            ``False``: an order that has ended, or something that is parked already.
        """

    def get(self, parked_id: str) -> Parked | None:
        """Return one parked thing by its id."""

    def list(self) -> Iterator[Parked]:
        """Return everything parked, in no order. Reads the whole table: for people and sweeps."""

    def release(self, parked: Parked) -> bool:
        """Mark what is neither order nor expansion as about to be sent again; it stays parked until ``redrive``.

        Returns:
            ``False``: it is not parked any more.
        """

    def redrive(self, parked: Parked, fact: Fact) -> bool:
        """Put a parked thing back on its way. An order or expansion becomes open; the caller sends it.

        Anything else was released and sent before; its row is deleted.

        Returns:
            ``False``: it is not parked any more, or it was parked anew since its release.
        """

    def discard(self, parked: Parked, facts: Sequence[Fact]) -> bool:
        """Give a parked thing up for good.

        Returns:
            ``False``: it is not parked any more.
        """
