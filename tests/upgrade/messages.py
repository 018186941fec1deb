"""Orders, as rows of TransitTable and as messages of queues, and the other messages of queues."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

from postroom.adapters.aws import transit_rows
from postroom.contracts.audit_log import AuditRecord
from postroom.contracts.audit_messages import AuditRecords
from postroom.contracts.audit_sending import AuditMessage
from postroom.contracts.export_orders import (
    Destination,
    PackExportOrder,
    PlanExportOrder,
    SealExportOrder,
    Sealing,
    Upload,
)
from postroom.contracts.import_orders import Importing, ImportOrder
from postroom.contracts.messages import read_message
from postroom.contracts.order_list import in_list, in_row
from postroom.contracts.orders import (
    BounceOrder,
    CalendarOrder,
    CallPointer,
    DeliveryOrder,
    Order,
    OrderKind,
    RuleCall,
)
from postroom.contracts.pointers import FactPointer, Part
from postroom.contracts.provider_calls import ProviderCall
from postroom.contracts.ses import Notification
from postroom.contracts.stream_failure import StreamBatch
from postroom.model.audit_deliveries import LogType
from postroom.model.rules import ActionType, Direction

from .kinds import NOON, ORG, TRACE, Kind
from .tables import RAW

FUNCTION: Final = "arn:aws:lambda:us-east-1:123456789012:function:tag-subjects"
OF: Final[dict[str, Any]] = {"trace": TRACE, "organization_id": ORG}
MESSAGE: Final[dict[str, Any]] = {
    **OF,
    "envelope_from": "bob@example.org",
    "raw": RAW,
    "size": 1000,
    "received_at": NOON,
}
COPY: Final[dict[str, Any]] = {
    **MESSAGE,
    "mailbox_id": "ann",
    "recipient": "ann@acme.test",
    "delivered_to": "all@acme.test",
}
DELIVERY: Final = DeliveryOrder(kind=OrderKind.MAIL, folder="JUNK_EMAIL", **COPY)
CALL: Final = RuleCall(
    rule_id="r-1",
    rules_version=3,
    rule_name="tag subjects",
    part=":1",
    direction=Direction.INBOUND,
    function_arn=FUNCTION,
    synchronous=True,
    fallback=ActionType.DROP,
    gateway_id=None,
    timeout_minutes=5,
    mail_from="from@example.com",
    sender="sender@example.com",
    subject="Grüße",
    recipients=("ann@acme.test",),
    others=("ben@acme.test",),
    spam=True,
    since=NOON,
    slot_open=True,
    **MESSAGE,
)
DESTINATION: Final = Destination(
    role_arn="arn:aws:iam::123456789012:role/export",
    external_id=f"arn:aws:workmail:us-east-1:123456789012:organization/{ORG}",
    key_arn="arn:aws:kms:us-east-1:123456789012:key/1",
    bucket="take-out",
    path="mail/j-1.zip",
)
UPLOAD: Final = Upload(destination=DESTINATION, id="upload-1")
JOB: Final[dict[str, Any]] = {"organization_id": ORG, "job_id": "j-1"}
ORDERS: Final[dict[str, Order]] = {
    "delivery": DELIVERY,
    "listed delivery": in_list(DELIVERY),
    "stored delivery": in_row(in_list(DELIVERY)),
    "quota notice": DELIVERY.model_copy(update={"kind": OrderKind.QUOTA_NOTICE}),
    "calendar": CalendarOrder(**COPY),
    "bounce": BounceOrder(name="nobody@acme.test", since=NOON, **OF),
    "rule call": CALL,
    "provider call": ProviderCall(
        trace="provider:1",
        organization_id=ORG,
        request_id="request-1",
        organization_arn=DESTINATION.external_id,
        user_id="ann",
        type="EWS",
        domain="example.org",
        target="https://ews.example.org/EWS/Exchange.asmx",
        mailboxes=2,
        since=NOON,
    ),
    "plan export": PlanExportOrder(trace="export:j-1", destination=DESTINATION, **JOB),
    "pack export": PackExportOrder(trace="export:j-1", mailbox_id="ann", upload=UPLOAD, run=7, round=1, **JOB),
    "seal export": SealExportOrder(trace="export:j-1", mailbox_id="ann", upload=UPLOAD, round=1, **JOB),
    "end export": SealExportOrder(kind=Sealing.END, trace="export:j-1", cause="KeyUnavailableError: why", **JOB),
    "import": ImportOrder(trace="import:j-1", **JOB),
    "end import": ImportOrder(kind=Importing.END, trace="import:j-1", cause="why", **JOB),
}
RECORD: Final = AuditRecord("1" * 32, ORG, LogType.ACCESS_CONTROL, NOON, {"event_timestamp": NOON, "ip": "192.0.2.1"})
NOTIFICATION: Final[dict[str, Any]] = {
    "notificationType": "Received",
    "mail": {
        "timestamp": "2026-11-24T12:00:00.000Z",
        "source": "bob@example.org",
        "messageId": "m1",
        "destination": ["ann@acme.test"],
    },
    "receipt": {
        "timestamp": "2026-11-24T12:00:00.000Z",
        "processingTimeMillis": 1,
        "recipients": ["ann@acme.test"],
        **{f"{name}Verdict": {"status": "PASS"} for name in ("spam", "virus", "spf", "dkim", "dmarc")},
        "action": {"type": "S3", "bucketName": "inbound-bucket", "objectKey": "inbound/m1"},
    },
}
FAILURE: Final[dict[str, Any]] = {
    "requestContext": {"condition": "RetryAttemptsExhausted"},
    "DDBStreamBatchInfo": {
        "shardId": "shardId-1",
        "startSequenceNumber": "1",
        "endSequenceNumber": "2",
        "approximateArrivalOfFirstRecord": "2026-11-24T12:00:00Z",
        "approximateArrivalOfLastRecord": "2026-11-24T12:00:01Z",
        "batchSize": 2,
    },
}


def in_queue(name: str, order: Order) -> Kind:
    """Return the kind of an order's message, which is that of a redrive."""
    return Kind(f"message: {name}", (type(order),), partial(str, order.model_dump_json()), read_message)


def in_transit(name: str, order: Order) -> Kind:
    """Return the kind of an order's row."""
    return Kind(
        f"transit: {name}",
        (transit_rows.order_row,),
        partial(transit_rows.order_row, order, NOON),
        transit_rows.entry_from_row,
    )


MESSAGES: Final = (
    *(in_queue(name, order) for name, order in ORDERS.items()),
    *(in_transit(name, order) for name, order in ORDERS.items() if order.has_row),
    Kind("message: pointer to a call", (CallPointer,), lambda: CALL.pointer.message, read_message),
    Kind(
        "message: pointer to a fact",
        (FactPointer,),
        lambda: FactPointer(key="RULE_APPLIED:r-1", parts=tuple(Part), **OF).message,
        read_message,
    ),
    Kind(
        "message: audit records",
        (AuditRecords,),
        lambda: AuditMessage(ORG, [RECORD], "d1").message,
        read_message,
    ),
    Kind("message: notification of SES", (Notification,), lambda: json.dumps(NOTIFICATION), read_message),
    Kind("message: failure of a stream", (StreamBatch,), lambda: json.dumps(FAILURE), read_message),
    Kind(
        "part: destination of an export", (Destination,), DESTINATION.model_dump_json, Destination.model_validate_json
    ),
    Kind("part: upload of an export", (Upload,), UPLOAD.model_dump_json, Upload.model_validate_json),
)
