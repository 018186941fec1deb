"""The event bus, in EventBridge.

An event costs as much as a write to two tables, and a bus without rules drops its events. So no event is published
while the bus has no rule. Archives, schema discovery and targets in other accounts are rules of the bus as well.
Source: EventBridge User Guide, "Rules", "Archiving".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.transactions import store_errors
from postroom.errors import StoreUnavailableError
from postroom.ports.event_bus import SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

    from postroom.ports.event_bus import BusEvent

MAX_ATTEMPTS: Final = 3
"""Most attempts for entries that the bus refuses for now. Ours."""

PASSING: Final = frozenset({"InternalFailure", "InternalException", "ThrottlingException"})
"""Error codes of entries that a retry may change. Source: EventBridge API reference, PutEventsResultEntry."""


LISTENERS_SECONDS: Final = 60
"""Time for which it is remembered whether the bus has rules; a new rule gets all events after that time. Ours."""


@dataclass(slots=True)
class EventBridgeBus:
    """Implements ``EventBus``.

    ``pause(n)`` waits after attempt n, from 0; longer for a larger n. ``clock`` returns monotonic seconds.
    """

    client: EventBridgeClient
    name: str
    pause: Callable[[int], None]
    clock: Callable[[], float]
    _listened: tuple[float, bool] = field(default=(float("-inf"), True), init=False)

    def publish(self, events: Sequence[BusEvent]) -> Mapping[str, str]:
        """PutEvents succeeds even if it refuses all entries, so the result of each entry is checked."""
        if not self._has_listeners():
            return {}
        refused: dict[str, str] = {}
        waiting = list(events)
        for attempt in range(MAX_ATTEMPTS):
            codes = {event.id: code for event, code in zip(waiting, self._put(waiting), strict=True)}
            refused = {event_id: code for event_id, code in {**refused, **codes}.items() if code}
            waiting = [event for event in waiting if codes[event.id] in PASSING]
            if not waiting:
                break
            self.pause(attempt)
        return refused

    def _has_listeners(self) -> bool:
        """Return whether the bus has a rule; ``True`` if the bus does not answer."""
        now = self.clock()
        if now - self._listened[0] >= LISTENERS_SECONDS:
            try:
                with store_errors("ask the bus for its rules"):
                    rules = self.client.list_rules(EventBusName=self.name, Limit=1)["Rules"]
            except StoreUnavailableError:
                return True
            self._listened = (now, bool(rules))
        return self._listened[1]

    def _put(self, events: Sequence[BusEvent]) -> list[str]:
        """Send entries; return the error code of each, empty if it was published."""
        with store_errors("publish on the bus"):
            answer = self.client.put_events(Entries=[self._entry(event) for event in events])
        return [result.get("ErrorCode", "") for result in answer["Entries"]]

    def _entry(self, event: BusEvent) -> PutEventsRequestEntryTypeDef:
        return {
            "EventBusName": self.name,
            "Source": SOURCE,
            "DetailType": event.name,
            "Detail": event.detail,
            "Time": datetime.fromtimestamp(event.at_ms / 1000, tz=UTC),
        }
