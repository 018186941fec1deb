"""Lambda authorizers of the local API: who is asked, what is kept, and what a client gets."""

from __future__ import annotations

import copy
import json
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from local.api.authorizers import GatewayResponses, authorizer_of
from local.api.routes import Api, Route, proxy_response, routes_of
from local.errors import TemplateError
from local.functions.function import Function
from local.functions.pool import Answer
from local.template.project import EventSource
from local.web import Request, Response
from tests.support.local_callers import ROOT_ONLY

FUNCTION = Function("f", "F", "app.handler", Path(), "python3.13")
ARN = "arn:aws:lambda:us-east-1:123456789012:function:guard"
API: dict[str, Any] = {
    "Auth": {
        "DefaultAuthorizer": "Guard",
        "Authorizers": {
            "Guard": {
                "FunctionPayloadType": "REQUEST",
                "FunctionArn": ARN,
                "Identity": {"Headers": ["Authorization"], "ReauthorizeEvery": 60},
            }
        },
    },
    "GatewayResponses": {
        "ACCESS_DENIED": {
            "StatusCode": "401",
            "ResponseParameters": {"Headers": {"WWW-Authenticate": "'Basic realm=\"EWS\"'"}},
        }
    },
}


class Pools:
    """Stands in for Invocations: a function, and the authorizer before it with its answer."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.called: list[tuple[str, dict[str, Any]]] = []

    def pool(self, name: str) -> Pools:
        self.name = name
        return self

    def invoke(self, event: bytes, *, streamed: bool = False) -> Answer:
        self.called.append((self.name, json.loads(event)))
        if self.name == "f":
            return Answer("id", b'{"statusCode": 200}')
        return self.answer if isinstance(self.answer, Answer) else Answer("id", json.dumps(self.answer).encode())

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.called]


def policy(effect: str = "Allow", resource: str = "arn:aws:execute-api:us-east-1:123456789012:local/local/*") -> Any:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {"principalId": "p", "policyDocument": {"Statement": [statement]}, "context": {"a": "1", "b": 2, "c": True}}


def request(authorization: str | None = "Basic eA==", path: str = "/x") -> Request:
    headers = Message()
    if authorization is not None:
        headers["authorization"] = authorization
    return Request("POST", path, headers, b"", "192.0.2.1")


def api(pools: Pools, properties: dict[str, Any] = API) -> Api:
    route = Route("ANY", "/{any}", FUNCTION, authorizer=authorizer_of(properties, {}))
    return Api([route], pools, ROOT_ONLY)  # type: ignore[arg-type]


def headers_of(response: Response) -> dict[str, str]:
    return {**response.headers, **dict(response.repeated)}


def test_the_function_gets_what_the_authorizer_says() -> None:
    pools = Pools(policy())
    assert api(pools).answer(request()).status == 200
    (_, asked), (_, event) = pools.called
    assert (asked["type"], asked["headers"]["authorization"]) == ("REQUEST", "Basic eA==")
    assert asked["methodArn"] == "arn:aws:execute-api:us-east-1:123456789012:local/local/POST/x"
    assert event["requestContext"]["authorizer"] == {
        "principalId": "p",
        "integrationLatency": 0,
        "a": "1",
        "b": "2",
        "c": "true",
    }
    signer = {name: event["requestContext"]["identity"][name] for name in ("userArn", "caller", "accessKey")}
    assert set(signer.values()) == {None}, "a route without signatures has no caller"


@pytest.mark.parametrize("authorization", [None, ""])
def test_without_the_header_nothing_is_called(authorization: str | None) -> None:
    pools = Pools(policy())
    response = api(pools).answer(request(authorization))
    assert (response.status, pools.called) == (401, [])
    assert headers_of(response)["x-amzn-ErrorType"] == "UnauthorizedException"


@pytest.mark.parametrize(
    "answer",
    [
        policy("Deny"),
        policy(resource="arn:aws:execute-api:us-east-1:123456789012:local/local/GET/*"),
        {"principalId": "p", "policyDocument": {"Statement": []}},
    ],
)
def test_who_is_not_allowed_gets_the_templates_response(answer: object) -> None:
    pools = Pools(answer)
    response = api(pools).answer(request())
    assert (response.status, headers_of(response)["WWW-Authenticate"]) == (401, 'Basic realm="EWS"')
    assert pools.names == ["guard"]


@pytest.mark.parametrize(
    "answer", [Answer("id", b"{}", "Unhandled"), None, {}, {"principalId": "p"}, Answer("id", b"x")]
)
def test_an_authorizer_that_fails_is_500(answer: object) -> None:
    pools = Pools(answer)
    assert api(pools).answer(request()).status == 500
    assert pools.names == ["guard"]


def test_an_answer_is_kept_per_header_for_every_path_and_for_its_time() -> None:
    pools, now = Pools(policy()), [0.0]
    made = api(pools)
    made._authorizers._monotonic = lambda: now[0]
    for path in ("/x", "/y"):
        made.answer(request(path=path))
    made.answer(request("Basic eQ=="))
    assert pools.names == ["guard", "f", "f", "guard", "f"]
    now[0] = 59.9
    made.answer(request())
    now[0] = 60.0
    made.answer(request())
    assert pools.names[5:] == ["f", "guard", "f"]


def test_a_denial_is_kept_and_a_failure_is_not() -> None:
    denying, failing = Pools(policy("Deny")), Pools(None)
    for pools in (denying, failing):
        made = api(pools)
        made.answer(request())
        made.answer(request())
    assert (denying.names, failing.names) == (["guard"], ["guard", "guard"])


def test_with_a_time_of_0_every_request_is_asked_about() -> None:
    pools, properties = Pools(policy()), copy.deepcopy(API)
    properties["Auth"]["Authorizers"]["Guard"]["Identity"]["ReauthorizeEvery"] = 0
    made = api(pools, properties)
    made._authorizers._monotonic = lambda: 0.0
    for _ in range(3):
        made.answer(request())
    assert pools.names == ["guard", "f"] * 3


def test_only_so_many_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.api.authorizers.MOST_KEPT", 2)
    pools = Pools(policy())
    made = api(pools)
    for password in ("1", "2", "3", "1"):
        made.answer(request(password))
    assert pools.names.count("guard") == 4


def test_routes_have_the_authorizers_of_their_apis() -> None:
    own_auth = {"Auth": {"Authorizer": "NONE"}}
    events = [
        EventSource(FUNCTION, "A", "Api", {"Method": "ANY", "Path": "/{any}", "RestApiId": "guarded"}),
        EventSource(FUNCTION, "B", "Api", {"Method": "POST", "Path": "/", "RestApiId": "open"}),
        EventSource(FUNCTION, "C", "Api", {**own_auth, "Method": "POST", "Path": "/c", "RestApiId": "guarded"}),
    ]  # fmt: skip
    guarded, opened, own = routes_of(events, {"guarded": API, "open": {"Auth": {"DefaultAuthorizer": "AWS_IAM"}}})
    assert guarded.authorizer is not None
    assert (guarded.authorizer.function_name, guarded.authorizer.keep_s) == ("guard", 60)
    assert (opened.authorizer, own.authorizer) == (None, None)


def test_an_authorizer_of_another_kind_is_refused() -> None:
    with pytest.raises(TemplateError, match="Guard is of a kind that is not executed here"):
        authorizer_of({"Auth": {"DefaultAuthorizer": "Guard", "Authorizers": {"Guard": {"UserPoolArn": "x"}}}}, {})


def test_the_gateways_own_responses_are_those_of_the_template() -> None:
    assert GatewayResponses().response("ACCESS_DENIED", 403, "No", "E").status == 403
    assert GatewayResponses(API["GatewayResponses"]).response("ACCESS_DENIED", 403, "No", "E").status == 401


@pytest.mark.parametrize("name", ["WWW-Authenticate", "www-authenticate"])
def test_a_functions_own_challenge_is_renamed(name: str) -> None:
    for answer in ({"headers": {name: "Basic"}}, {"multiValueHeaders": {name: ["Basic"]}}):
        headers = headers_of(proxy_response({"statusCode": 401, **answer}, "id"))
        assert headers[f"x-amzn-Remapped-{name}"] == "Basic"
        assert name not in headers


def test_a_route_with_fewer_parameters_comes_first() -> None:
    pools = Pools(policy())
    routes = [Route("ANY", "/{service}/{file}", FUNCTION), Route("ANY", "/messages/{id}", FUNCTION)]
    Api(routes, pools, ROOT_ONLY).answer(request(path="/messages/1"))  # type: ignore[arg-type]
    Api(routes, pools, ROOT_ONLY).answer(request(path="/other/1"))  # type: ignore[arg-type]
    assert [event["resource"] for _, event in pools.called] == ["/messages/{id}", "/{service}/{file}"]
