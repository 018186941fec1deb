"""The API: a REST API's proxy integration, version 1.0 of the payload, for the routes of the template.

Signatures are not checked here; on AWS, API Gateway checks who may call. Lambda authorizers are asked. A streamed
answer is passed on when it is complete, and at once: AWS begins sooner, and slows down after 10 MB.
Source: AWS, API Gateway, "Set up Lambda proxy integrations", "Gateway response types" and "Set up a Lambda proxy
integration with payload response streaming".
"""

from __future__ import annotations

import base64
import binascii
import http
import json
import re
import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

from local.api.authorizers import Authorizer, Authorizers, authorizer_of
from local.api.callers import NO_CALLER
from local.functions.pool import ThrottledError
from local.settings import ACCOUNT
from local.web import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.api.callers import Callers
    from local.functions.function import Function
    from local.functions.invocations import Invocations
    from local.template.project import EventSource
    from local.web import Request

MAX_REQUEST_BYTES: Final = 10 * 2**20
"""Source: AWS, API Gateway quotas, payload size 10 MB."""

MAX_EVENT_BYTES: Final = 6_291_456
"""A proxied event is a Lambda event. Source: AWS, Lambda quotas."""

INTEGRATION_TIMEOUT_S: Final = 29.0
"""Seconds. Source: AWS, API Gateway quotas."""

DELIMITER: Final = b"\0" * 8
"""Separates the head of a streamed answer from its body. Source: AWS, "… payload response streaming"."""

MAX_HEAD_BYTES: Final = 16 * 2**10
"""The delimiter is within this number of bytes. Source: AWS, the same page."""

_PLACEHOLDER: Final = re.compile(r"\\\{(\w+)(\\\+)?\\\}")


@dataclass(frozen=True)
class Route:
    """One method and path of a function; `{name}` and `{name+}` are path parameters.

    `streamed`: the function's answer is a head, the delimiter and the body, as long as Lambda streams.
    `authorizer`: asked before the function; None where IAM decides, or every caller is let in.
    """

    method: str
    path: str
    function: Function
    stage: str = "local"
    streamed: bool = False
    authorizer: Authorizer | None = None

    @property
    def pattern(self) -> re.Pattern[str]:
        """The path as a regular expression."""
        return re.compile(
            _PLACEHOLDER.sub(lambda found: f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})", re.escape(self.path))
        )


def routes_of(events: Iterable[EventSource], apis: Mapping[str, Mapping[str, Any]]) -> list[Route]:
    """Return the routes of all APIs, which have one port here.

    Args:
        events: of functions.
        apis: properties of the APIs, by what Ref gives for them.
    """
    return [
        Route(
            str(event.properties["Method"]).upper(),
            str(event.properties["Path"]),
            event.function,
            streamed=event.properties.get("ResponseTransferMode") == "RESPONSE_STREAM",
            authorizer=authorizer_of(apis.get(str(event.properties.get("RestApiId")), {}), event.properties),
        )
        for event in events
        if event.kind == "Api"
    ]


