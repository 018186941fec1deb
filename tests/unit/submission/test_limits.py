"""Limits hold for what users send as for what they get."""

from __future__ import annotations

import pytest

from postroom.errors import SubmissionRefusedError
from postroom.mime.headers import Headers
from postroom.model.limits import MAX_ATTACHMENTS, MAX_HOPS, MAX_MESSAGE_BYTES, MB
from postroom.submission.limits import check_limits
from postroom.submission.submission import Refusal

HEAD = b"From: ann@acme.test\r\nTo: carl@example.org\r\n"
PART = b"\r\n--b\r\nContent-Disposition: attachment\r\n\r\n"


def refusal(content: bytes) -> Refusal | None:
    try:
        check_limits(content, Headers.of(content))
    except SubmissionRefusedError as error:
        return Refusal(error.reason)
    return None


@pytest.mark.parametrize(("more", "expected"), [(0, None), (1, Refusal.TOO_LARGE)])
def test_forty_megabytes_are_the_most(more: int, expected: Refusal | None) -> None:
    content = HEAD + b"\r\n" + bytes(MAX_MESSAGE_BYTES - len(HEAD) - 2 + more)
    assert refusal(content) is expected


def test_so_are_29_megabytes_of_data_before_encoding() -> None:
    head = HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n"
    assert refusal(head + b"A" * (29 * MB * 4 // 3)) is None
    assert refusal(head + b"A" * (29 * MB * 4 // 3 + 8)) is Refusal.TOO_LARGE


@pytest.mark.parametrize(("parts", "expected"), [(MAX_ATTACHMENTS, None), (501, Refusal.TOO_MANY_ATTACHMENTS)])
def test_five_hundred_attachments_are_the_most(parts: int, expected: Refusal | None) -> None:
    assert refusal(HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n" + PART * parts) is expected


@pytest.mark.parametrize(("hops", "expected"), [(MAX_HOPS, None), (MAX_HOPS + 1, Refusal.LOOP)])
def test_a_message_that_went_round_too_often_ends(hops: int, expected: Refusal | None) -> None:
    assert refusal(b"Received: from x\r\n" * hops + HEAD + b"\r\n") is expected
