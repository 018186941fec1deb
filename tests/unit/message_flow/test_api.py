"""Requests and answers of the Message Flow API in API Gateway's form."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.message_flow import DELIMITER, PIECE_BYTES
from postroom.errors import StoreUnavailableError, UnreadableFactError
from postroom.message_flow import api

from .conftest import CALLER, ORIGINAL, System, changed

if TYPE_CHECKING:
    from collections.abc import Mapping


def answered(system: System, method: str, body: object = None, **event: Any) -> api.Answered:
    text = body if isinstance(body, str | None) else json.dumps(body)
    given = {
        "httpMethod": method,
        "pathParameters": {"messageId": system.message_id},
        "body": text,
        "requestContext": {"requestId": "gateway-1", "identity": {"userArn": CALLER.arn}},
        **event,
    }
    return api.answer(given, system.flow, request_id="own-1")


def sent(answer: api.Answered) -> tuple[int, Mapping[str, str], bytes]:
    """Read an answer as API Gateway does."""
    head, delimiter, body = b"".join(answer.answer.pieces()).partition(DELIMITER)
    assert delimiter
    read = json.loads(head)
    return read["statusCode"], read["headers"], body


def put(system: System, **reference: Any) -> tuple[int, str, str]:
    status, headers, body = sent(answered(system, "POST", {"content": {"s3Reference": reference}}))
    return status, headers.get("x-amzn-ErrorType", ""), json.loads(body).get("message", "")


def test_get_answers_with_the_bytes(system: System) -> None:
    status, headers, body = sent(answered(system, "GET"))
    assert (status, body) == (200, ORIGINAL)
    assert headers == {"Content-Type": "application/octet-stream", "x-amzn-RequestId": "gateway-1"}


def test_put_answers_with_nothing(system: System) -> None:
    system.bucket.objects["k"] = [changed("x")]
    assert put(system, bucket="mine", key="k") == (200, "", "")
    assert (
        sent(answered(system, "POST", {"content": {"s3Reference": {"bucket": "mine", "key": "k"}, "later": 1}}))[2]
        == b"{}"
    )
    assert system.get() == changed("x")


def test_a_version_may_be_named(system: System) -> None:
    system.bucket.objects["k"] = [changed("one"), changed("two")]
    assert put(system, bucket="mine", key="k", objectVersion="1")[0] == 200
    assert system.get() == changed("one")
    status, code, text = put(system, bucket="mine", key="k", objectVersion="3")
    assert (status, code) == (400, "InvalidContentLocation")
    assert "no such version" in text


def test_a_body_in_base64_is_read(system: System) -> None:
    system.bucket.objects["k"] = [changed("x")]
    body = base64.b64encode(b'{"content":{"s3Reference":{"bucket":"mine","key":"k"}}}').decode()
    assert answered(system, "POST", body, isBase64Encoded=True).code == ""


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ({"bucket": "my.bucket", "key": "k"}, "bucket:"),
        ({"bucket": "My-bucket", "key": "k"}, "bucket:"),
        ({"bucket": "-ab", "key": "k"}, "bucket:"),
        ({"bucket": "ab", "key": "k"}, "bucket:"),
        ({"bucket": "a" * 64, "key": "k"}, "bucket:"),
        ({"bucket": "mine\n", "key": "k"}, "bucket:"),
        ({"bucket": "", "key": "k"}, "bucket:"),
        ({"bucket": "mine", "key": "../inbound/1"}, "key:"),
        ({"bucket": "mine", "key": "a.eml"}, "key:"),
        ({"bucket": "mine", "key": "a_b"}, "key:"),
        ({"bucket": "mine-", "key": "k"}, "bucket:"),
        ({"bucket": "xn--mine", "key": "k"}, "bucket:"),
        ({"bucket": "mine", "key": ""}, "key:"),
        ({"bucket": "mine", "key": "k" * 1025}, "key:"),
        ({"bucket": "mine", "key": "k%2e"}, "key:"),
        ({"bucket": "mine", "key": "k\n"}, "key:"),
        ({"bucket": "mine", "key": "k", "objectVersion": ""}, "objectVersion:"),
        ({"bucket": "mine", "key": "k", "objectVersion": "v" * 1025}, "objectVersion:"),
        ({"bucket": "mine", "key": "k", "objectVersion": "\ud800"}, "objectVersion:"),
        ({"bucket": "mine", "key": "k", "objectVersion": "1\x1b[31m"}, "objectVersion:"),
        ({"bucket": "mine", "key": "k", "objectVersion": "ü"}, "objectVersion:"),
    ],
)
def test_a_location_that_the_model_does_not_allow_is_refused(
    system: System, reference: dict[str, str], says: str
) -> None:
    system.bucket.objects["k"] = [changed("x")]
    status, code, text = put(system, **reference)
    assert (status, code) == (400, "InvalidContentLocation")
    assert text.startswith(says)
    assert system.get() == ORIGINAL


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (None, "ValidationException"),
        ("", "ValidationException"),
        ("{}", "ValidationException"),
        ('{"content": null}', "ValidationException"),
        ('{"content": {}}', "ValidationException"),
        ('{"content": {"s3Reference": {"key": "k"}}}', "ValidationException"),
        ('{"content": {"s3Reference": {"bucket": "mine"}}}', "ValidationException"),
        ('{"content":', "SerializationException"),
        ("[]", "SerializationException"),
        ("null", "SerializationException"),
        ('{"content": []}', "SerializationException"),
        ('{"content": {"s3Reference": "mine"}}', "SerializationException"),
        ('{"content": {"s3Reference": {"bucket": 1, "key": "k"}}}', "SerializationException"),
        ('{"content": {"s3Reference": {"bucket": "mine", "key": NaN}}}', "SerializationException"),
        ("[" * 100_000, "SerializationException"),
        ('"\ud800"', "SerializationException"),
    ],
)
def test_a_body_that_is_none_is_said(system: System, body: str | None, code: str) -> None:
    answer = answered(system, "POST", body)
    status, headers, said = sent(answer)
    assert (status, headers["x-amzn-ErrorType"], answer.code) == (400, code, code)
    assert json.loads(said)["message"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("parameters", [None, {}, {"messageId": "nobody"}, {"messageId": "%2e%2e"}])
def test_no_message_is_404_with_the_modelled_error(system: System, method: str, parameters: object) -> None:
    body = {"content": {"s3Reference": {"bucket": "mine", "key": "k"}}}
    status, headers, _ = sent(answered(system, method, body, pathParameters=parameters))
    assert (status, headers["x-amzn-ErrorType"]) == (404, "ResourceNotFoundException")


def test_a_method_that_is_no_operation_is_said(system: System) -> None:
    assert answered(system, "DELETE").code == "UnknownOperationException"


def test_a_store_that_does_not_answer_is_503_so_that_clients_try_again(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise StoreUnavailableError("no answer")

    monkeypatch.setattr(type(system.ledger), "fact", silent)
    status, headers, body = sent(answered(system, "GET"))
    assert (status, headers["x-amzn-ErrorType"]) == (503, "ServiceUnavailable")
    assert "no answer" in json.loads(body)["message"]


def test_a_defect_is_no_answer(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise UnreadableFactError("a row")

    monkeypatch.setattr(type(system.ledger), "fact", broken)
    with pytest.raises(UnreadableFactError):
        answered(system, "GET")


def test_a_large_message_goes_out_in_pieces(system: System) -> None:
    content = ORIGINAL + b"x" * (3 * PIECE_BYTES)
    system.raw.store("inbound/1", content)
    pieces = list(answered(system, "GET").answer.pieces())
    assert max(map(len, pieces)) <= PIECE_BYTES
    assert b"".join(pieces).partition(DELIMITER)[2] == content
