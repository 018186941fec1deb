"""The parts of a message: the same as in Python's parser; hostile bytes are refused."""

from __future__ import annotations

import email
import time
from email.errors import MultipartInvariantViolationDefect
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import MalformedMimeError
from postroom.mime import structure
from postroom.mime.structure import MAX_DEPTH, MAX_PARTS, parts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import Message


def written() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "ada@acme.test"
    message.set_content("plain")
    message.add_alternative("<p>html</p>", subtype="html")
    message.add_attachment(b"\x00\xff" * 100, maintype="application", subtype="pdf", filename="übersicht.pdf")
    return message


def nested(depth: int) -> bytes:
    opening = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(depth)
    )
    closing = b"".join(b"\r\n--b%d--\r\n" % level for level in reversed(range(depth)))
    return opening + b"Content-Type: text/plain\r\n\r\nx" + closing


def types(content: bytes) -> list[str]:
    return [part.content_type for part in parts(content)]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_parts_come_in_the_order_in_which_they_stand(line_end: str) -> None:
    content = written().as_bytes(policy=email.policy.default.clone(linesep=line_end))
    assert [(part.content_type, part.filenames, part.depth) for part in parts(content)] == [
        ("multipart/mixed", (), 0),
        ("multipart/alternative", (), 1),
        ("text/plain", (), 2),
        ("text/html", (), 2),
        ("application/pdf", ("übersicht.pdf",), 1),
    ]


@pytest.mark.parametrize("content", [b"", b"\r\n", b"From: a", b"From: a\r\n\r\n", b"\n\nx"])
def test_a_message_without_multiparts_is_one_part(content: bytes) -> None:
    assert types(content) == ["text/plain"]


def test_what_stands_before_and_behind_the_parts_is_not_looked_at() -> None:
    content = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble --b\r\n--bogus\r\n"
        b"--b  \r\nContent-Type: text/html\r\n\r\n--b in a line\r\n--b--\r\n--b\r\nContent-Type: x/y\r\n\r\n"
    )
    assert types(content) == ["multipart/mixed", "text/html"]


def test_a_parser_that_misses_the_parts_of_a_multipart_is_no_reason_to_refuse_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Python 3.11.2's does when it is given the header fields alone."""
    parse = structure._PARSER.parsebytes

    def with_defect(head: bytes) -> Message:
        fields = parse(head)
        if fields.get_content_maintype() == "multipart":
            fields.defects.append(MultipartInvariantViolationDefect())
        return fields

    monkeypatch.setattr(structure._PARSER, "parsebytes", with_defect)
    content = written().as_bytes()
    assert [part.content_type for part in parts(content)] == [
        part.get_content_type() for part in email.message_from_bytes(content).walk()
    ]


def test_parts_may_be_empty_and_stand_close() -> None:
    content = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b--"
    assert types(content) == ["multipart/mixed", "text/plain", "text/plain"]


def test_an_attached_message_is_not_entered() -> None:
    inner = b"Content-Type: multipart/mixed; boundary=never\r\n\r\nnothing"
    content = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--b--"
    )
    assert types(content) == ["multipart/mixed", "message/rfc822"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Content-Type: multipart/mixed\n\nx", "without a boundary"),
        (b'Content-Type: multipart/mixed; boundary=""\n\n--\n\n----', "without a boundary"),
        (b"Content-Type: multipart/mixed; boundary=" + b"b" * 71 + b"\n\n", "70 characters"),
        (b"Content-Type: multipart/mixed; boundary=b\n\nx", "without parts"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b--\n", "without parts"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx", "does not end"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx --b--", "does not end"),
        (b"Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\n--b--", "encoded"),
        (b"Content-Type: multipart/mixed; boundary=b" + b";" * 9000 + b"\n\n--b\n\n--b--", "8192"),
        (b"Content-Disposition: attachment" + b";" * 501 + b"\n\nx", "500 parameters"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 2000 + b"--b--", "1000 parts"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--bx\n" * 20_000 + b"--b\n\n--b--", "like a delimiter"),
        (b"X: " + b"x" * (40 << 20), "1048576 bytes"),
        (nested(MAX_DEPTH + 1), "100 deep"),
        (nested(1000), "100 deep"),
        (
            b"Content-Type: multipart/mixed; boundary=b\n\n" + (b"--b\nX: " + b"x" * 9999 + b"\n\n") * 200 + b"--b--",
            "longer than",
        ),
    ],
)
def test_what_does_not_hold_together_is_said(content: bytes, says: str) -> None:
    with pytest.raises(MalformedMimeError, match=says):
        list(parts(content))


def test_an_inner_multipart_does_not_outlive_the_outer() -> None:
    content = (
        b"Content-Type: multipart/mixed; boundary=out\n\n"
        b"--out\nContent-Type: multipart/mixed; boundary=in\n\n--in\n\nx\n--out--\n--in--\n"
    )
    with pytest.raises(MalformedMimeError, match="does not end"):
        list(parts(content))


def test_the_deepest_that_is_walked_is_walked() -> None:
    assert len(types(nested(MAX_DEPTH))) == MAX_DEPTH + 1


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + b"--bx " * (8 << 20) + b"\n--b--",
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + (b"A" * 76 + b"\r\n") * (500_000) + b"--b--",
    ],
    ids=["nearly a delimiter", "base64"],
)
def test_forty_megabytes_are_walked_in_a_moment(content: bytes) -> None:
    started = time.process_time()
    assert len(list(parts(content))) <= MAX_PARTS
    assert time.process_time() - started < 5


LINES = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=a",
        b'Content-Type: multipart/alternative; boundary="b"',
        b"Content-Type: text/plain; name*0*=utf-8''%41; name*1=.exe",
        b"Content-Disposition: attachment; filename==?utf-8?q?x?=",
        b"--a",
        b"--a--",
        b"--b",
        b"--b-- ",
        b"",
        b"\xff\x00;=\"'",
        b" folded",
    ]
)


@given(st.lists(LINES, max_size=40), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_whatever_comes_is_walked_or_refused(lines: Sequence[bytes], line_end: bytes) -> None:
    try:
        found = list(parts(line_end.join(lines)))
    except MalformedMimeError:
        return
    assert found
    # what passes holds together for the library, too
    for part in email.message_from_bytes(line_end.join(lines).replace(b"\r\n", b"\n")).walk():
        assert not part.is_multipart() or part.get_payload()


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_walked_or_refused(noise: bytes) -> None:
    try:
        list(parts(b"Content-Type: multipart/mixed; boundary=b; x=" + noise))
        list(parts(b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition:" + noise + b"\n--b--"))
    except MalformedMimeError:
        return


def test_a_name_is_read_in_every_way_in_which_readers_read_its_charset() -> None:
    for label, raw, name in (("x-gbk", "%D2%BB", "一"), ("iso-8859-1", "%80", "€"), ("ks_c_5601-1987", "%8C%63", "똠")):
        content = f"Content-Disposition: attachment; filename*={label}''{raw}.pdf\r\n\r\n".encode()
        (part,) = parts(content)
        assert f"{name}.pdf" in part.filenames
