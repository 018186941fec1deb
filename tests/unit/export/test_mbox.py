"""Messages in mboxrd files: other programs find as many, and our reader gives each byte back."""

from __future__ import annotations

import io
import mailbox
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.export.mbox import from_line, in_mbox, status_fields
from postroom.imports.dates import from_line_date
from postroom.imports.incoming import Incoming
from postroom.imports.mbox import Variant, read_mbox
from tests.support.builders import NOON
from tests.support.exporting import BODIES
from tests.support.importing import INBOX

if TYPE_CHECKING:
    from pathlib import Path

PIECES = st.sampled_from(
    [
        b"From ",
        b">From ",
        b">>From x\r\n",
        b"from ",
        b"From",
        b"\n",
        b"\r\n",
        b"\r",
        b"a: b\n",
        b">",
        b" ",
        b"\0",
        b"\xff",
    ]
)
CONTENTS = st.lists(PIECES, max_size=12).map(b"".join)


def read(content: bytes) -> list[Incoming]:
    found = read_mbox(io.BytesIO(content), INBOX, "x.mbox", Variant.MBOXRD)
    return [each for each in found if isinstance(each, Incoming)]


@given(st.lists(CONTENTS, min_size=1, max_size=5))
def test_messages_come_back_byte_for_byte_except_for_a_missing_last_line_feed(contents: list[bytes]) -> None:
    written = b"".join(in_mbox(content, NOON) for content in contents)
    ended = [content if not content or content.endswith(b"\n") else content + b"\n" for content in contents]
    assert [each.content for each in read(written)] == ended


def test_every_from_line_is_quoted_and_nothing_else() -> None:
    content = b"From me\n>From me\n>>From you\r\n From x\nFrom\nfrom ben\n> From a\nx From b\n"
    quoted = b">From me\n>>From me\n>>>From you\r\n From x\nFrom\nfrom ben\n> From a\nx From b\n"
    assert in_mbox(content, NOON) == from_line(NOON) + quoted + b"\n"


def test_python_reads_the_status_fields(tmp_path: Path) -> None:
    marks = {
        "read": True,
        "flags": ("\\Draft", "\\Flagged", "\\Answered", "\\Recent"),
        "keywords": ("Work", "two words"),
    }
    content = b"Subject: x\r\n\r\n"
    fields = status_fields(content, **marks)  # type: ignore[arg-type]
    assert fields == b"Status: RO\r\nX-Status: AFT\r\nX-Keywords: Work\r\n"
    assert status_fields(b"a: b\n\n", read=False, flags=(), keywords=()) == b"Status: O\n"
    (tmp_path / "x").write_bytes(in_mbox(fields + content, NOON))
    with closing(mailbox.mbox(tmp_path / "x")) as read_by_python:
        (message,) = read_by_python
    assert set(message.get_flags()) == set("ROAFT")


@pytest.mark.parametrize(
    ("received_ms", "line"),
    [
        (1_796_068_171_999, b"From MAILER-DAEMON Mon Nov 30 19:49:31 2026\n"),
        (0, b"From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n"),
        (-62_135_596_800_001, b"From MAILER-DAEMON Mon Jan  1 00:00:00 0001\n"),
        (1 << 62, b"From MAILER-DAEMON Fri Dec 31 23:59:59 9999\n"),
    ],
)
def test_a_from_line_has_the_time_of_receipt_in_utc(received_ms: int, line: bytes) -> None:
    assert from_line(received_ms) == line


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_date_comes_back_to_the_second(received_ms: int) -> None:
    assert from_line_date(from_line(received_ms)) == received_ms // 1000 * 1000


def test_python_finds_as_many_messages_and_their_dates(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"".join(in_mbox(body, NOON) for body in BODIES))
    with closing(mailbox.mbox(tmp_path / "x")) as read_by_python:
        dates = [message.get_from() for message in read_by_python]
    assert len(dates) == len(BODIES)
    assert set(dates) == {"MAILER-DAEMON Tue Nov 24 12:00:00 2026"}
