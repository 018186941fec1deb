"""The queue message with audit records: records of one organization, for all of its deliveries or for one.

SQS carries characters of XML only; records hold no others (``contracts.audit_log``), and control characters are escaped
by JSON. Source: SQS, SendMessage.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from pydantic import TypeAdapter

from postroom.contracts.audit_log import AuditRecord
from postroom.contracts.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

KIND: Final = "AUDIT_RECORDS"

MAX_BODY_BYTES: Final = 200_000
"""Records of one message, in bytes of JSON, unless one record alone has more. Ours: below SQS's 262,144 and DynamoDB's
409,600, so that a message can be parked as a row."""

WRITE: Final = "write_audit_log"
RETRY: Final = "retry_audit"


_RECORD: Final = TypeAdapter(AuditRecord)


class AuditRecords(Stored):
    """Records of one organization."""

    says: ClassVar[str] = "a message of audit records"

    kind: Literal["AUDIT_RECORDS"] = KIND
    records: tuple[AuditRecord, ...]
    delivery_id: str = ""
    """The delivery that still needs them; empty for every delivery of the organization."""

    @property
    def station(self) -> str:
        """Records for one delivery alone are a retry."""
        return RETRY if self.delivery_id else WRITE

    @property
    def group(self) -> str:
        """The organization, so that one that records much delays no other."""
        return self.organization_id

    @property
    def message(self) -> str:
        """Body of the queue message."""
        return self.model_dump_json()


def of_records(organization_id: str, records: Sequence[AuditRecord], delivery_id: str = "") -> AuditRecords:
    """Return one message of records; its trace is the same for the same records and delivery."""
    told = "\0".join(["audit", delivery_id, *(record.id for record in records)])
    trace = f"audit:{hashlib.sha256(told.encode()).hexdigest()[:32]}"
    return AuditRecords(trace=trace, organization_id=organization_id, records=tuple(records), delivery_id=delivery_id)


def messages(records: Iterable[AuditRecord], delivery_id: str = "") -> Iterator[AuditRecords]:
    """Divide records into messages: one organization each, in their order, none above ``MAX_BODY_BYTES``."""
    waiting: dict[str, list[AuditRecord]] = {}
    sizes: dict[str, int] = {}
    for record in records:
        organization, size = record.organization_id, bytes_of(record)
        if organization in waiting and sizes[organization] + size > MAX_BODY_BYTES:
            yield of_records(organization, waiting.pop(organization), delivery_id)
            del sizes[organization]
        waiting.setdefault(organization, []).append(record)
        sizes[organization] = sizes.get(organization, 0) + size
    for organization, left in waiting.items():
        yield of_records(organization, left, delivery_id)


def bytes_of(record: AuditRecord) -> int:
    """Return the size of a record in a message, in bytes of JSON, its comma included."""
    return len(_RECORD.dump_json(record)) + 1
