"""Mbox files by their variant: what was quoted comes back as it was, and nothing is guessed that is not certain."""

from __future__ import annotations

import io
import mailbox
import re
from contextlib import closing
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import InvalidArchiveError
from postroom.imports.incoming import Incoming, IncomingFolder, Place, Skipped
from postroom.imports.mbox import Variant, read_mbox
from postroom.model.folders import Folder
from postroom.model.limits import MAX_STORED_BYTES
from tests.support.mbox_files import FROM_LINE, LINES, mboxcl2, mboxo, mboxrd

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PLACE = Place(Folder.INBOX)
HEAD = b"Subject: x\n\n"
QUOTING = HEAD + b"From me\n>From you\n>>From all\n> From\nFrom: none\n"


def read(content: bytes, variant: Variant | None = None) -> list[Incoming]:
    first, *found = read_mbox(io.BytesIO(content), PLACE, "x.mbox", variant)
    assert first == IncomingFolder(PLACE)
    return [each for each in found if isinstance(each, Incoming)]


def contents(content: bytes, variant: Variant | None = None) -> list[bytes]:
    return [each.content for each in read(content, variant)]


CONTENTS = st.lists(st.lists(st.sampled_from(LINES), max_size=8).map(b"".join), max_size=5)


@given(CONTENTS)
def test_mboxrd_gives_every_byte_back(messages: Sequence[bytes]) -> None:
    assert contents(mboxrd(messages), Variant.MBOXRD) == [ended(each) for each in messages]


@given(CONTENTS)
def test_mboxcl2_gives_every_byte_back(messages: Sequence[bytes]) -> None:
    found = contents(mboxcl2(messages), Variant.MBOXCL2)
    assert [re.sub(rb"Content-Length: \d+\n", b"", each, count=1) for each in found] == [
        HEAD + each for each in messages
    ]


@given(CONTENTS)
def test_mboxo_gives_back_all_but_lines_that_were_quoted_before(messages: Sequence[bytes]) -> None:
    expected = [re.sub(rb"(?m)^>From ", b"From ", ended(each)) for each in messages]
    assert contents(mboxo(messages), Variant.MBOXO) == expected


def ended(content: bytes) -> bytes:
    """A message in mboxo or mboxrd ends with a line end."""
    return content if content.endswith(b"\n") or not content else content + b"\n"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    ("variant", "body"),
    [
        (Variant.MBOXO, b"From me\nFrom you\n>>From all\n"),
        (Variant.MBOXRD, b"From me\n>From you\nFrom all\n"),
    ],
)
def test_the_declared_variant_decides(variant: Variant, body: bytes, line_end: bytes) -> None:
    file = FROM_LINE + HEAD + b">From me\n" + (b">>From you\n" if variant is Variant.MBOXRD else b">From you\n")
    file += (b">>From all\n" if variant is Variant.MBOXO else b">From all\n") + b"\n"
    assert contents(file.replace(b"\n", line_end), variant) == [(HEAD + body).replace(b"\n", line_end)]


def test_python_reads_another_content_than_was_written(tmp_path: Path) -> None:
    (tmp_path / "x.mbox").write_bytes(mboxrd([QUOTING]))
    with closing(mailbox.mbox(tmp_path / "x.mbox")) as box:
        assert box.get_bytes(box.keys()[0]) != QUOTING
    assert contents(mboxrd([QUOTING]), Variant.MBOXRD) == [QUOTING]


def test_a_file_without_quoted_lines_needs_no_variant() -> None:
    assert contents(mboxrd([HEAD + b"one\n", HEAD])) == [HEAD + b"one\n", HEAD]


def test_lengths_that_fit_are_mboxcl2() -> None:
    assert contents(mboxcl2([b"one\n\nFrom here on\n\n", b""])) == [
        b"Content-Length: 19\n" + HEAD + b"one\n\nFrom here on\n\n",
        b"Content-Length: 0\n" + HEAD,
    ]


