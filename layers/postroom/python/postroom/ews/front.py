"""Answers one request of a mail client: EWS, or AutoDiscover in one of its forms.

API Gateway's authorizer has seen the password; a request without a caller has passed none and is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.autodiscover import SOAP_ENABLED, PoxError, write_pox_error
from postroom.contracts.ews import soap
from postroom.contracts.ews.names import t
from postroom.contracts.http_calls import decode, encode
from postroom.errors import InvalidQuestionError, TemporaryError
from postroom.ews import autodiscover
from postroom.ews.context import Asking
from postroom.ews.operations import OPERATIONS
from postroom.model.limits import MAX_ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postroom.contracts.http_calls import HttpCall
    from postroom.ews.context import Context

TEXT: Final = "text/plain; charset=utf-8"
CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="EWS"'}
"""WorkMail's challenge. API Gateway renames this header of functions; the gateway's own responses carry it."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request, with fields for the function's log; none of them is content of a request.

    Attributes:
        response: for API Gateway.
        operation: name of an operation that exists, else empty.
        code: code of a fault; empty on success.
        organization_id: empty without a caller.
    """

    response: dict[str, Any]
    operation: str = ""
    code: str = ""
    organization_id: str = ""


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes
    operation: str = ""
    code: str = ""
    content_type: str = soap.CONTENT_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(event: Mapping[str, Any], context: Context, *, now_ms: int) -> Answered:
    """Answer a REST proxy event.

    Raises:
        Exception: a defect of this code; API Gateway answers 502.
    """
    call = decode(event)
    if call.caller is None:
        reply = _Reply(401, b"Unauthorized", code="Unauthorized", content_type=TEXT, headers=CHALLENGE)
    elif call.place not in PLACES:
        reply = _Reply(404, b"Not found", code="NotFound", content_type=TEXT)
    else:
        reply = PLACES[call.place](call, Asking(call.caller, call.origin, call.is_passed_on), context, now_ms)
    response = encode(reply.status, reply.body, reply.content_type, reply.headers)
    if len(reply.body) > MAX_ANSWER_BYTES // _MOST_PER_BYTE and len(json.dumps(response)) > MAX_ANSWER_BYTES:
        reply = _fault(_TOO_LARGE, reply.operation)
        response = encode(reply.status, reply.body, reply.content_type, reply.headers)
    return Answered(response, reply.operation, reply.code, call.caller.organization_id if call.caller else "")


def _exchange(call: HttpCall, asking: Asking, context: Context, _now_ms: int) -> _Reply:
    operation = ""
    if call.method != "POST":
        return _only_post()
    try:
        asked = soap.read_call(call.body)
        _refuse_what_is_not_served(asked)
        operation = asked.operation.removesuffix("Request")
        return _Reply(200, soap.answer(OPERATIONS[asked.operation](asked, asking, context)), operation)
    except soap.FaultError as error:
        return _fault(error, operation)
    except InvalidQuestionError as error:
        return _fault(soap.FaultError("ErrorInvalidArgument", f"The request is not valid: {error}."), operation)
    except TemporaryError:
        return _fault(_UNAVAILABLE, operation)


_UNAVAILABLE: Final = soap.FaultError("ErrorInternalServerTransientError", "A service did not answer. Try again.")

_TOO_LARGE: Final = soap.FaultError(
    "ErrorMessageSizeExceeded", "The answer is too large: ask for fewer mailboxes, a shorter time or no details."
)
_MOST_PER_BYTE: Final = 3
"""Most characters of JSON that a byte of an answer becomes: a letter of two bytes is six characters, ``\\u00e9``."""


def _refuse_what_is_not_served(asked: soap.Call) -> None:
    """Refuse other operations, and calls in the name of another user: an answer for the caller would be a wrong one.

    Raises:
        FaultError: ``ErrorInvalidOperation`` or ``ErrorImpersonateUserDenied``.
    """
    if asked.operation not in OPERATIONS:
        raise soap.FaultError("ErrorInvalidOperation", "This operation is not served.")
    if asked.header.find(t("ExchangeImpersonation")) is not None:
        text = "The account does not have permission to impersonate the requested user."
        raise soap.FaultError("ErrorImpersonateUserDenied", text)


def _pox(call: HttpCall, asking: Asking, context: Context, now_ms: int) -> _Reply:
    """Answer in POX form. GET has no body, so it is an invalid request: clients look at the answer's headers only."""
    operation = "AutoDiscoverPox"
    try:
        return _Reply(200, autodiscover.answer_pox(call, asking, context), operation, headers=SOAP_ENABLED)
    except PoxError as error:
        time = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%H:%M:%S")
        body = write_pox_error(error, time, call.request_id)
        return _Reply(200, body, operation, str(error.code), headers=SOAP_ENABLED)
    except TemporaryError:
        return _Reply(503, b"Try again", operation, "Unavailable", TEXT, SOAP_ENABLED)


def _svc(call: HttpCall, asking: Asking, context: Context, _now_ms: int) -> _Reply:
    operation = "AutoDiscoverSoap"
    if call.method != "POST":
        return _only_post()
    try:
        return _Reply(200, autodiscover.answer_soap(call, asking, context), operation)
    except soap.FaultError as error:
        return _fault(error, operation)
    except TemporaryError:
        return _fault(_UNAVAILABLE, operation)


def _fault(error: soap.FaultError, operation: str) -> _Reply:
    return _Reply(500, soap.fault(error), operation, error.code)


def _only_post() -> _Reply:
    return _Reply(405, b"Only POST is allowed", code="MethodNotAllowed", content_type=TEXT, headers={"Allow": "POST"})


PLACES: Final[Mapping[str, Callable[[HttpCall, Asking, Context, int], _Reply]]] = {
    "ews/exchange.asmx": _exchange,
    "autodiscover/autodiscover.xml": _pox,
    "autodiscover/autodiscover.svc": _svc,
}
"""By service and file, lower-case."""