class Api:
    """Answers requests; `answer` is the web server's callback."""

    def __init__(
        self,
        routes: list[Route],
        invocations: Invocations,
        callers: Callers,
        binary_types: frozenset[str] = frozenset(),
    ) -> None:
        """Keep the routes: those with fewer parameters are tried first.

        Args:
            routes: of the template.
            invocations: runs the functions.
            callers: knows whose requests they are.
            binary_types: media types that reach a function base64-encoded; `*/*` for all.
        """
        ordered = sorted(routes, key=lambda route: ("+}" in route.path, route.path.count("{")))
        self._routes = [(route, route.pattern) for route in ordered]
        self._invocations = invocations
        self._authorizers = Authorizers(invocations)
        self._callers = callers
        self._binary = binary_types

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        if len(request.body) > MAX_REQUEST_BYTES:
            return _said(http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Too Long")
        for route, pattern in self._routes:
            matched = pattern.fullmatch(request.path)
            if matched and route.method in (request.method, "ANY"):
                parameters = {name: unquote(value) for name, value in matched.groupdict().items()}
                return self._integrate(route, request, parameters)
        # API Gateway's answer to a path or method that is not there.
        return _said(http.HTTPStatus.FORBIDDEN, "Missing Authentication Token", "MissingAuthenticationTokenException")

    def _integrate(self, route: Route, request: Request, parameters: Mapping[str, str]) -> Response:
        event = self._event(route, request, parameters)
        if route.authorizer:
            context = self._authorizers.authorized(route.authorizer, event)
            if isinstance(context, Response):
                return context
            event["requestContext"]["authorizer"] = context
        encoded = json.dumps(event, ensure_ascii=False).encode()
        if len(encoded) > MAX_EVENT_BYTES:
            return _said(http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Too Long")
        began = time.monotonic()
        try:
            answer = self._invocations.pool(route.function.name).invoke(encoded, streamed=route.streamed)
        except ThrottledError:
            return _said(http.HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error")
        if time.monotonic() - began > INTEGRATION_TIMEOUT_S:
            return _said(http.HTTPStatus.GATEWAY_TIMEOUT, "Endpoint request timed out")
        request_id = event["requestContext"]["requestId"]
        if answer.error:
            return _said(http.HTTPStatus.BAD_GATEWAY, "Internal server error", "InternalServerErrorException")
        try:
            if route.streamed:
                return streamed_response(answer.payload, request_id)
            return proxy_response(json.loads(answer.payload), request_id)
        except (ValueError, TypeError, AttributeError, KeyError, binascii.Error):
            return _said(http.HTTPStatus.BAD_GATEWAY, "Internal server error", "InternalServerErrorException")

    def _event(self, route: Route, request: Request, parameters: Mapping[str, str]) -> dict[str, Any]:
        names = dict.fromkeys(request.headers.keys())
        many = {name: request.headers.get_all(name) for name in names}
        # a proxy before this port may say that its clients use TLS; API Gateway's always do
        many.setdefault("X-Forwarded-Proto", ["http"])
        query = parse_qsl(request.query, keep_blank_values=True)
        many_query: dict[str, list[str]] = {}
        for name, value in query:
            many_query.setdefault(name, []).append(value)
        body, is_base64 = self._body(request)
        signed = request.headers.get("Authorization") or ""
        caller = NO_CALLER if route.authorizer else self._callers.identity(signed)
        return {
            "resource": route.path,
            "path": unquote(request.path),
            "httpMethod": request.method,
            "headers": {name: values[-1] for name, values in many.items()},
            "multiValueHeaders": many,
            "queryStringParameters": dict(query) or None,
            "multiValueQueryStringParameters": many_query or None,
            "pathParameters": dict(parameters) or None,
            "stageVariables": None,
            "requestContext": _context(route, request, caller),
            "body": body,
            "isBase64Encoded": is_base64,
        }

    def _body(self, request: Request) -> tuple[str | None, bool]:
        media_type = (request.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        is_binary = bool({"*/*", media_type} & self._binary)
        if not request.body:
            return None, False
        if is_binary:
            return base64.b64encode(request.body).decode(), True
        # API Gateway reads text as UTF-8 and puts U+FFFD where it is none.
        return request.body.decode("utf-8", "replace"), False


def _context(route: Route, request: Request, caller: Mapping[str, Any]) -> dict[str, Any]:
    now = time.time()
    return {
        "accountId": ACCOUNT,
        "apiId": "local",
        "domainName": request.headers.get("Host"),
        "extendedRequestId": uuid.uuid4().hex[:16],
        "httpMethod": request.method,
        "identity": {
            **caller,
            "sourceIp": request.client,
            "userAgent": request.headers.get("User-Agent"),
        },
        "path": unquote(request.path),  # the stage is not part of the URL, as with a custom domain name on AWS
        "protocol": request.protocol,
        "requestId": request.headers.get("X-Amzn-RequestId") or str(uuid.uuid4()),  # on AWS, too, clients may choose it
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "requestTimeEpoch": int(now * 1000),
        "resourceId": "local",
        "resourcePath": route.path,
        "stage": route.stage,
    }


def proxy_response(answer: Mapping[str, Any], request_id: str) -> Response:
    """Turn a function's answer into HTTP.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not of the shape that API Gateway demands.
    """
    status = int(answer["statusCode"])
    body = answer.get("body")
    if body is not None and not isinstance(body, str):
        raise TypeError("body is not a string")
    raw = base64.b64decode(body or "", validate=True) if answer.get("isBase64Encoded") else (body or "").encode()
    many = {_remapped(name): list(values) for name, values in (answer.get("multiValueHeaders") or {}).items()}
    for name, value in (answer.get("headers") or {}).items():
        many.setdefault(_remapped(name), []).append(value)
    repeated = tuple(
        (name, _header_text(value))
        for name, values in many.items()
        for value in dict.fromkeys(values)
        if name.lower() not in ("content-length", "transfer-encoding", "connection")
    )
    present = {name.lower() for name, _ in repeated}
    ours = {"Content-Type": "application/json", "x-amzn-RequestId": request_id}
    return Response(status, raw, {name: value for name, value in ours.items() if name.lower() not in present}, repeated)


def streamed_response(answer: bytes, request_id: str) -> Response:
    """Turn a function's streamed answer into HTTP.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not of the shape that API Gateway demands.
    """
    end = answer.find(DELIMITER, 0, MAX_HEAD_BYTES + len(DELIMITER))
    if end < 0:
        raise ValueError("there is no delimiter")
    head = proxy_response({**json.loads(answer[:end]), "body": None}, request_id)
    return replace(head, body=answer[end + len(DELIMITER) :])


def _remapped(name: str) -> str:
    """Return a header's name as API Gateway passes it on: clients do not see a function's challenge.

    Source: AWS, API Gateway, "Important notes for REST APIs".
    """
    return f"x-amzn-Remapped-{name}" if name.lower() == "www-authenticate" else name


def _header_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _said(status: int, message: str, kind: str = "") -> Response:
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
    if kind:
        headers["x-amzn-ErrorType"] = kind
    return Response(status, json.dumps({"message": message}).encode(), headers)
