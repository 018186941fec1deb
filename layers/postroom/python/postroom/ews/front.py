"""Answers one request of a mail client: EWS, or AutoDiscover in one of its forms.

API Gateway's authorizer has checked the password or token; a request without a caller is refused. What the request
may do is decided here, and the records of these decisions are handed over before the answer leaves.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from postroom.access.decision import MailboxObject, Refusal
from postroom.contracts.audit_log import MailboxAction, ObjectType, Protocol
from postroom.contracts.autodiscover import SOAP_ENABLED, PoxError, write_pox_error
from postroom.contracts.ews import changes, soap
from postroom.contracts.ews.impersonation import is_present
from postroom.contracts.http_calls import decode, encode
from postroom.errors import AccessDeniedError, InvalidQuestionError, TemporaryError
from postroom.ews import autodiscover
from postroom.ews.client_request import ClientRequest
from postroom.ews.impersonation import acting_user
from postroom.ews.operations import OPERATIONS, WITHOUT_USER
from postroom.model.limits import MAX_ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postroom.ews.context import Asking, Context
    from postroom.model.records import Entity

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
        place = PLACES[call.place]
        reply = _at(place, ClientRequest(call, call.caller, place.protocol, now_ms, context))
    response = encode(reply.status, reply.body, reply.content_type, reply.headers)
    if len(reply.body) > MAX_ANSWER_BYTES // _MOST_PER_BYTE and len(json.dumps(response)) > MAX_ANSWER_BYTES:
        reply = _fault(_TOO_LARGE, reply.operation)
        response = encode(reply.status, reply.body, reply.content_type, reply.headers)
    return Answered(response, reply.operation, reply.code, call.caller.organization_id if call.caller else "")


def _at(place: _Place, request: ClientRequest) -> _Reply:
    """Answer a request; without its records, it is not answered."""
    try:
        reply = place.respond(request)
    except AccessDeniedError as error:
        said = f"Access is denied: {error}."
        reply = _Reply(403, said.encode(), code="AccessDenied", content_type=TEXT)
    try:
        request.hand_over_records()
    except TemporaryError:
        return place.unavailable(reply.operation)
    return reply


def _exchange(request: ClientRequest) -> _Reply:
    operation = ""
    try:
        asked, user, problem = _read(request)
        asking = request.admit(user)
        if request.call.method != "POST":
            return _only_post()
        if asked is None:
            raise problem or _impersonation_denied()
        _refuse_what_is_not_allowed(asked, asking, request.context)
        operation = changes.name_of(asked.operation)
        return _Reply(200, soap.answer(OPERATIONS[asked.operation](asked, asking, request.context)), operation)
    except soap.FaultError as error:
        return _fault(error, operation)
    except InvalidQuestionError as error:
        return _fault(soap.FaultError("ErrorInvalidArgument", f"The request is not valid: {error}."), operation)
    except TemporaryError:
        return _unavailable(operation)


def _read(request: ClientRequest) -> tuple[soap.Call | None, Entity | None, soap.FaultError | None]:
    """Return what a request asks for, the user that it impersonates, or the fault that it ends in.

    The body is read before the access decision, because it names the user that a role impersonates.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    if request.call.method != "POST":
        return None, None, None
    try:
        asked = soap.read_call(request.call.body)
        return asked, _impersonated(asked, request), None
    except soap.FaultError as error:
        return None, None, error


def _impersonated(asked: soap.Call, request: ClientRequest) -> Entity | None:
    """Return the user in whose name a caller with an impersonation role makes a request; None if it needs none.

    Raises:
        FaultError: the request names no user that exists; or the caller is a user and asks for impersonation, so that
            an answer for the caller would be a wrong one.
        StoreUnavailableError: the directory did not answer.
    """
    if request.caller.impersonation_role_id:
        return acting_user(asked, request.caller.organization_id, request.context.address_book)
    if is_present(asked.header):
        raise _impersonation_denied()
    return None


def _impersonation_denied() -> soap.FaultError:
    text = "The account does not have permission to impersonate the requested user."
    return soap.FaultError("ErrorImpersonateUserDenied", text)


