"""The API trail of the admin API: every call leaves a record before its answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postroom.admin import api
from postroom.contracts import aws_json
from postroom.contracts.admin.models import shapes
from postroom.contracts.api_trail import FAILURE, WORKMAIL, ApiCall, record_of
from postroom.errors import TemporaryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.admin.context import Context


def answer(event: Mapping[str, Any], context: Context, *, now: int, request_id: str) -> api.Answered:
    """Answer a REST proxy event as ``api.answer`` does, and record the call in the context's trail.

    If the record cannot be kept, the answer is 503, though the operation may be done: a client that repeats the call
    leaves its record then.

    Raises:
        Exception: a defect of this code, which is recorded as well; the function answers 500.
    """
    trail, place = context.audit_trail, context.settings.place
    try:
        answered = api.answer(event, context, now=now, request_id=request_id)
    except Exception:
        failed = ApiCall(WORKMAIL, "", code=FAILURE)
        trail.record([record_of(failed, event, place, now=now, request_id=request_id)])
        raise
    call = ApiCall(
        WORKMAIL,
        answered.operation if answered.operation in shapes.OPERATIONS else "",
        answered.parameters,
        answered.elements,
        answered.code,
        answered.text,
    )
    try:
        trail.record([record_of(call, event, place, now=now, request_id=request_id)])
    except TemporaryError as error:
        text = f"Try again: {error}"
        own_id = str(answered.response["headers"]["x-amzn-RequestId"])
        response = aws_json.encode_error(aws_json.UNAVAILABLE, text, own_id, status=503)
        return replace(answered, response=response, code=aws_json.UNAVAILABLE)
    return answered
