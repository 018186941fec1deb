"""Envelope recipients: given, or those of To, Cc and Bcc."""

from __future__ import annotations

import pytest

from postroom.errors import SubmissionRefusedError
from postroom.mime.headers import Headers
from postroom.submission.recipients import recipients_of
from postroom.submission.submission import Refusal

HEADERS = Headers.of(
    b"To: Carl <carl@example.org>, dora@EXAMPLE.org\r\nCc: friends: erik@example.org;\r\n"
    b"Bcc: CARL@example.org,\r\n fay@example.org\r\n\r\n"
)


def test_recipients_of_the_fields_are_each_named_once_in_order() -> None:
    found = recipients_of((), HEADERS)
    assert list(found) == ["carl@example.org", "dora@example.org", "erik@example.org", "fay@example.org"]


def test_given_recipients_are_the_only_ones() -> None:
    assert list(recipients_of(["G@Example.org", "g@example.ORG"], HEADERS)) == ["g@example.org"]


def test_a_domain_has_one_form() -> None:
    assert list(recipients_of(["a@bücher.example", "a@xn--bcher-kva.example"], HEADERS)) == ["a@xn--bcher-kva.example"]


def test_a_local_part_may_be_unicode() -> None:
    assert list(recipients_of(["jürgen@example.org"], HEADERS)) == ["jürgen@example.org"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nobody",
        "@example.org",
        "a@",
        "a@localhost",
        "a@[192.0.2.1]",
        "a@-x.example",
        "a@x..example",
        "Carl <carl@example.org>",
        "a b@example.org",
        "a@example.org\r\nRCPT TO:<b@example.org>",
        "a@exa mple.org",
        f"{'a' * 65}@example.org",
        f"{'ü' * 33}@example.org",
        f"a@{'x' * 64}.example",
        f"a@{'x.' * 127}example",
    ],
)
def test_what_mail_cannot_be_sent_to_is_refused(text: str) -> None:
    with pytest.raises(SubmissionRefusedError) as caught:
        recipients_of(["a@example.org", text], HEADERS)
    assert caught.value.reason is Refusal.INVALID_RECIPIENT
    assert text == "" or text not in str(caught.value)


@pytest.mark.parametrize("block", [b"From: a@x.test\r\n\r\n", b"To: undisclosed-recipients:;\r\n\r\n", b"To:\r\n\r\n"])
def test_a_message_without_recipients_is_refused(block: bytes) -> None:
    with pytest.raises(SubmissionRefusedError) as caught:
        recipients_of((), Headers.of(block))
    assert caught.value.reason is Refusal.NO_RECIPIENTS


@pytest.mark.parametrize(
    "value",
    [
        "carl, dora@example.org",
        "Carl <carl>, dora@example.org",
        "friends: carl@example.org, dora;",
        "carl@example.org dora@example.org",
        "Carl <carl@example.org",
        "carl@example.org\r\nTo: dora",
        f"{'x' * 170_000} <carl@example.org>",
    ],
)
def test_a_field_that_would_leave_a_recipient_out_is_refused(value: str) -> None:
    headers = Headers.of(f"Cc: erik@example.org\r\nTo: {value}\r\n\r\n".encode())
    with pytest.raises(SubmissionRefusedError) as caught:
        recipients_of((), headers)
    assert caught.value.reason is Refusal.INVALID_RECIPIENT
    assert list(recipients_of(["carl@example.org"], headers)) == ["carl@example.org"], "the envelope decides"


@pytest.mark.parametrize("in_fields", [False, True])
def test_five_hundred_recipients_are_allowed_and_no_more(in_fields: bool) -> None:
    def found(count: int) -> int:
        names = [f"u{number}@example.org" for number in range(count)]
        block = b"Bcc: " + ",\r\n ".join(names).encode() + b"\r\n\r\n"
        return len(recipients_of((), Headers.of(block)) if in_fields else recipients_of(names, HEADERS))

    assert found(500) == 500
    with pytest.raises(SubmissionRefusedError) as caught:
        found(501)
    assert caught.value.reason is Refusal.TOO_MANY_RECIPIENTS