def _refuse_what_is_not_allowed(asked: soap.Call, asking: Asking, context: Context) -> None:
    """Refuse users that the caller may not impersonate, changes by read-only roles, and operations that do not exist.

    Raises:
        FaultError: ``ErrorImpersonateUserDenied``, ``ErrorAccessDenied`` or ``ErrorInvalidOperation``.
        StoreUnavailableError: the directory did not answer.
    """
    refusal = asking.admission.refusal
    if refusal is not None and not (refusal is Refusal.NO_USER and asked.operation in WITHOUT_USER):
        raise _impersonation_denied()
    if asking.caller.impersonation_role_id and changes.changes(asked.operation):
        action, kind = changes.CHANGING.get(changes.name_of(asked.operation), _ANY_CHANGE)
        target = MailboxObject(asking.caller.user_id, "", (), kind)
        act = context.access.act(asking.admission, action, target)
        if act.refusal is not None:
            asking.records.append(act.record)
            raise soap.FaultError("ErrorAccessDenied", f"Access is denied: {act.refusal}.")
    if asked.operation not in OPERATIONS:
        raise soap.FaultError("ErrorInvalidOperation", "This operation is not served.")


_ANY_CHANGE: Final = (MailboxAction.UPDATE, ObjectType.FOLDER)
"""What an operation does that is in no table: the record of its refusal needs an action."""

_UNAVAILABLE: Final = soap.FaultError("ErrorInternalServerTransientError", "A service did not answer. Try again.")

_TOO_LARGE: Final = soap.FaultError(
    "ErrorMessageSizeExceeded", "The answer is too large: ask for fewer mailboxes, a shorter time or no details."
)
_MOST_PER_BYTE: Final = 3
"""Most characters of JSON that a byte of an answer becomes: a letter of two bytes is six characters, ``\\u00e9``."""


def _pox(request: ClientRequest) -> _Reply:
    """Answer in POX form. GET has no body, so it is an invalid request: clients look at the answer's headers only."""
    operation = "AutoDiscoverPox"
    try:
        answered = autodiscover.answer_pox(request.call, request.admit(), request.context)
        return _Reply(200, answered, operation, headers=SOAP_ENABLED)
    except PoxError as error:
        time = datetime.fromtimestamp(request.at_ms / 1000, UTC).strftime("%H:%M:%S")
        body = write_pox_error(error, time, request.call.request_id)
        return _Reply(200, body, operation, str(error.code), headers=SOAP_ENABLED)
    except TemporaryError:
        return _pox_unavailable(operation)


def _pox_unavailable(operation: str) -> _Reply:
    return _Reply(503, b"Try again", operation, "Unavailable", TEXT, SOAP_ENABLED)


def _svc(request: ClientRequest) -> _Reply:
    operation = "AutoDiscoverSoap"
    try:
        asking = request.admit()
        if request.call.method != "POST":
            return _only_post()
        return _Reply(200, autodiscover.answer_soap(request.call, asking, request.context), operation)
    except soap.FaultError as error:
        return _fault(error, operation)
    except TemporaryError:
        return _unavailable(operation)


def _unavailable(operation: str) -> _Reply:
    return _fault(_UNAVAILABLE, operation)


def _fault(error: soap.FaultError, operation: str) -> _Reply:
    return _Reply(500, soap.fault(error), operation, error.code)


def _only_post() -> _Reply:
    return _Reply(405, b"Only POST is allowed", code="MethodNotAllowed", content_type=TEXT, headers={"Allow": "POST"})


@dataclass(frozen=True, slots=True)
class _Place:
    """What is served at a path.

    Attributes:
        respond: answers a request; raises AccessDeniedError.
        unavailable: the answer, by operation, where a service did not answer.
    """

    protocol: Protocol
    respond: Callable[[ClientRequest], _Reply]
    unavailable: Callable[[str], _Reply]


PLACES: Final[Mapping[str, _Place]] = {
    "ews/exchange.asmx": _Place(Protocol.EWS, _exchange, _unavailable),
    "autodiscover/autodiscover.xml": _Place(Protocol.AUTODISCOVER, _pox, _pox_unavailable),
    "autodiscover/autodiscover.svc": _Place(Protocol.AUTODISCOVER, _svc, _unavailable),
}
"""By service and file, lower-case."""
