"""Answers one request of the Message Flow API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postroom.contracts import aws_json
from postroom.contracts import message_flow as wire
from postroom.errors import TemporaryError
from postroom.model.facts import trace_of_message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.message_flow.messages import MessageFlow


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request, with fields for the function's log.

    Attributes:
        answer: for API Gateway.
        operation: name of the operation; empty if the HTTP method has none.
        trace: trace id of the message; empty if the request has no valid message id.
        code: error code; empty on success.
    """

    answer: wire.Answer
    operation: str
    trace: str
    code: str = ""


def answer(event: Mapping[str, Any], flow: MessageFlow, *, request_id: str) -> Answered:
    """Answer a REST proxy event, payload version 1.0.

    Args:
        request_id: used if the event has no request id.

    Raises:
        Exception: a defect of this code; the function fails.
    """
    operation = wire.OPERATIONS.get(str(event.get("httpMethod")), "")
    message_id = str((event.get("pathParameters") or {}).get("messageId") or "")
    trace = trace_of_message(message_id) or ""

    def refused(code: str, text: str, status: int = 400) -> Answered:
        return Answered(wire.encode_error(code, text, request_id, status=status), operation, trace, code)

    try:
        call = aws_json.decode(event)
        request_id = call.request_id or request_id
        match operation:
            case wire.GET:
                return Answered(wire.encode_content(flow.get(message_id), request_id), operation, trace)
            case wire.PUT:
                flow.put(message_id, wire.s3_reference(call.payload()))
                return Answered(wire.encode_done(request_id), operation, trace)
            case _:
                return refused(aws_json.UNKNOWN_OPERATION, "")
    except aws_json.MalformedRequestError as error:
        return refused(aws_json.SERIALIZATION, str(error))
    except wire.InvalidRequestError as error:
        return refused(aws_json.VALIDATION, str(error))
    except wire.MessageFlowError as error:
        return refused(error.code, str(error), error.status)
    except TemporaryError as error:
        return refused(aws_json.UNAVAILABLE, f"Try again: {error}", 503)
