"""The event bus, on which every fact is published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCE: Final = "postroom"
"""``source`` of all events; rules on the bus match it."""


@dataclass(frozen=True, slots=True)
class BusEvent:
    """A fact as an event.

    Attributes:
        id: the fact's.
        name: the fact's; the event's detail type.
        at_ms: milliseconds since the epoch.
        detail: a JSON object.
    """

    id: str
    name: str
    at_ms: int
    detail: str


class EventBus(Protocol):
    """Publishes events. Suite: tests/contract/test_event_bus.py."""

    def publish(self, events: Sequence[BusEvent]) -> Mapping[str, str]:
        """Publish a batch of ``postroom.ledger.bus.batches``. A bus without rules may be left out.

        A new rule gets all events from one minute after its creation at the latest.

        Returns:
            The bus's error code by id of the events that the bus refused; all others were published.

        Raises:
            StoreUnavailableError: the bus did not answer; none or all may have been published.
        """
