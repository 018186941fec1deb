"""Every call of the Message Flow API leaves a record before its answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.memory.audit_trail import MemoryAuditTrail
from postroom.message_flow import trail
from postroom.model.audit_targets import Place

from .conftest import CALLER, changed

if TYPE_CHECKING:
    from postroom.message_flow.api import Answered

    from .conftest import System

PLACE: Final = Place("aws", "us-east-1", "123456789012")


def answered(system: System, records: MemoryAuditTrail, method: str, body: object = None) -> Answered:
    event = {
        "httpMethod": method,
        "pathParameters": {"messageId": system.message_id},
        "body": None if body is None else json.dumps(body),
        "requestContext": {
            "requestId": "gateway-1",
            "identity": {"userArn": CALLER.arn, "caller": "AROA:rule-function"},
        },
    }
    return trail.answer(event, system.flow, records, PLACE, now=5, request_id="own-1")


def only(records: MemoryAuditTrail) -> dict[str, Any]:
    (record,) = records.records
    return dict(record.fields)


def test_reading_a_message_is_recorded(system: System) -> None:
    records = MemoryAuditTrail()
    assert answered(system, records, "GET").answer.status == 200
    found = only(records)
    assert (found["eventSource"], found["eventName"]) == ("workmailMessageFlow.amazonaws.com", "GetRawMessageContent")
    assert (found["readOnly"], found["requestParameters"]) == (True, {"messageId": system.message_id})
    assert found["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "rule-function"
    assert found["requestID"] == "gateway-1"


def test_putting_a_content_is_recorded_with_its_place(system: System) -> None:
    records = MemoryAuditTrail()
    system.bucket.objects["k"] = [changed("x")]
    assert answered(system, records, "POST", {"content": {"s3Reference": {"bucket": "mine", "key": "k"}}}).code == ""
    found = only(records)
    assert found["requestParameters"] == {
        "messageId": system.message_id,
        "content": {"s3Reference": {"bucket": "mine", "key": "k"}},
    }
    assert "readOnly" not in found


def test_a_refusal_is_recorded(system: System) -> None:
    records = MemoryAuditTrail()
    answered(system, records, "POST", {"content": {"s3Reference": {"bucket": "mine", "key": "none"}}})
    found = only(records)
    assert found["errorCode"] == "InvalidContentLocation"
    assert found["requestParameters"]["content"] == {"s3Reference": {"bucket": "mine", "key": "none"}}


def test_a_method_without_an_operation_is_recorded(system: System) -> None:
    records = MemoryAuditTrail()
    answered(system, records, "DELETE")
    assert (only(records)["eventName"], only(records)["errorCode"]) == ("UnknownOperation", "UnknownOperationException")


def test_a_call_whose_record_is_not_kept_is_answered_503(system: System) -> None:
    said = answered(system, MemoryAuditTrail(away=True), "GET")
    assert (said.answer.status, said.code) == (503, "ServiceUnavailable")
    assert said.answer.headers["x-amzn-RequestId"] == "gateway-1"
