"""SMTP as a client speaks it: replies, addresses and content."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts import smtp
from postroom.contracts.smtp import Reply, UnreadableReplyError


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"250 OK"], Reply(250, "", ("OK",))),
        ([b"250"], Reply(250, "", ("",))),
        ([b"250 "], Reply(250, "", ("",))),
        ([b"550 5.1.1 No such user"], Reply(550, "5.1.1", ("No such user",))),
        ([b"550-5.7.26 Not", b"550-5.7.26 authorized", b"550 5.7.26"], Reply(550, "5.7.26", ("Not", "authorized", ""))),
        ([b"550 4.7.1 of another class"], Reply(550, "", ("4.7.1 of another class",))),
        ([b"550 5.1.1.1 no status"], Reply(550, "", ("5.1.1.1 no status",))),
        ([b"451 4.7.1"], Reply(451, "4.7.1", ("",))),
        ([b"550 \xff\xfc"], Reply(550, "", ("\ufffd\ufffd",))),
    ],
)
def test_a_reply_has_a_code_a_status_and_texts(lines: list[bytes], expected: Reply) -> None:
    assert Reply.of(lines) == expected


@pytest.mark.parametrize(
    "lines",
    [
        [b""],
        [b"hello"],
        [b"25 OK"],
        [b"2500 OK"],
        [b"150 Wait"],
        [b"650 What"],
        [b"250_OK"],
        [b"250-OK", b"550 no"],
        [b"250-OK", b""],
        ["\uff12\uff15\uff10 OK".encode()],
    ],
)
def test_other_bytes_are_no_reply(lines: list[bytes]) -> None:
    with pytest.raises(UnreadableReplyError):
        Reply.of(lines)


def test_lines_of_a_reply_are_one_text() -> None:
    assert Reply.of([b"550-5.1.1 There is", b"550-", b"550 5.1.1 no mailbox"]).text == "There is no mailbox"


def test_offers_are_read_in_any_case_and_the_first_line_is_none() -> None:
    said = [b"250-SIZE 10", b"250-size 20", b"250-Auth plain LOGIN", b"250-AUTH=XOAUTH2", b"250-", b"250 starttls"]
    assert smtp.offers(Reply.of(said)) == {
        "SIZE": ("20",),
        "AUTH": ("PLAIN", "LOGIN", "XOAUTH2"),
        "STARTTLS": (),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Ann@Acme.test", "Ann@acme.test"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("jürgen@example.com", "jürgen@example.com"),
        ('"a b"@example.com', '"a b"@example.com'),
        ("ann@[192.0.2.1]", "ann@[192.0.2.1]"),
        ("ann", None),
        ("@example.com", None),
        ("ann@example.com>\r\nRCPT TO:<eve@example.com", None),
        ("ann@example.com\r\n", None),
        ("ann@example.com> SIZE=1", None),
        ("<ann@example.com>", None),
        ("a b@example.com", None),
        ("ann@exa mple.com", None),
        ("ann\0@example.com", None),
        (" ann@example.com", None),
    ],
)
def test_a_path_is_one_address(text: str, expected: str | None) -> None:
    assert smtp.path(text) == expected


@given(st.text(max_size=40))
def test_no_path_ends_its_command(text: str) -> None:
    path = smtp.path(text)
    assert path is None or not any(character in path for character in "\r\n\0")
    assert path is None or '"' in path or not any(character in path for character in "<> ")


def unstuffed(sent: bytes) -> bytes:
    """What a server makes of a content, before the end of it (RFC 5321, 4.5.2)."""
    assert not sent or sent.endswith(b"\r\n")
    lines = sent.split(b"\r\n")[:-1]
    assert b"." not in lines
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)


def with_crlf(content: bytes) -> bytes:
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    ended = lines if lines[-1] else lines[:-1]
    return b"".join(line + b"\r\n" for line in ended)


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"a", b"\xff", b"\0", b"a" * 70_000]), max_size=12)
)
def test_content_arrives_with_crlf_and_nothing_in_it_ends_it(parts: list[bytes]) -> None:
    content = b"".join(parts)
    sent = b"".join(smtp.stuffed(content))
    assert unstuffed(sent) == with_crlf(content)


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a"]), max_size=12))
def test_the_size_that_is_declared_counts_line_ends_as_they_are_sent(parts: list[bytes]) -> None:
    content = b"".join(parts)
    ended = smtp.size_bytes(content) + (0 if not content or content[-1:] in b"\r\n" else 2)
    assert ended == len(with_crlf(content))


@pytest.mark.parametrize("size", [smtp.CONTENT_PIECE_BYTES + change for change in (-2, -1, 0, 1, 2)])
@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b""])
def test_pieces_divide_no_line_end(size: int, end: bytes) -> None:
    content = b"x" * (size - len(end)) + end + b".y"
    assert b"".join(smtp.stuffed(content)) == (content[: size - len(end)] + (b"\r\n..y\r\n" if end else b".y\r\n"))


def test_content_goes_in_pieces() -> None:
    content = (b"x" * 76 + b"\r\n") * 10_000
    pieces = list(smtp.stuffed(content))
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= smtp.CONTENT_PIECE_BYTES


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"Subject: a\r\n\r\n\xfc", True),
        (b"Subject: a\n\n\xfc", True),
        (b"Subject: \xfc\r\n\r\na", False),
        (b"Subject: \xfc", False),
        (b"", True),
    ],
)
def test_only_the_header_counts_for_smtputf8(content: bytes, *, expected: bool) -> None:
    assert smtp.is_header_ascii(content) is expected
