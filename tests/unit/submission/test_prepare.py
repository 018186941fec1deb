"""What is added to a message and what does not leave with it; every other byte stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import SubmissionRefusedError
from postroom.mime.headers import Headers
from postroom.submission.prepare import MAX_BLOCK_BYTES, check_block, completed, without_bcc, without_fields
from postroom.submission.submission import Refusal
from tests.support.builders import NOON

if TYPE_CHECKING:
    from collections.abc import Sequence

DATE = b"Date: Tue, 24 Nov 2026 12:00:00 +0000"
WHOLE = b"From: ann@acme.test\r\nMessage-ID: <1@acme.test>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\nHello\r\n"


def complete(content: bytes, sender: str | None = None) -> bytes:
    return completed(content, Headers.of(content), message_id="<new@acme.test>", now=NOON, sender=sender)


def test_a_complete_message_stays_the_same_object() -> None:
    assert complete(WHOLE) is WHOLE
    assert without_bcc(WHOLE) is WHOLE


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_fields_that_are_missing_come_first_with_the_messages_own_line_ends(end: bytes) -> None:
    content = end.join([b"From: ann@acme.test", b"Subject: x", b"", b"body", b""])
    added = b"Message-ID: <new@acme.test>" + end + DATE + end
    assert complete(content) == added + content


@pytest.mark.parametrize("value", [b"", b" \t", b"\r\n \r\n\t"])
@pytest.mark.parametrize(
    ("field", "added"),
    [(b"Message-ID: <1@acme.test>", b"Message-ID: <new@acme.test>"), (b"Date: Mon, 1 Jan 2024 00:00:00 +0000", DATE)],
)
def test_an_empty_field_is_replaced(field: bytes, added: bytes, value: bytes) -> None:
    """RFC 5322, 3.6.1 and 3.6.4 have no empty Date and no empty Message-ID."""
    content = WHOLE.replace(field, field.partition(b":")[0].upper() + b":" + value)
    check_block(content)
    assert complete(content) == added + b"\r\n" + WHOLE.replace(field + b"\r\n", b"")


def test_an_empty_field_is_cut_beside_one_that_has_a_value() -> None:
    assert complete(b"Message-ID:\r\nDate:\r\n" + WHOLE) == WHOLE


def test_an_empty_field_at_the_end_is_replaced() -> None:
    content = b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nFrom: ann@acme.test\r\n"
    assert complete(content + b"Message-ID:") == b"Message-ID: <new@acme.test>\r\n" + content


@pytest.mark.parametrize("field", [b"Date: yesterday", b"Message-ID: 1", b"Message-ID: =?utf-8?q??="])
def test_a_field_that_cannot_be_read_stays(field: bytes) -> None:
    name = field.partition(b":")[0]
    content = b"".join(field + b"\r\n" if line.startswith(name) else line for line in WHOLE.splitlines(keepends=True))
    assert complete(content) is content


def test_a_message_without_a_body_or_an_empty_line_is_completed() -> None:
    assert complete(b"From: ann@acme.test") == b"Message-ID: <new@acme.test>\n" + DATE + b"\nFrom: ann@acme.test"


def test_sender_is_set_removed_or_left() -> None:
    content = WHOLE.replace(b"\r\n\r\n", b"\r\nSENDER: evil@example.org,\r\n more\r\nSender: b@x.test\r\n\r\n")
    assert complete(content) == content
    assert complete(content, "") == WHOLE
    assert complete(content, "ann@acme.test") == b"Sender: ann@acme.test\r\n" + WHOLE


@pytest.mark.parametrize(
    "field",
    [
        b"Bcc: dora@example.org\r\n",
        b"BCC:\r\n dora@example.org,\r\n\tcarl@example.org\r\n",
        b"bcc:\n",
        b"Resent-Bcc: dora@example.org\r\nbcc: x@example.org\r\n",
    ],
)
@pytest.mark.parametrize("at", [0, 21, 50])
def test_no_blind_recipient_leaves(field: bytes, at: int) -> None:
    at = WHOLE.index(b"\n", at) + 1 if at else 0
    content = WHOLE[:at] + field + WHOLE[at:]
    check_block(content)
    assert without_bcc(content) == WHOLE


def test_a_last_field_without_a_line_end_is_cut() -> None:
    assert without_bcc(b"From: ann@acme.test\r\nBcc: dora@example.org") == b"From: ann@acme.test\r\n"


def test_text_that_only_looks_like_the_field_stays() -> None:
    content = (
        b"Subject: a\r\n bcc: folded\r\nX-Bcc: x\r\nNot-bcc: y\r\nDKIM-Signature: v=1; h=from:to:\r\n bcc:subject\r\n"
        b"\r\nBcc: in the body\r\n\r\nBcc: again\r\n"
    )
    check_block(content)
    assert without_bcc(content) == content


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"From: a@x.test\rBcc: d@x.test\r\n\r\nbody", "line 1 "),  # a CR alone ends a line for some
        (b"From: a@x.test\r\nno field\r\nBcc: d@x.test\r\n\r\nbody", "line 2 "),  # some end the block here
        (b"From: a@x.test\r\nBcc : d@x.test\r\n\r\nbody", "line 2 "),  # the obsolete form
        (b"\xef\xbb\xbfBcc: d@x.test\r\n\r\nbody", "line 1 "),
        (b" Bcc: d@x.test\r\n\r\nbody", "line 1 "),
        (b"From: a@x.test\0\r\n\r\nbody", "line 1 "),
        (b"From ann@acme.test Tue Nov 24 2026\r\nFrom: a@x.test\r\n\r\nbody", "line 1 "),  # mbox
        (b"Cc: y@x.test\r\n" * 10_002 + b"\r\n", "too many"),  # more than are read
    ],
)
def test_fields_that_clients_read_differently_are_refused(content: bytes, fault: str) -> None:
    with pytest.raises(SubmissionRefusedError) as caught:
        check_block(content)
    assert caught.value.reason is Refusal.MALFORMED
    assert fault in str(caught.value)


@pytest.mark.parametrize("field", [b"X:\r\n", b"Resent-Bcc: a@x.test\r\n", b"X: y\r\n z\r\n"])
@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_a_header_of_more_than_1_mb_is_refused(field: bytes, end: bytes) -> None:
    """A million fields fit into a message; a note about each takes more memory than a function has."""
    most = b"From: a@x.test\r\n" + field * ((MAX_BLOCK_BYTES - 18) // len(field))
    check_block(most + end)
    with pytest.raises(SubmissionRefusedError, match="header larger than 1 MB"):
        check_block(most + 2 * field + end)


NAMES = st.sampled_from([b"Bcc", b"bCC", b"Resent-Bcc", b"To", b"X-Bcc", b"Bcc-X", b"Subject"])
VALUES = st.lists(st.from_regex(rb"[ -~\x80-\xff]{0,20}", fullmatch=True), min_size=1, max_size=3)
BLIND = {b"bcc", b"resent-bcc"}


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), st.sampled_from([b"\r\n", b"\n"]), st.binary(max_size=40))
def test_exactly_the_blind_fields_are_cut(fields: Sequence[tuple[bytes, list[bytes]]], end: bytes, body: bytes) -> None:
    def message(kept: Sequence[tuple[bytes, list[bytes]]]) -> bytes:
        block = [b"From: ann@acme.test", *(name + b":" + (end + b" ").join(lines) for name, lines in kept)]
        return end.join([*block, b"", body])

    content = message(fields)
    check_block(content)
    left = without_bcc(content)
    assert left == message([(name, lines) for name, lines in fields if name.lower() not in BLIND])
    assert without_fields(left, ("bcc", "resent-bcc")) is left
