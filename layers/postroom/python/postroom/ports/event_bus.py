"""The bus on which every fact is announced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCE: Final = "postroom"
"""Who announces: the ``source`` that rules on the bus match."""


@dataclass(frozen=True, slots=True)
class BusEvent:
    """One announcement: ``name`` is the fact's, ``at_ms`` milliseconds since the epoch, ``detail`` a JSON object."""

    id: str
    name: str
    at_ms: int
    detail: str


class EventBus(Protocol):
    """Suite: tests/contract/test_event_bus.py."""

    def publish(self, events: Sequence[BusEvent]) -> Mapping[str, str]:
        """Announce one batch, as ``postroom.ledger.bus.batches`` cuts it, if anybody listens.

        Whoever begins to listen hears everything from a minute later on at the latest.

        Returns:
            Ids of events that the bus did not take, each with the bus's error code; the others were taken.

        Raises:
            StoreUnavailableError: nobody answered; none or all may have been announced.
        """
