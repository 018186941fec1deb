"""AWS refusing on request: tests make the calls they name fail.

``POST /_postroom/faults`` with a JSON object adds a fault, ``GET`` lists those in force, ``DELETE`` removes all::

    {"service": "logs", "operation": "PutLogEvents", "match": {"logGroupName": "/aws/x"},
     "error": "AccessDeniedException", "status": 400, "times": -1}

``service`` is the signing name, ``operation`` as the API reference writes it. ``match`` (optional) compares members of
the request: of the body for JSON and query protocols, ``Bucket`` and ``Key`` for S3. ``times`` is how often it fails,
for ever if -1 (the default). ``status`` is the HTTP status, 400 unless given. Only the emulator's server knows faults.
"""

from __future__ import annotations

import dataclasses
import io
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

PATH: Final = "/_postroom/faults"

S3_OBJECT_OPERATIONS: Final = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
"""Operations on one object by HTTP method, without sub-resource."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a request asks for, as far as faults look at it."""

    service: str
    operation: str
    members: Mapping[str, Any]


@dataclass(slots=True)
class Fault:
    """One refusal; ``times`` counts down."""

    service: str
    operation: str
    error: str
    match: dict[str, Any] = field(default_factory=dict)
    times: int = -1
    status: int = 400

    def hits(self, call: Call) -> bool:
        """Say whether this fault is about a call."""
        if self.times == 0 or (self.service, self.operation) != (call.service, call.operation):
            return False
        return all(call.members.get(name) == value for name, value in self.match.items())


class FaultInjector:
    """WSGI middleware that answers the control endpoint, calls that are to fail, and those that moto does not know."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        if environ["PATH_INFO"] == PATH:
            return self._control(environ, start_response)
        fault = self._fault_for(environ) if self._faults else None
        if fault is not None:
            message = f"{fault.operation} was refused on request"
            return _refuse(environ, start_response, f"{fault.status} Refused", fault.error, message)
        try:
            return self._application(environ, start_response)
        except NotImplementedError as error:  # moto raises it, before it has begun to answer
            return _refuse(environ, start_response, "501 Not Implemented", "NotImplemented", f"emulator: {error}")

    def _fault_for(self, environ: dict[str, Any]) -> Fault | None:
        """Return the fault that hits a request, counted down."""
        call = _call(environ)
        with self._lock:
            for fault in self._faults:
                if fault.hits(call):
                    fault.times -= 1 if fault.times > 0 else 0
                    return fault
        return None

    def _control(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Add, list or remove faults."""
        status = "200 OK"
        with self._lock:
            if environ["REQUEST_METHOD"] == "POST":
                try:
                    self._faults.append(Fault(**json.loads(_body(environ))))
                except (TypeError, ValueError):
                    status = "400 Bad Request"
            elif environ["REQUEST_METHOD"] == "DELETE":
                self._faults.clear()
            body = json.dumps([dataclasses.asdict(fault) for fault in self._faults if fault.times]).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def _body(environ: dict[str, Any]) -> bytes:
    """Read the request's body and leave it to be read again."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _service(environ: dict[str, Any]) -> str:
    """Return the service a request is signed for, or nothing."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    return scope[3] if len(scope) > 3 else ""  # key/date/region/service/aws4_request


def _call(environ: dict[str, Any]) -> Call:
    """Read from a request which operation it is; an unsigned one is of no service."""
    service = _service(environ)
    if service == "s3":
        bucket, _, key = unquote(environ["RAW_URI"].partition("?")[0]).lstrip("/").partition("/")
        operation = S3_OBJECT_OPERATIONS.get(environ["REQUEST_METHOD"], "") if key else ""
        operation = "CopyObject" if "HTTP_X_AMZ_COPY_SOURCE" in environ else operation
        return Call(service, operation, {"Bucket": bucket, "Key": key})
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return Call(service, target.rpartition(".")[2], json.loads(_body(environ) or b"{}"))
    form = {name: values[0] for name, values in parse_qs(_body(environ).decode(errors="replace")).items()}
    return Call(service, form.get("Action", ""), form)


def _refuse(
    environ: dict[str, Any], start_response: Callable[..., Any], status: str, code: str, message: str
) -> Iterable[bytes]:
    """Answer with an error in the protocol of the request."""
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if "HTTP_X_AMZ_TARGET" in environ:
        content_type, text = "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message})
    elif _service(environ) == "s3":
        content_type, text = "application/xml", f"<Error>{inner}</Error>"
    else:
        content_type = "text/xml"
        text = f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error></ErrorResponse>"
    body = text.encode()
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", code)]
    start_response(status, headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
