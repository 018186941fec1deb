"""AWS JSON 1.1 as it goes over the wire."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

LIST = "WorkMailService.ListOrganizations"


def test_an_answer_has_its_type_and_request_id(post: Callable[..., Any]) -> None:
    status, body, headers = post("{}", LIST)
    assert (status, body) == (200, {"OrganizationSummaries": []})
    assert headers == {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": "r-1"}


def test_the_invocations_own_request_id_is_used(answer: Callable[..., Any]) -> None:
    assert answer({"headers": {"X-AMZ-TARGET": LIST}, "body": "{}"}, "own")["headers"]["x-amzn-RequestId"] == "own"


@pytest.mark.parametrize("target", [None, "", "ListOrganizations", "WorkMailService.", "WorkMailService.Nope", "X.Y"])
def test_targets_that_are_missing_or_unknown(post: Callable[..., Any], target: str | None) -> None:
    status, body, _ = post("{}", target)
    assert (status, body["__type"]) == (400, "UnknownOperationException")


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "NaN", '{"MaxResults": NaN}', "\ud800", "[" * 100_000])
def test_bodies_that_are_no_json_objects(post: Callable[..., Any], body: str) -> None:
    status, answer, _ = post(body, LIST)
    assert (status, answer["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize("body", ["", None, "  ", "{}", '{"Unknown": {"x": [1]}}'])
def test_bodies_that_ask_for_nothing_special(post: Callable[..., Any], body: str | None) -> None:
    assert post(body, LIST)[0] == 200


def test_base64_bodies(post: Callable[..., Any]) -> None:
    encoded = base64.b64encode(b'{"MaxResults": 0}').decode()
    status, answer, _ = post(encoded, LIST, isBase64Encoded=True)
    assert (status, answer["__type"]) == (400, "InvalidParameterException")
    assert post("ü", LIST, isBase64Encoded=True)[1]["__type"] == "SerializationException"
    status, answer, _ = post("*", LIST, isBase64Encoded=True)
    assert (status, answer["__type"]) == (400, "SerializationException")


def test_invalid_utf8_is_no_json(post: Callable[..., Any]) -> None:
    encoded = base64.b64encode(b'{"NextToken": "\xff"}').decode()
    assert post(encoded, LIST, isBase64Encoded=True)[1]["__type"] == "SerializationException"
