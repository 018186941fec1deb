"""Lambda authorizers of a REST API, kind REQUEST, and the gateway's own responses.

As API Gateway has it: a request without one of the headers that the authorizer reads is 401 and calls no function;
an answer is kept per values of these headers, for every path of the API. A time of 0 keeps none.
Source: AWS, API Gateway, "Use API Gateway Lambda authorizers" and "Gateway responses for REST APIs"; AWS SAM,
"ApiAuth" and "LambdaRequestAuthorizer".
"""

from __future__ import annotations

import fnmatch
import json
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from local.errors import TemplateError
from local.functions.pool import ThrottledError
from local.settings import ACCOUNT, REGION
from local.web import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.functions.invocations import Invocations

MOST_KEPT: Final = 1000
"""Ours: answers that are kept at once."""

_DEFAULT_TTL_S: Final = 300
"""Source: AWS SAM, "LambdaRequestAuthorizationIdentity", ReauthorizeEvery."""

_DENIED: Final = "User is not authorized to access this resource"


@dataclass(frozen=True)
class GatewayResponses:
    """What a template says about the gateway's own responses: `Properties.GatewayResponses` of an API."""

    given: Mapping[str, Any] = field(default_factory=dict)

    def response(self, kind: str, status: int, message: str, error_type: str) -> Response:
        """Return a response of a kind: the template's status and headers, or the gateway's."""
        own: Mapping[str, Any] = self.given.get(kind) or {}
        given = (own.get("ResponseParameters") or {}).get("Headers") or {}
        headers = {name: str(value).strip("'") for name, value in given.items()}  # a static value stands in quotes
        body = json.dumps({"message": message}).encode()
        ours = {"Content-Type": "application/json", "x-amzn-ErrorType": error_type}
        return Response(int(own.get("StatusCode", status)), body, ours | headers)


@dataclass(frozen=True)
class Authorizer:
    """One authorizer of an API; `headers` are those that it reads, `keep_s` how long an answer is kept, in seconds."""

    function_name: str
    headers: tuple[str, ...]
    keep_s: float
    responses: GatewayResponses


class Authorizers:
    """Asks authorizers, and keeps their answers."""

    def __init__(self, invocations: Invocations, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Keep what runs functions, and the clock in seconds."""
        self._invocations = invocations
        self._monotonic = monotonic
        self._kept: OrderedDict[tuple[str, ...], tuple[float, dict[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def authorized(self, authorizer: Authorizer, event: Mapping[str, Any]) -> dict[str, Any] | Response:
        """Return what the function gets as `requestContext.authorizer`, or the response to a request that is refused.

        Args:
            authorizer: of the route.
            event: the proxy event that the route's function would get.
        """
        sent = {name.lower(): value for name, value in event["headers"].items()}
        identity = [sent.get(name.lower()) or "" for name in authorizer.headers]
        if not all(identity):
            return authorizer.responses.response("UNAUTHORIZED", 401, "Unauthorized", "UnauthorizedException")
        answer = self._answer(authorizer, (authorizer.function_name, *identity), event)
        if answer is None:
            return authorizer.responses.response("AUTHORIZER_FAILURE", 500, "", "AuthorizerConfigurationException")
        if not _allows(answer["policyDocument"], method_arn(event)):
            return authorizer.responses.response("ACCESS_DENIED", 403, _DENIED, "AccessDeniedException")
        context = {name: _text(value) for name, value in (answer.get("context") or {}).items()}
        return {"principalId": str(answer["principalId"]), "integrationLatency": 0, **context}

    def _answer(self, authorizer: Authorizer, key: tuple[str, ...], event: Mapping[str, Any]) -> dict[str, Any] | None:
        with self._lock:
            kept = self._kept.get(key)
        if kept and self._monotonic() < kept[0]:
            return kept[1]
        asked = {**{name: event[name] for name in _PASSED_ON}, "type": "REQUEST", "methodArn": method_arn(event)}
        try:
            said = self._invocations.pool(authorizer.function_name).invoke(json.dumps(asked).encode())
            answer = None if said.error else json.loads(said.payload)
        except (ThrottledError, ValueError):
            answer = None
        if not isinstance(answer, dict) or not {"principalId", "policyDocument"} <= answer.keys():
            return None
        if not authorizer.keep_s:
            return answer
        with self._lock:
            self._kept[key] = (self._monotonic() + authorizer.keep_s, answer)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return answer


_PASSED_ON: Final = (
    "resource",
    "path",
    "httpMethod",
    "headers",
    "multiValueHeaders",
    "queryStringParameters",
    "multiValueQueryStringParameters",
    "pathParameters",
    "stageVariables",
    "requestContext",
)


def method_arn(event: Mapping[str, Any]) -> str:
    """Return the ARN of the method that a request calls."""
    context = event["requestContext"]
    api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{context['apiId']}/{context['stage']}"
    return f"{api}/{event['httpMethod']}{event['path']}"


def _allows(policy: Mapping[str, Any], arn: str) -> bool:
    effects = set()
    for statement in policy.get("Statement", ()):
        resources = statement.get("Resource", ())
        patterns = [resources] if isinstance(resources, str) else resources
        if any(fnmatch.fnmatchcase(arn, pattern) for pattern in patterns):
            effects.add(statement.get("Effect"))
    return effects == {"Allow"}


def _text(value: object) -> object:
    """Return a value of the context as API Gateway passes it on: numbers and truth values become text."""
    return json.dumps(value) if isinstance(value, bool | int | float) else value


def authorizer_of(api: Mapping[str, Any], event: Mapping[str, Any]) -> Authorizer | None:
    """Return the authorizer of a function's Api event; None if IAM decides, or every caller is let in.

    Args:
        api: properties of the event's API.
        event: properties of the event.

    Raises:
        TemplateError: the authorizer is of a kind that is not executed here.
    """
    auth = api.get("Auth") or {}
    name = (event.get("Auth") or {}).get("Authorizer") or auth.get("DefaultAuthorizer")
    if name in (None, "AWS_IAM", "NONE"):
        return None
    own = (auth.get("Authorizers") or {}).get(name) or {}
    if own.get("FunctionPayloadType") != "REQUEST" or "FunctionArn" not in own:
        raise TemplateError(f"the authorizer {name} is of a kind that is not executed here")
    identity = own.get("Identity") or {}
    return Authorizer(
        str(own["FunctionArn"]).split(":")[6],
        tuple(identity.get("Headers") or ()),
        float(identity.get("ReauthorizeEvery", _DEFAULT_TTL_S)),
        GatewayResponses(api.get("GatewayResponses") or {}),
    )
