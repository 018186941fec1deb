"""The API trail of the Message Flow API: every call leaves a record before its answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postroom.contracts import aws_json
from postroom.contracts import message_flow as wire
from postroom.contracts.api_trail import FAILURE, MESSAGE_FLOW, ApiCall, record_of
from postroom.errors import TemporaryError
from postroom.message_flow import api

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.message_flow.messages import MessageFlow
    from postroom.model.audit_targets import Place
    from postroom.ports.audit_trail import AuditTrail


def answer(
    event: Mapping[str, Any], flow: MessageFlow, trail: AuditTrail, place: Place, *, now: int, request_id: str
) -> api.Answered:
    """Answer a REST proxy event as ``api.answer`` does, and record the call.

    If the record cannot be kept, the answer is 503, though the content may be put; a client that puts it again leaves
    its record then.

    Raises:
        Exception: a defect of this code, which is recorded as well; the function fails.
    """
    try:
        answered = api.answer(event, flow, request_id=request_id)
    except Exception:
        failed = ApiCall(MESSAGE_FLOW, "", code=FAILURE)
        trail.record([record_of(failed, event, place, now=now, request_id=request_id)])
        raise
    call = ApiCall(MESSAGE_FLOW, answered.operation, answered.parameters, code=answered.code, text=answered.text)
    try:
        trail.record([record_of(call, event, place, now=now, request_id=request_id)])
    except TemporaryError as error:
        own_id = answered.answer.headers["x-amzn-RequestId"]
        refusal = wire.encode_error(aws_json.UNAVAILABLE, f"Try again: {error}", own_id, status=503)
        return replace(answered, answer=refusal, code=aws_json.UNAVAILABLE)
    return answered
