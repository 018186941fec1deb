"""Answers one request of the Message Flow API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postroom.contracts import aws_json
from postroom.contracts import message_flow as wire
from postroom.errors import TemporaryError
from postroom.model.facts import traces_of_message
from postroom.model.principals import Principal

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
        text: of the error.
        parameters: of the request in CloudTrail's form, for the API trail.
    """

    answer: wire.Answer
    operation: str
    trace: str
    code: str = ""
    text: str = ""
    parameters: Mapping[str, Any] | None = None


def answer(event: Mapping[str, Any], flow: MessageFlow, *, request_id: str) -> Answered:
    """Answer a REST proxy event, payload version 1.0.

    Args:
        request_id: used if the event has no request id.

    Raises:
        Exception: a defect of this code; the function fails.
    """
    operation = wire.OPERATIONS.get(str(event.get("httpMethod")), "")
    message_id = str((event.get("pathParameters") or {}).get("messageId") or "")
    trace = next(iter(traces_of_message(message_id)), "")
    parameters: dict[str, Any] = {"messageId": message_id}

    def refused(code: str, text: str, status: int = 400) -> Answered:
        response = wire.encode_error(code, text, request_id, status=status)
        return Answered(response, operation, trace, code, text, parameters)

    try:
        call = aws_json.decode(event)
        request_id, caller = call.request_id or request_id, Principal(call.caller_arn)
        match operation:
            case wire.GET:
                content = wire.encode_content(flow.get(message_id, caller), request_id)
                return Answered(content, operation, trace, parameters=parameters)
            case wire.PUT:
                reference = wire.s3_reference(call.payload())
                parameters["content"] = {"s3Reference": reference.members}
                flow.put(message_id, reference, caller)
                return Answered(wire.encode_done(request_id), operation, trace, parameters=parameters)
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
