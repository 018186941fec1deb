"""Answers one request of the admin API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postroom.admin.operations import OPERATIONS
from postroom.contracts import aws_json
from postroom.contracts.admin import validation
from postroom.contracts.admin.exceptions import InvalidParameterException, WorkMailError
from postroom.contracts.admin.models import shapes
from postroom.errors import ConflictError, TakenError, TemporaryError
from postroom.model.limits import CONFLICT_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.admin.context import Context


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request, with fields for the function's log.

    It holds no parameters of the request, because they may be names and passwords.

    Attributes:
        response: for API Gateway.
        operation: as requested; empty if the request names none.
        code: error code; empty on success.
        organization_id: empty if the request names none.
    """

    response: dict[str, Any]
    operation: str
    code: str
    organization_id: str


def answer(event: Mapping[str, Any], context: Context, *, now: int, request_id: str) -> Answered:
    """Answer a REST proxy event.

    Args:
        event: payload version 1.0.
        context: ports and settings.
        now: milliseconds since the epoch.
        request_id: used if the event has no request id.

    Raises:
        Exception: a defect of this code; the function answers 500.
    """
    operation, organization_id = "", ""
    try:
        call = aws_json.decode(event)
        request_id = call.request_id or request_id
        operation = call.target.removeprefix(f"{shapes.TARGET_PREFIX}.")
        if operation == call.target or operation not in shapes.OPERATIONS:
            return _error(aws_json.UNKNOWN_OPERATION, "", request_id, operation, organization_id)
        request, violations = validation.validated(operation, call.payload())
        organization_id = str(request.get("OrganizationId", ""))
        if operation not in OPERATIONS:
            text = f"{operation} is not built yet; see docs/parity.md."
            return _error(aws_json.UNKNOWN_OPERATION, text, request_id, operation, organization_id)
        if violations:
            text = validation.message(violations)
            return _error(_validation_code(operation), text, request_id, operation, organization_id)
        done = perform(operation, request, context, now)
    except (aws_json.MalformedRequestError, validation.WrongTypeError) as error:
        return _error(aws_json.SERIALIZATION, str(error), request_id, operation, organization_id)
    except WorkMailError as error:
        return _error(error.code, str(error), request_id, operation, organization_id)
    except TemporaryError as error:
        text = f"Try again: {error}"
        return _error(aws_json.UNAVAILABLE, text, request_id, operation, organization_id, status=503)
    return Answered(aws_json.encode(done, request_id), operation, "", organization_id)


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


def _error(
    code: str, text: str, request_id: str, operation: str, organization_id: str, *, status: int = 400
) -> Answered:
    return Answered(aws_json.encode_error(code, text, request_id, status=status), operation, code, organization_id)
