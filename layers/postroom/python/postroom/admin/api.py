"""Answers one request of the admin API."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from postroom.admin import administrators
from postroom.admin.context import Call
from postroom.admin.operations import OPERATIONS
from postroom.contracts import api_trail, aws_json
from postroom.contracts.admin import validation
from postroom.contracts.admin.exceptions import InvalidParameterException, NotAuthorizedError, WorkMailError
from postroom.contracts.admin.models import secrets, shapes
from postroom.errors import ConflictError, TakenError, TemporaryError
from postroom.model.limits import CONFLICT_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.admin.context import Context


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request, with fields for the function's log and for the API trail.

    The function's log gets no parameters of the request, because they may be names and passwords.

    Attributes:
        response: for API Gateway.
        operation: as requested; empty if the request names none.
        code: error code; empty on success.
        organization_id: empty if the request names none.
        text: of the error.
        parameters: of the request in CloudTrail's form, without secrets; None if it could not be read.
        elements: the same of the answer; None if it is an error.
    """

    response: dict[str, Any]
    operation: str
    code: str
    organization_id: str
    text: str = ""
    parameters: Mapping[str, Any] | None = None
    elements: Mapping[str, Any] | None = None


def answer(event: Mapping[str, Any], context: Context, *, now: int, request_id: str) -> Answered:
    """Answer a REST proxy event.

    Args:
        event: payload version 1.0.
        now: milliseconds since the epoch.
        request_id: used if the event has no request id.

    Raises:
        Exception: a defect of this code; the function answers 500.
    """
    operation, organization_id, parameters = "", "", None

    def refused(code: str, text: str, status: int = 400) -> Answered:
        response = aws_json.encode_error(code, text, request_id, status=status)
        return Answered(response, operation, code, organization_id, text, parameters)

    try:
        call = aws_json.decode(event)
        request_id = call.request_id or request_id
        said = Call(request_id, call.unique_id, call.source_ip, call.user_agent, call.caller_arn)
        context = replace(context, call=said)
        operation = call.target.removeprefix(f"{shapes.TARGET_PREFIX}.")
        if operation == call.target or operation not in shapes.OPERATIONS:
            return refused(aws_json.UNKNOWN_OPERATION, "")
        request, violations = validation.validated(operation, call.payload())
        organization_id = str(request.get("OrganizationId", ""))
        parameters = api_trail.without(request, secrets.REQUESTS.get(operation, ()))
        administrators.check(context, operation, organization_id)
        if operation not in OPERATIONS:
            return refused(aws_json.UNKNOWN_OPERATION, f"{operation} is not built yet; see docs/parity.md.")
        if violations:
            return refused(_validation_code(operation), validation.message(violations))
        done = perform(operation, request, context, now)
    except _REFUSALS as error:
        return refused(*_refusal(error))
    elements = api_trail.without(done, secrets.ANSWERS.get(operation, ()))
    return Answered(aws_json.encode(done, request_id), operation, "", organization_id, "", parameters, elements)


_REFUSALS: Final = (
    aws_json.MalformedRequestError,
    validation.WrongTypeError,
    NotAuthorizedError,
    WorkMailError,
    TemporaryError,
)


def _refusal(error: Exception) -> tuple[str, str, int]:
    """Return code, text and HTTP status of an error of ``_REFUSALS``."""
    match error:
        case NotAuthorizedError():
            return aws_json.ACCESS_DENIED, str(error), 403
        case WorkMailError():
            return error.code, str(error), 400
        case TemporaryError():
            return aws_json.UNAVAILABLE, f"Try again: {error}", 503
        case _:
            return aws_json.SERIALIZATION, str(error), 400


def perform(operation: str, request: Mapping[str, Any], context: Context, now: int) -> Mapping[str, Any]:
    """Do one operation; decide it again if another writer was faster.

    Raises:
        WorkMailError: the request is refused.
        TemporaryError: a store or service did not answer, or other writers were faster ``CONFLICT_ATTEMPTS`` times.
    """
    for _ in range(CONFLICT_ATTEMPTS - 1):
        try:
            return OPERATIONS[operation](context, request, now)
        except (ConflictError, TakenError):
            continue
    try:
        return OPERATIONS[operation](context, request, now)
    except TakenError as error:
        raise ConflictError("other writers kept taking the same name or address") from error


def _validation_code(operation: str) -> str:
    """Return the operation's modelled error for bad parameters, if it has one (ours; WorkMail's is not public)."""
    modelled = InvalidParameterException.__name__
    return modelled if modelled in shapes.OPERATIONS[operation]["errors"] else aws_json.VALIDATION