@pytest.mark.parametrize("content", [mboxrd([QUOTING]), mboxo([QUOTING]), mboxcl2([b">From you\n"])])
def test_a_file_that_depends_on_the_variant_is_refused_without_one(content: bytes) -> None:
    with pytest.raises(InvalidArchiveError, match=r"the variant of .* must be stated"):
        read(content)


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        (b"From the desk of a writer\nwho wrote\n", False),
        (b"From the desk of a writer\n\nwho wrote\n", False),
        (b"From a@b.example Sat Jan  3 01:05:34 1996\nno field\n", True),
        (b"From nowhere\nSubject: x\n", True),
        (b"From nowhere\n>From other Sat Jan 3\n", True),
    ],
)
def test_a_line_ends_a_message_if_a_date_or_a_field_says_so(line: bytes, ends: bool) -> None:
    assert len(contents(FROM_LINE + HEAD + line, Variant.MBOXRD)) == 1 + ends


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"Subject: x\n\n", "does not begin with a From_ line"),
        (b"\x1f\x8b\x08", "does not begin with a From_ line"),
        (FROM_LINE + HEAD, "message 1 has no Content-Length"),
        (FROM_LINE + b"Content-Length: 1\nContent-Length: 2\n\nab", "message 1 has two lengths"),
        (FROM_LINE + b"Content-Length: 9\n\nab", "message 1 is longer than the file"),
        (mboxcl2([b"one\n"]) + FROM_LINE + b"Content-Length: 999999999999999\n\n", "message 2 is longer"),
        (FROM_LINE + b"Content-Length: 1\n\nabc\n", "no From_ line where message 2 must begin"),
        (FROM_LINE + b"Content-Length: 1\n", "the header of message 1 has no end"),
        (FROM_LINE + b"X: y\n" * 300_000 + b"\n", "the header of message 1 has no end"),
        (FROM_LINE + b"Content-Length: -1\n\n", "message 1 has no Content-Length"),
    ],
)
def test_a_file_of_another_variant_is_refused_before_anything_is_yielded(content: bytes, fault: str) -> None:
    with pytest.raises(InvalidArchiveError, match=fault):
        next(read_mbox(io.BytesIO(content), PLACE, "x.mbox", Variant.MBOXCL2))


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_mboxcl2_file_is_refused_or_has_whole_messages(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same damage in every run
    whole = mboxcl2([b"one\n" * number for number in range(5)])
    place = random.randrange(1, len(whole))
    cut = whole[:place] + whole[place + random.randrange(1, 9) :]
    try:
        found = contents(cut, Variant.MBOXCL2)
    except InvalidArchiveError:
        return
    assert len(found) == 5  # the damage is in a body and its From_ line, or in a header beside the length


@pytest.mark.parametrize("variant", Variant)
def test_a_message_that_is_too_large_is_skipped(variant: Variant) -> None:
    large = b"x" * 999 + b"\n"
    messages = [HEAD, large * (MAX_STORED_BYTES // 1000 + 1), b"last\n"]
    file = io.BytesIO(mboxcl2(messages) if variant is Variant.MBOXCL2 else mboxrd(messages))
    _, first, second, third = read_mbox(file, PLACE, "x.mbox", variant)
    assert isinstance(first, Incoming)
    assert second == Skipped("x.mbox, message 2", f"larger than {MAX_STORED_BYTES} bytes, the largest message")
    assert isinstance(third, Incoming)
    assert third.content.endswith(b"last\n")


@pytest.mark.parametrize("size", [MAX_STORED_BYTES, MAX_STORED_BYTES + 1])
def test_a_message_of_the_largest_size_is_read(size: int) -> None:
    assert len(contents(mboxrd([b"x" * (size - 1) + b"\n"]), Variant.MBOXRD)) == (size == MAX_STORED_BYTES)


@pytest.mark.parametrize("content", [b"", b"\n\r\n"])
def test_an_empty_file_holds_no_message(content: bytes) -> None:
    assert contents(content) == []


@pytest.mark.parametrize(
    ("fields", "read_", "flags", "keywords"),
    [
        (b"", True, (), ()),
        (b"Status: RO\n", True, (), ()),
        (b"Status: O\n", False, (), ()),
        (b"Status:\nX-Status: FAT\n", False, ("\\Flagged", "\\Answered", "\\Draft"), ()),
        (b"X-Status: D\r\nX-Keywords: $Work   later $Work\r\n", True, ("\\Deleted",), ("$Work", "later")),
        (b"X-Mozilla-Status: 1007\n", True, ("\\Flagged", "\\Answered"), ("$Forwarded",)),
        (b"X-Mozilla-Status: 0008\n", False, ("\\Deleted",), ()),
        (b"X-Mozilla-Status: none\n", True, (), ()),
        (b"\nStatus: O\n", True, (), ()),
    ],
)
def test_flags_are_in_the_header(fields: bytes, read_: bool, flags: tuple[str, ...], keywords: tuple[str, ...]) -> None:
    (found,) = read(FROM_LINE + fields + HEAD, Variant.MBOXRD)
    assert (found.read, found.flags, found.keywords) == (read_, flags, keywords)


def test_the_date_is_that_of_the_from_line_or_of_the_message() -> None:
    dated = b"Received: x; Mon, 1 Jan 2024 10:00:00 +0100\nDate: Tue, 2 Jan 2024 10:00:00 +0100\n\n"
    found = read(FROM_LINE + dated + b"\nFrom nowhere\n" + dated + b"\nFrom nowhere\n" + HEAD, Variant.MBOXRD)
    assert [each.received for each in found] == [820_631_134_000, 1_704_099_600_000, None]
    assert [each.source for each in found] == [f"x.mbox, message {number}" for number in (1, 2, 3)]
