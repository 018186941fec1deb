"""SubmitRawMessage hands a message over, and says why it is refused."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from postroom.admin.submissions import ERRORS
from postroom.contracts.message_flow import S3Reference
from postroom.submission.submission import Protocols, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

MAIL = b"From: ann@example.com\r\nTo: carl@example.org\r\n\r\nHello\r\n"
RAW = base64.b64encode(MAIL).decode()


@pytest.fixture
def ann(enable: Callable[..., str]) -> str:
    return enable("ann")


def test_a_message_is_handed_over_with_its_caller(caller: Any, acme: str, ann: str) -> None:
    said = caller(
        "SubmitRawMessage",
        OrganizationId=acme,
        UserId="ann@example.com",
        RawMessage=RAW,
        Recipients=["carl@example.org"],
        OnBehalfOf="team@example.com",
        ClientToken="c",
    )
    assert said == {"MessageId": "<1@example.com>", "TraceId": "t-1"}
    [(found, reference)] = caller.context.submits.found
    assert (found.user_id, found.content, found.recipients, reference) == (ann, MAIL, ("carl@example.org",), None)
    assert (found.token, found.protocol, found.on_behalf_of) == ("API:c", Protocols.API, "team@example.com")
    assert (found.source_ip, found.user_agent) == ("192.0.2.9", "aws-cli/2")


def test_without_a_token_each_call_is_a_submission_of_its_own(caller: Any, acme: str, ann: str) -> None:
    for _ in range(2):
        caller("SubmitRawMessage", OrganizationId=acme, UserId=ann, RawMessage=RAW)
    first, second = (submission.token for submission, _ in caller.context.submits.found)
    assert first != second


def test_an_object_may_be_the_message(caller: Any, acme: str, ann: str) -> None:
    place = {"Bucket": "outbox", "Key": "1.eml", "ObjectVersion": "v"}
    caller("SubmitRawMessage", OrganizationId=acme, UserId=ann, S3Reference=place)
    [(found, reference)] = caller.context.submits.found
    assert (found.content, reference) == (b"", S3Reference("outbox", "1.eml", "v"))


@pytest.mark.parametrize("given", [{}, {"RawMessage": RAW, "S3Reference": {"Bucket": "outbox", "Key": "1"}}])
def test_a_message_is_given_once(caller: Any, acme: str, ann: str, given: dict[str, Any]) -> None:
    text = caller.refused("InvalidParameterException", "SubmitRawMessage", OrganizationId=acme, UserId=ann, **given)
    assert text == "Give either RawMessage or S3Reference."


def test_what_is_no_base64_or_too_large_is_refused(caller: Any, acme: str, ann: str) -> None:
    asked = {"OrganizationId": acme, "UserId": ann}
    caller.refused("SerializationException", "SubmitRawMessage", RawMessage="é", **asked)
    large = base64.b64encode(bytes(4 * 1024 * 1024 + 1)).decode()
    text = caller.refused("InvalidParameterException", "SubmitRawMessage", RawMessage=large, **asked)
    assert text == (
        "1 validation error detected: Value at 'rawMessage' failed to satisfy constraint: "
        "Member must have length less than or equal to 4194304"
    )


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_has_an_error_of_the_model(caller: Any, acme: str, ann: str, refusal: Refusal) -> None:
    caller.context.submits.refusal = refusal
    code = ERRORS[refusal].__name__ if refusal in ERRORS else "InvalidParameterException"
    asked = {"OrganizationId": acme, "UserId": ann, "RawMessage": RAW}
    assert caller.refused(code, "SubmitRawMessage", **asked) == "Because."
    caller.context.submits.text = "There is no bucket b."
    assert caller.refused(code, "SubmitRawMessage", **asked) == "There is no bucket b."


def test_unknown_users_and_other_kinds_cannot_send(caller: Any, acme: str, enable: Callable[..., str]) -> None:
    group = enable("team", kind="Group")
    for user in ("nobody", group):
        asked = {"OrganizationId": acme, "UserId": user, "RawMessage": RAW}
        caller.refused("EntityNotFoundException", "SubmitRawMessage", **asked)
    assert caller.context.submits.found == []


def test_the_trail_has_recipients_and_nothing_of_the_message(caller: Any, acme: str, ann: str) -> None:
    from postroom.contracts import api_trail
    from postroom.contracts.admin.models import secrets

    request = {"UserId": ann, "RawMessage": MAIL, "Recipients": ["carl@example.org"]}
    kept = api_trail.without(request, secrets.REQUESTS["SubmitRawMessage"])
    assert kept == {"userId": ann, "recipients": ["carl@example.org"]}
