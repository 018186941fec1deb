"""Writes the records of one delivery, or of the API trail, in batches; says which of them were not written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.audit_batches import batches, too_long
from postroom.contracts.audit_formats import header, json_line, lines
from postroom.errors import PostroomError
from postroom.model.audit_deliveries import DestinationKind
from postroom.model.limits import HAND_OVER_RESERVE_MS
from postroom.model.log_lines import LogLine, Refusal
from postroom.ports.audit_destinations import AuditBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from postroom.contracts.audit_log import AuditRecord
    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.ports.audit_destinations import ApiTrail, AuditDestination

API_TRAIL: Final = "api-trail"
"""Id of the API trail among deliveries; no delivery has a hyphen in its id."""

OUT_OF_TIME: Final = Refusal("the function ran out of time")


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where records go.

    Attributes:
        id: of the delivery.
        render: returns one line per record, in their order.
        put: writes one batch; see ``ports.audit_destinations``.
        header: lines with which an object begins.
        fault: why nothing can be written; empty if it can be tried.
    """

    id: str
    kind: DestinationKind
    render: Callable[[Sequence[AuditRecord]], Sequence[str]]
    put: Callable[[AuditBatch], Mapping[str, Refusal]]
    header: Sequence[str] = ()
    fault: str = ""

    def write(
        self, organization_id: str, records: Iterable[AuditRecord], remaining_ms: Callable[[], int]
    ) -> dict[str, Refusal]:
        """Write records, each id once; return those that may be missing. Raises no PostroomError.

        After a refusal of the whole destination nothing more is tried.
        """
        unique = list({record.id: record for record in records}.values())
        if self.fault:
            return dict.fromkeys((record.id for record in unique), Refusal(self.fault))
        rendered = [
            LogLine(record.id, record.at_ms, text) for record, text in zip(unique, self.render(unique), strict=True)
        ]
        refused = too_long(self.kind, rendered)
        closed: Refusal | None = None
        for batch in batches(self.kind, (line for line in rendered if line.id not in refused)):
            if closed is None and remaining_ms() < HAND_OVER_RESERVE_MS:
                closed = OUT_OF_TIME
            if closed is None:
                try:
                    refused |= self.put(AuditBatch(organization_id, batch, self.header))
                except PostroomError as error:
                    closed = Refusal(error.cause)
            if closed is not None:
                refused |= dict.fromkeys((line.id for line in batch), closed)
        return refused


def outlet_of(delivery: AuditDelivery, destinations: Mapping[DestinationKind, AuditDestination]) -> Outlet:
    """Return the outlet of one delivery."""
    destination = destinations[delivery.kind]
    return Outlet(
        id=delivery.id,
        kind=delivery.kind,
        render=lambda records: lines(records, delivery),
        put=lambda batch: destination.put(delivery, batch),
        header=() if delivery.fault else header(delivery),
        fault=delivery.fault,
    )


def api_trail_outlet(trail: ApiTrail) -> Outlet:
    """Return the outlet of the API trail; its lines are CloudTrail's records as they are."""
    return Outlet(API_TRAIL, DestinationKind.CLOUDWATCH_LOGS, _trail_lines, trail.put)


def _trail_lines(records: Sequence[AuditRecord]) -> list[str]:
    return [json_line(record.fields) for record in records]
