"""The bus, in EventBridge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.transactions import store_errors
from postroom.ports.event_bus import SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

    from postroom.ports.event_bus import BusEvent

ATTEMPTS: Final = 3
"""How often entries are sent that the bus did not take for now. Ours."""

PASSING: Final = frozenset({"InternalFailure", "InternalException", "ThrottlingException"})
"""Error codes of entries that another attempt may help. Source: EventBridge API reference, PutEventsResultEntry."""


@dataclass(frozen=True, slots=True)
class EventBridgeBus:
    """``EventBus``; ``pause(n)`` waits a little, longer as n grows."""

    client: EventBridgeClient
    name: str
    pause: Callable[[int], None]

    def publish(self, events: Sequence[BusEvent]) -> Mapping[str, str]:
        """See the port. PutEvents succeeds even if it took nothing: each entry has an answer of its own."""
        refused: dict[str, str] = {}
        waiting = list(events)
        for attempt in range(ATTEMPTS):
            codes = {event.id: code for event, code in zip(waiting, self._put(waiting), strict=True)}
            refused = {event_id: code for event_id, code in {**refused, **codes}.items() if code}
            waiting = [event for event in waiting if codes[event.id] in PASSING]
            if not waiting:
                break
            self.pause(attempt)
        return refused

    def _put(self, events: Sequence[BusEvent]) -> list[str]:
        """Send entries; return each one's error code, empty where it was taken."""
        with store_errors("announce on the bus"):
            answer = self.client.put_events(Entries=[self._entry(event) for event in events])
        return [result.get("ErrorCode", "") for result in answer["Entries"]]

    def _entry(self, event: BusEvent) -> PutEventsRequestEntryTypeDef:
        return {
            "EventBusName": self.name,
            "Source": SOURCE,
            "DetailType": event.name,
            "Detail": event.detail,
            "Time": datetime.fromtimestamp(event.at / 1000, tz=UTC),
        }
