"""Facts as events on EventBridge: all facts, ours included. Each has its fact's id, so that a repeat is recognized.

Source of the limits: EventBridge User Guide, PutEvents.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts import batching
from postroom.errors import StoreUnavailableError
from postroom.ledger.lines import fitted
from postroom.ledger.projection import OUT_OF_TIME, Remaining
from postroom.model.limits import HAND_OVER_RESERVE_MS
from postroom.ports.event_bus import SOURCE, BusEvent, EventBus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from postroom.model.facts import Fact

MAX_BATCH_EVENTS: Final = 10
"""Most entries per call."""

MAX_BATCH_BYTES: Final = 262_144
"""Largest call, in bytes of its entries. Ours: EventBridge's limit until 2026, now 1 MB; targets such as SQS, and
emulators, still have the smaller one."""

TIME_BYTES: Final = 14
"""Bytes that the time of an entry adds to its size."""

MAX_DETAIL_BYTES: Final = MAX_BATCH_BYTES - 1024
"""Longest detail, in bytes of UTF-8. The rest is room for the other fields of the entry. Ours."""

PUBLISHED_DATA: Final = frozenset(
    {
        "answer",
        "attempt",
        "attempts",
        "cause",
        "causedBy",
        "change",
        "delayed",
        "delegates",
        "deliveredTo",
        "envelopeFrom",
        "failure",
        "final",
        "flowMessageId",
        "functionArn",
        "functionVersion",
        "gatewayId",
        "group",
        "invocationId",
        "mailboxId",
        "mailboxes",
        "means",
        "memberId",
        "method",
        "milliseconds",
        "reason",
        "recipients",
        "replyTrace",
        "requestId",
        "ruleId",
        "ruleName",
        "rulesVersion",
        "runs",
        "server",
        "sesMessageId",
        "size",
        "station",
        "synchronous",
        "tentative",
        "virusVerdict",
        "what",
    }
)
"""Names of a fact's data that the bus publishes. Locations of stored mail and its keys are not published; a new name is
published only once it is listed here."""


def bus_event(fact: Fact) -> BusEvent:
    """Return a fact as an event.

    The detail is ``{factId, traceId, organizationId, at, event, data}``: ``at`` in milliseconds since the epoch,
    ``event`` the fields of the log's record (empty for facts of ours), ``data`` what ``PUBLISHED_DATA`` lists.
    """
    head = {"factId": fact.id, "traceId": fact.trace, "organizationId": fact.organization_id, "at": fact.at}
    fields = {
        "event": dict(fact.event),
        "data": {name: value for name, value in fact.data.items() if name in PUBLISHED_DATA},
    }
    return BusEvent(fact.id, fact.name.value, fact.at, fitted(fields, MAX_DETAIL_BYTES, lambda f: _json({**head, **f})))


def batches(events: Iterable[BusEvent]) -> Iterator[list[BusEvent]]:
    """Divide events into calls, in their order. No call exceeds a limit; no event is left out."""
    return batching.batches(events, entry_bytes, max_bytes=MAX_BATCH_BYTES, max_items=MAX_BATCH_EVENTS)


def entry_bytes(event: BusEvent) -> int:
    """Return the size of an entry as EventBridge counts it: time, source, detail type and detail."""
    return TIME_BYTES + len(SOURCE) + len(event.name) + len(event.detail.encode())


def is_about_an_event(fact: Fact) -> bool:
    """Say whether a fact is about a parked event; such a fact is not retried.

    Otherwise, if the bus is down, each parked event would be a fact, hence an event, that is parked in turn.
    """
    return fact.data.get("station") == "events"


@dataclass(frozen=True, slots=True)
class BusProjection:
    """Publishes facts."""

    bus: EventBus

    def write(self, facts: Sequence[Fact], remaining_ms: Remaining) -> Mapping[str, str]:
        """Announce facts; refused ones about parked events count as written."""
        refused = self._publish(facts, remaining_ms)
        return {fact.id: refused[fact.id] for fact in facts if fact.id in refused and not is_about_an_event(fact)}

    def _publish(self, facts: Sequence[Fact], remaining_ms: Remaining) -> Mapping[str, str]:
        refused: dict[str, str] = {}
        closed = ""
        for batch in batches(map(bus_event, facts)):
            closed = closed or (OUT_OF_TIME if remaining_ms() < HAND_OVER_RESERVE_MS else "")
            if closed:
                refused |= {event.id: closed for event in batch}
                continue
            try:
                refused |= self.bus.publish(batch)
            except StoreUnavailableError as error:
                closed = error.cause
                refused |= {event.id: closed for event in batch}
        return refused


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
