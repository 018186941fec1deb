"""Envelope recipients: given, or those of To, Cc and Bcc."""

from __future__ import annotations

import pytest

from postroom.errors import SubmissionRefusedError
from postroom.mime.headers import Headers
from postroom.model.addresses import Address
from postroom.submission.recipients import named, recipients_of
from postroom.submission.submission import Refusal

HEADERS = Headers.of(
    b"To: Carl <carl@example.org>, dora@EXAMPLE.org\r\nCc: friends: erik@example.org;\r\n"
    b"Bcc: CARL@example.org,\r\n fay@example.org\r\n\r\n"
)


INSIDE = frozenset({"acme.test"})


def names(*given: str, headers: Headers = HEADERS) -> list[str]:
    return list(named(recipients_of(given, headers), INSIDE))


def test_recipients_of_the_fields_are_each_named_once_in_order() -> None:
    found = ["carl@example.org", "dora@example.org", "erik@example.org", "CARL@example.org", "fay@example.org"]
    assert names() == found


def test_given_recipients_are_the_only_ones() -> None:
    assert names("g@Example.org", "g@example.ORG") == ["g@example.org"]


def test_outside_a_local_part_stays_as_it_was_written_and_case_counts() -> None:
    """RFC 5321, 2.4: another server may tell Jo@ from jo@."""
    written = ["Jo.Bloggs@Example.org", "jo.bloggs@example.org", "Jo.Bloggs@example.org", '"Jo.Bloggs"@example.org']
    found = named(recipients_of(written, HEADERS), INSIDE)
    assert list(found) == ["Jo.Bloggs@example.org", "jo.bloggs@example.org"]
    assert set(found.values()) == {Address("jo.bloggs", "example.org")}, "rules match it in any case"


def test_inside_case_does_not_count() -> None:
    assert names("Ann@Acme.test", "ann@acme.test", "ANN@example.org") == ["ann@acme.test", "ANN@example.org"]


def test_a_field_of_one_recipient_in_both_ways_has_two_outside_and_one_inside() -> None:
    headers = Headers.of(b'To: "Jo" <Jo@example.org>, Ann <ANN@acme.test>\r\nCc: jo@example.org,ann@acme.test\r\n\r\n')
    assert names(headers=headers) == ["Jo@example.org", "ann@acme.test", "jo@example.org"]


def test_a_domain_has_one_form() -> None:
    assert names("a@bücher.example", "a@xn--bcher-kva.example") == ["a@xn--bcher-kva.example"]


def test_a_local_part_may_be_unicode() -> None:
    assert names("Jürgen@example.org") == ["Jürgen@example.org"]


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
    assert str(caught.value) == "recipient 2 is no address that mail can be sent to"


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
        f"dora@example.org, {'x' * 400}@example.org",
    ],
)
def test_a_field_that_would_leave_a_recipient_out_is_refused(value: str) -> None:
    headers = Headers.of(f"Cc: erik@example.org\r\nTo: {value}\r\n\r\n".encode())
    with pytest.raises(SubmissionRefusedError) as caught:
        recipients_of((), headers)
    assert caught.value.reason is Refusal.INVALID_RECIPIENT
    assert names("carl@example.org", headers=headers) == ["carl@example.org"], "the envelope decides"


@pytest.mark.parametrize("in_fields", [False, True])
def test_five_hundred_recipients_are_allowed_and_no_more(in_fields: bool) -> None:
    def found(count: int, *more: str) -> int:
        written = [*(f"u{number}@example.org" for number in range(count)), *more]
        block = b"Bcc: " + ",\r\n ".join(written).encode() + b"\r\n\r\n"
        return len(names(headers=Headers.of(block)) if in_fields else names(*written))

    assert found(500) == 500
    assert found(499, *["Ann@acme.test", "ann@acme.test"] * 300) == 500, "inside, both are one"
    for one_more in ("new@example.org", "U0@example.org"):
        with pytest.raises(SubmissionRefusedError) as caught:
            found(500, one_more)
        assert caught.value.reason is Refusal.TOO_MANY_RECIPIENTS


def test_no_recipient_of_a_field_is_left_out_however_often_others_are_named() -> None:
    block = b"To: " + b"carl@example.org,\r\n " * 600 + b"dora@example.org\r\n\r\n"
    assert names(headers=Headers.of(block)) == ["carl@example.org", "dora@example.org"]
