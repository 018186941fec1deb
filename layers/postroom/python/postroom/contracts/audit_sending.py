"""The queue message with audit records as it is sent: those of one organization, for all of its deliveries or one.

``contracts.audit_messages`` reads it. That module's pydantic would be half of the time in which the authorizer of mail
clients starts. SQS carries characters of XML only; records hold no others (``contracts.audit_log``), and control
characters are escaped by JSON. Source: SQS, SendMessage.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from postroom.contracts.audit_log import AuditRecord

FORMAT: Final = 1
"""``version`` of the message's form."""

KIND: Final = "AUDIT_RECORDS"

MAX_BODY_BYTES: Final = 200_000
"""Records of one message, in bytes of JSON, unless one record alone has more. Ours: below SQS's 262,144 and DynamoDB's
409,600, so that a message can be parked as a row."""

WRITE: Final = "write_audit_log"
RETRY: Final = "retry_audit"


@dataclass(frozen=True, slots=True)
class AuditMessage:
    """Implements ``ports.queues.Message``; ``delivery_id`` is empty for every delivery of the organization."""

    organization_id: str
    records: Sequence[AuditRecord]
    delivery_id: str = ""

    @property
    def trace(self) -> str:
        """The same for the same records and delivery."""
        told = "\0".join(["audit", self.delivery_id, *(record.id for record in self.records)])
        return f"audit:{hashlib.sha256(told.encode()).hexdigest()[:32]}"

    @property
    def station(self) -> str:
        """Records for one delivery alone are a retry."""
        return station_of(self.delivery_id)

    @property
    def group(self) -> str:
        """The organization, so that one that records much delays no other."""
        return self.organization_id

    @property
    def message(self) -> str:
        """Body of the queue message."""
        return _json(
            {
                "version": FORMAT,
                "trace": self.trace,
                "organization_id": self.organization_id,
                "kind": KIND,
                "records": [_members(record) for record in self.records],
                "delivery_id": self.delivery_id,
            }
        )


def station_of(delivery_id: str) -> str:
    """Return the station of a message for a delivery, or for all if it is empty."""
    return RETRY if delivery_id else WRITE


def messages(records: Iterable[AuditRecord], delivery_id: str = "") -> Iterator[AuditMessage]:
    """Divide records into messages: one organization each, in their order, none above ``MAX_BODY_BYTES``."""
    waiting: dict[str, list[AuditRecord]] = {}
    sizes: dict[str, int] = {}
    for record in records:
        organization, size = record.organization_id, _bytes_of(record)
        if organization in waiting and sizes[organization] + size > MAX_BODY_BYTES:
            yield AuditMessage(organization, waiting.pop(organization), delivery_id)
            del sizes[organization]
        waiting.setdefault(organization, []).append(record)
        sizes[organization] = sizes.get(organization, 0) + size
    for organization, left in waiting.items():
        yield AuditMessage(organization, left, delivery_id)


def _bytes_of(record: AuditRecord) -> int:
    """Return the size of a record in a message, in bytes of JSON, its comma included."""
    return len(_json(_members(record)).encode()) + 1


def _members(record: AuditRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "organization_id": record.organization_id,
        "type": record.type,
        "at_ms": record.at_ms,
        "fields": record.fields,
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
