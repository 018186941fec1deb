"""Reads any message of Postroom's queues by its kind: for dead-letter queues, redrives and tools."""

from __future__ import annotations

import json

from postroom.contracts.audit_messages import AuditRecords
from postroom.contracts.audit_sending import KIND
from postroom.contracts.orders import CallPointer, Order, order_type
from postroom.contracts.pointers import FactPointer
from postroom.contracts.ses import Notification, read_notification
from postroom.contracts.ses_events import SesEvent, read_event
from postroom.contracts.stream_failure import StreamBatch, read_stream_failure
from postroom.errors import InvalidNotificationError

Message = Order | CallPointer | FactPointer | AuditRecords | StreamBatch | Notification | SesEvent


def read_message(body: str) -> Message:
    """Read a queue's message.

    Raises:
        InvalidNotificationError: no station sends such a message.
    """
    document = _document(body)
    if "kind" in document:
        return _of_kind(body, document)
    if "key" in document:
        return FactPointer.read(body)
    if "DDBStreamBatchInfo" in document:
        return read_stream_failure(body)
    if "eventType" in document:
        return read_event(body)
    return read_notification(body)


def _of_kind(body: str, document: dict[str, object]) -> Message:
    kind = document["kind"]
    if kind == "RULE_CALL" and "rule_id" not in document:
        return CallPointer.read(body)
    if kind == KIND:
        return AuditRecords.read(body)
    try:
        order = order_type(str(kind))
    except KeyError as error:
        raise InvalidNotificationError("not an order") from error
    return order.read(body)  # not the document: it may hold text that cannot be written again


def _document(body: str) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidNotificationError("not a message of any station: not JSON") from error
    if not isinstance(document, dict):
        raise InvalidNotificationError("not a message of any station: not a JSON object")
    return document
