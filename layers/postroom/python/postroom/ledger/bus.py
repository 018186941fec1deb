"""Facts onto the bus: all of them, ours as well, each with its id, so that a listener can tell a repeat.

Source of the limits: EventBridge User Guide, PutEvents.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.errors import StoreUnavailableError
from postroom.ledger.lines import fitted
from postroom.ledger.projection import OUT_OF_TIME, RESERVE, Remaining
from postroom.ports.event_bus import SOURCE, BusEvent, EventBus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from postroom.model.facts import Fact

MAX_BATCH_EVENTS: Final = 10
"""Most entries of one call."""

MAX_BATCH_BYTES: Final = 262_144
"""Largest call, in bytes of its entries. Ours: the limit until 2026, which targets such as SQS and emulators still
have; 1 MB since."""

TIME_BYTES: Final = 14
"""What an entry's time adds to its size, in bytes."""

MAX_DETAIL_BYTES: Final = MAX_BATCH_BYTES - 1024
"""Longest detail, in bytes of UTF-8: room for its envelope is left. Ours."""

TOLD: Final = frozenset(
    {
        "attempt",
        "attempts",
        "cause",
        "deliveredTo",
        "envelopeFrom",
        "failure",
        "final",
        "flowMessageId",
        "functionArn",
        "functionVersion",
        "group",
        "invocationId",
        "mailboxId",
        "means",
        "memberId",
        "milliseconds",
        "reason",
        "recipients",
        "requestId",
        "ruleId",
        "ruleName",
        "rulesVersion",
        "runs",
        "sesMessageId",
        "size",
        "station",
        "synchronous",
        "virusVerdict",
        "what",
    }
)
"""Which of a fact's data listeners get. Where bytes and keys of mail lie is nobody's business, so what is new stays
inside until it is listed here."""


def bus_event(fact: Fact) -> BusEvent:
    """Return a fact as an announcement.

    The detail is ``{factId, traceId, organizationId, at, event, data}``: ``at`` in milliseconds since the epoch,
    ``event`` the fields of the log's record (empty for facts of ours), ``data`` what ``TOLD`` lists.
    """
    head = {"factId": fact.id, "traceId": fact.trace, "organizationId": fact.organization_id, "at": fact.at}
    fields = {
        "event": dict(fact.event),
        "data": {name: value for name, value in fact.data.items() if name in TOLD},
    }
    return BusEvent(fact.id, fact.name.value, fact.at, fitted(fields, MAX_DETAIL_BYTES, lambda f: _json({**head, **f})))


def batches(events: Iterable[BusEvent]) -> Iterator[list[BusEvent]]:
    """Cut announcements into calls, in their order; none beyond a limit, none left out."""
    batch: list[BusEvent] = []
    size = 0
    for event in events:
        bytes_of_event = entry_bytes(event)
        if batch and (len(batch) >= MAX_BATCH_EVENTS or size + bytes_of_event > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += bytes_of_event
    if batch:
        yield batch


def entry_bytes(event: BusEvent) -> int:
    """Return the size of an entry as EventBridge counts it: time, source, detail type and detail."""
    return TIME_BYTES + len(SOURCE) + len(event.name) + len(event.detail.encode())


def tells_of_an_event(fact: Fact) -> bool:
    """Say whether a fact is about a parked event: its announcement is not retried.

    Otherwise a bus that stays away would park announcements, whose parking is announced, and so on for ever.
    """
    return fact.data.get("station") == "events"


@dataclass(frozen=True, slots=True)
class BusProjection:
    """Announces facts."""

    bus: EventBus

    def write(self, facts: Sequence[Fact], remaining: Remaining) -> Mapping[str, str]:
        """Announce facts; refused ones about parked events count as written."""
        refused = self._announce(facts, remaining)
        return {fact.id: refused[fact.id] for fact in facts if fact.id in refused and not tells_of_an_event(fact)}

    def _announce(self, facts: Sequence[Fact], remaining: Remaining) -> Mapping[str, str]:
        refused: dict[str, str] = {}
        closed = ""
        for batch in batches(map(bus_event, facts)):
            closed = closed or (OUT_OF_TIME if remaining() < RESERVE else "")
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
