from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from local.mail.ses_notification import (
    MAX_NOTIFICATION_BYTES,
    MAX_READ_BYTES,
    VERDICT_HEADER,
    Verdicts,
    addr_spec,
    header_fields,
    mailboxes,
    notification,
    parse_verdicts,
    take_verdicts,
)

FIELD = b"X-Local-SES-Verdicts: spam=FAIL"


def read(content: bytes, verdicts: Verdicts | None = None, recipients: tuple[str, ...] = ("b@example.com",)) -> Any:
    return json.loads(
        notification(
            message_id="m",
            source="a@example.org",
            recipients=recipients,
            content=content,
            verdicts=verdicts or Verdicts(),
            action={"type": "S3"},
            received=datetime(2026, 11, 23, 12, 0, 0, 5000, UTC),
            took_ms=7,
        )
    )


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([FIELD, b"From: a"], [b"From: a"]),
        ([b"From: a", FIELD], [b"From: a"]),
        ([b"From: a", FIELD, b"To: b"], [b"From: a", b"To: b"]),
        ([b"From: a", FIELD + b";", b" virus=PASS", b"To: b", b" folded"], [b"From: a", b"To: b", b" folded"]),
    ],
)
def test_the_verdict_field_goes_and_every_other_byte_stays(end: bytes, before: list[bytes], after: list[bytes]) -> None:
    body = b"\xff bare\nlf\r\r\n.\n" + FIELD + end
    content, verdicts = take_verdicts(end.join([*before, b"", body]))
    assert content == end.join([*after, b"", body])
    assert verdicts.statuses["spam"] == "FAIL"


def test_a_message_of_the_field_alone_keeps_its_empty_header() -> None:
    assert take_verdicts(FIELD + b"\r\n\r\nbody")[0] == b"\r\nbody"


def test_the_field_in_the_body_of_a_message_without_header_is_text() -> None:
    content = b"\r\n" + FIELD + b"\r\n\r\n"
    assert take_verdicts(content) == (content, Verdicts())


@given(st.binary(max_size=200))
def test_a_message_without_the_field_is_never_changed(content: bytes) -> None:
    assume(VERDICT_HEADER not in content.lower())  # hypothesis reads constants of the module, and finds it
    assert take_verdicts(content)[0] == content


def test_verdicts_are_read_and_the_policy_travels_in_lower_case() -> None:
    verdicts = parse_verdicts("spam=gray; dmarc=FAIL; dmarcPolicy=REJECT")
    receipt = read(b"Subject: s\r\n\r\n", verdicts)["receipt"]
    assert receipt["spamVerdict"] == {"status": "GRAY"}
    assert receipt["virusVerdict"] == {"status": "PASS"}
    assert receipt["dmarcPolicy"] == "reject"


def test_without_a_policy_there_is_no_such_member() -> None:
    assert "dmarcPolicy" not in read(b"\r\n")["receipt"]


@pytest.mark.parametrize("text", ["spam=BAD", "taste=FAIL", "dmarcPolicy=MAYBE", "spam"])
def test_a_verdict_that_ses_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="verdict"):
        parse_verdicts(text)


def test_members_are_those_of_ses() -> None:
    content = (
        b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nTo: a@x.test,\r\n b@x.test\r\nSubject: h\xc3\xa9\r\n\r\n"
    )
    message = read(content)
    assert message["notificationType"] == "Received"
    assert message["mail"]["destination"] == ["a@x.test", "b@x.test"]
    assert message["mail"]["commonHeaders"] == {
        "returnPath": "a@example.org",
        "from": ["Jürgen <j@example.org>"],
        "to": ["a@x.test", "b@x.test"],
        "subject": "hé",
    }
    assert message["mail"]["timestamp"] == "2026-11-23T12:00:00.005Z"
    assert message["receipt"]["recipients"] == ["b@example.com"]


def test_headers_above_10_kb_are_truncated_and_say_so() -> None:
    mail = read(b"".join(b"X-%d: %s\r\n" % (n, b"x" * 500) for n in range(40)) + b"\r\n")["mail"]
    assert mail["headersTruncated"] is True
    assert 10 < len(mail["headers"]) < 40


def test_a_header_of_its_own_size_still_fits_a_notification() -> None:
    content = b"To: " + b", ".join(b"user%d@example.com" % n for n in range(20_000)) + b"\r\n\r\n"
    recipients = tuple(f"r{n}@example.com" for n in range(500))
    message = read(content, recipients=recipients)
    assert len(json.dumps(message)) <= MAX_NOTIFICATION_BYTES
    assert message["receipt"]["recipients"] == list(recipients)


def test_a_line_that_is_no_field_ends_no_header() -> None:
    block = b">From x\r\nFrom : a\r\n folded\r\n\r\r\nno field\r\nX\xe9: b\nSubject:c\r\r\n"
    assert header_fields(block) == [("From", "a folded"), ("X\ufffd", "b"), ("Subject", "c")]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a@x.test, B <b@x.test>", ["a@x.test", "b@x.test"]),
        ('"B, C" <b@x.test>,, c@x.test', ["b@x.test", "c@x.test"]),
        ('"B \\" , C" <b@x.test>', ["b@x.test"]),
        ("(one, (two) three) a@x.test (four)", ["a@x.test"]),
        ("team: a@x.test, b@x.test; c@x.test", ["a@x.test", "b@x.test", "c@x.test"]),
        ("<a@x.test, b@x.test", ["<a@x.test", "b@x.test"]),
        ('"unclosed <a@x.test>, b@x.test', ["a@x.test", "b@x.test"]),
        ("=?utf-8?q?B=2C_C?= <b@x.test>", ["b@x.test"]),
        ("grüße@bücher.example", ["grüße@bücher.example"]),
        (" , ;", []),
    ],
)
def test_address_lists_are_cut_where_addresses_end(value: str, found: list[str]) -> None:
    assert [addr_spec(each) for each in mailboxes(value)] == found


@pytest.mark.parametrize("value", ["(" * 100_000, "=?x?q?" * 40_000, '"' * 100_001, "<(" * 50_000, "a@b.c," * 40_000])
@pytest.mark.timeout(10)
def test_a_long_field_costs_little(value: str) -> None:
    mail = read(f"To: {value}\r\nSubject: s\r\n\r\n".encode())["mail"]
    assert mail["headersTruncated"] is True


def test_fields_beyond_the_limit_are_not_read_and_the_notification_says_so() -> None:
    mail = read(b"X: " + b"x" * MAX_READ_BYTES + b"\r\nSubject: s\r\n\r\n")["mail"]
    assert mail["commonHeaders"] == {"returnPath": "a@example.org"}
    assert mail["headersTruncated"] is True


@given(st.binary(max_size=300))
def test_no_message_breaks_the_notification(content: bytes) -> None:
    assert read(content)["receipt"]["recipients"] == ["b@example.com"]
