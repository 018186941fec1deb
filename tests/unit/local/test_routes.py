from __future__ import annotations

import base64
import json
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from local.api.routes import DELIMITER, MAX_HEAD_BYTES, Api, Route
from local.functions.function import Function
from local.functions.pool import Answer
from local.web import Request, Response
from postroom.contracts.api_trail import user_identity
from tests.support.local_callers import ROOT_ONLY

FUNCTION = Function("f", "F", "app.handler", Path(), "python3.13")


class Pools:
    """Stands in for Invocations: one function that gives a fixed answer and keeps its event."""

    def __init__(self, answer: Answer) -> None:
        self.given = answer
        self.event: dict[str, Any] = {}
        self.streamed = False

    def pool(self, _name: str) -> Pools:
        return self

    def invoke(self, event: bytes, *, streamed: bool = False) -> Answer:
        self.event, self.streamed = json.loads(event), streamed
        return self.given


def request(method: str = "POST", target: str = "/", body: bytes = b"", **headers: str) -> Request:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return Request(method, target, message, body, "127.0.0.1")


def call(
    answer: object, asked: Request, *, path: str = "/", binary: frozenset[str] = frozenset()
) -> tuple[Response, Any]:
    payload = answer if isinstance(answer, Answer) else Answer("id", json.dumps(answer).encode())
    pools = Pools(payload)
    api = Api([Route("POST", path, FUNCTION)], pools, ROOT_ONLY, binary)  # type: ignore[arg-type]
    return api.answer(asked), pools.event


def test_the_event_is_a_rest_proxy_event() -> None:
    _, event = call({"statusCode": 200}, request(target="/?a=1&a=2&b=", body=b"h\xc3\xa9", X_Amz_Target="T"))
    assert event["resource"] == event["path"] == "/"
    assert event["headers"]["X-Amz-Target"] == "T"
    assert event["queryStringParameters"] == {"a": "2", "b": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [""]}
    assert (event["body"], event["isBase64Encoded"]) == ("hé", False)


def test_a_signed_caller_is_the_accounts_root() -> None:
    _, event = call({"statusCode": 200}, request(User_Agent="aws-cli/2"))
    identity = event["requestContext"]["identity"]
    assert user_identity(identity, "", "0")["type"] == "Root"
    assert (identity["sourceIp"], identity["userAgent"]) == ("127.0.0.1", "aws-cli/2")


def test_a_binary_media_type_reaches_the_function_in_base64() -> None:
    asked = request(body=b"\xff\x00", Content_Type="application/octet-stream; x=y")
    _, event = call({"statusCode": 200}, asked, binary=frozenset({"application/octet-stream"}))
    assert event["isBase64Encoded"]
    assert base64.b64decode(event["body"]) == b"\xff\x00"


def test_path_parameters_are_decoded() -> None:
    _, event = call({"statusCode": 200}, request(target="/users/a%40b/x/y"), path="/users/{id}/{rest+}")
    assert event["pathParameters"] == {"id": "a@b", "rest": "x/y"}


def test_the_answer_is_the_functions() -> None:
    shaped = {
        "statusCode": 400,
        "body": base64.b64encode(b"\xff").decode(),
        "isBase64Encoded": True,
        "headers": {"content-type": "x/y"},
        "multiValueHeaders": {"Set-Cookie": ["a", "b"]},
    }
    response, _ = call(shaped, request())
    assert (response.status, response.body) == (400, b"\xff")
    assert ("content-type", "x/y") in response.repeated
    assert [value for name, value in response.repeated if name == "Set-Cookie"] == ["a", "b"]
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "x"},
        "text",
        None,
        {"statusCode": 200, "body": {"not": "a string"}},
        {"statusCode": "x"},
        Answer("id", b"{}", "Unhandled"),
    ],
)
def test_a_malformed_answer_is_502(answer: object) -> None:
    response, _ = call(answer, request())
    assert (response.status, json.loads(response.body)) == (502, {"message": "Internal server error"})


@pytest.mark.parametrize("asked", [request("GET"), request(target="/nowhere")])
def test_an_unknown_route_is_403_as_in_api_gateway(asked: Request) -> None:
    response, _ = call({"statusCode": 200}, asked)
    assert (response.status, json.loads(response.body)) == (403, {"message": "Missing Authentication Token"})


@pytest.mark.parametrize("size", [7 * 2**20, 11 * 2**20])
def test_a_body_above_the_limits_is_413(size: int) -> None:
    response, event = call({"statusCode": 200}, request(body=b"x" * size))
    assert response.status == 413
    assert event == {}


def stream(payload: bytes, *, error: str = "") -> Response:
    pools = Pools(Answer("id", payload, error))
    response = Api([Route("GET", "/m/{id}", FUNCTION, streamed=True)], pools, ROOT_ONLY).answer(request("GET", "/m/1"))  # type: ignore[arg-type]
    assert pools.streamed
    return response


@pytest.mark.parametrize("body", [b"", b"{}", bytes(64), b"\xff" * (7 << 20)])
def test_a_streamed_answer_is_its_head_and_whatever_follows(body: bytes) -> None:
    head = json.dumps({"statusCode": 404, "headers": {"x-amzn-ErrorType": "E"}}).encode()
    response = stream(head + DELIMITER + body)
    assert (response.status, response.body) == (404, body)
    assert ("x-amzn-ErrorType", "E") in response.repeated


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b'{"statusCode": 200}',
        b"no head" + DELIMITER,
        b"{}" + DELIMITER,
        b'{"statusCode": 200, "x": "' + b"x" * MAX_HEAD_BYTES + b'"}' + DELIMITER,
    ],
)
def test_a_streamed_answer_without_a_head_is_502(payload: bytes) -> None:
    assert stream(payload).status == 502
    assert stream(b'{"statusCode": 200}' + DELIMITER, error="Unhandled").status == 502
