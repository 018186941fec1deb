"""A message beyond a limit is refused for every recipient, and checking an ordinary message costs nothing."""

from __future__ import annotations

import time
from base64 import encodebytes
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from postroom.mime.excess import excess
from postroom.mime.headers import Headers, MessageHead
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from postroom.mime.excess import Excess

MB = 1 << 20
HEAD = 64 * 1024


def judge(content: bytes, recipients: int = 1) -> tuple[Excess | None, int]:
    """Return the result, and how many times the whole message was read for it."""
    reads = 0

    def whole() -> bytes:
        nonlocal reads
        reads += 1
        return content

    head = content[:HEAD]
    return excess(MessageHead(Headers.of(head), head, len(content)), recipients, whole), reads


def with_attachments(number: int, size: int = 1) -> bytes:
    message = EmailMessage()
    message["Subject"] = "files"
    message.set_content("see below\n")
    for place in range(number):
        message.add_attachment(b"x" * size, maintype="application", subtype="octet-stream", filename=f"{place}.bin")
    return message.as_bytes()


def encoded(size: int, encoding: bytes = b"base64") -> bytes:
    """Return a message with this much data before encoding."""
    body = encodebytes(b"x" * size) if encoding == b"base64" else b"x" * size
    return b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Subject: x\r\n\r\n" + b"x" * 200,
        b"Subject: x\r\n\r\n" + b"x\n" * (40 * MB // 2 - 10),
        with_attachments(3),
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5000,
    ],
    ids=["empty", "small", "40 MB of text", "three attachments", "parts without names"],
)
def test_an_ordinary_message_is_judged_by_its_first_look(content: bytes) -> None:
    broken, reads = judge(content)
    assert broken is None
    assert reads == (0 if len(content) <= HEAD or not content.startswith(b"Content-Type") else 1)


@pytest.mark.parametrize(("size", "status"), [(40 * MB, None), (40 * MB + 1, "5.3.4")])
def test_forty_megabytes_pass_and_no_byte_more(size: int, status: str | None) -> None:
    broken, reads = judge(b"Subject: x\r\n\r\n" + b"x" * (size - 14))
    assert (broken[1] if broken else None) == status
    assert reads == 0


@pytest.mark.parametrize(("number", "status"), [(500, None), (501, "5.6.0")])
@pytest.mark.parametrize("size", [1, 500])
def test_500_attachments_pass_and_no_more(number: int, size: int, status: str | None) -> None:
    broken, reads = judge(with_attachments(number, size))
    assert (broken[1] if broken else None) == status
    assert reads == 1


def test_many_small_attachments_are_seen_in_the_first_look() -> None:
    parts = b"\n--b\nContent-Disposition:attachment\n\nx" * 501
    broken, reads = judge(b"Content-Type: Multipart/Mixed; boundary=b\n\n" + parts)
    assert (broken and broken[1], reads) == ("5.6.0", 0)


@pytest.mark.parametrize(("size", "status"), [(29 * MB, None), (29 * MB + 1000, "5.3.4")])
def test_29_megabytes_before_encoding_pass_and_hardly_more(size: int, status: str | None) -> None:
    content = encoded(size)
    assert len(content) < 40 * MB
    for each in (content, b"Content-Type: multipart/mixed; boundary=b\r\n\r\nhello\r\n--b\r\n" + content):
        broken, reads = judge(each)
        assert (broken[1] if broken else None) == status
        assert reads == 1


def test_data_in_quoted_printable_counts_as_data() -> None:
    broken, _ = judge(encoded(30 * MB, b"quoted-printable"))
    assert broken is not None
    broken, _ = judge(b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=41" * (10 * MB))
    assert broken is None


@pytest.mark.parametrize(("number", "status"), [(500, None), (501, "5.5.3")])
def test_500_recipients_pass_and_no_more(number: int, status: str | None) -> None:
    broken, _ = judge(b"Subject: x\n\n", number)
    assert (broken[1] if broken else None) == status


@pytest.mark.parametrize(("hops", "status"), [(100, None), (101, "5.4.6")])
def test_more_than_100_hops_are_a_loop(hops: int, status: str | None) -> None:
    broken, _ = judge(b"received: from x\n by y\n" * hops + b"Subject: x\n\nReceived: no\n")
    assert (broken[1] if broken else None) == status


@pytest.mark.parametrize("line", [b"--b\n", b"--b\nA: b\n", b"--b\nContent-Disposition: inline\n\n", b"\n-", b"--\n"])
@pytest.mark.timeout(20)
def test_forty_megabytes_of_delimiters_cost_little(line: bytes) -> None:
    content = b"Content-Type: multipart/mixed; boundary=b\n\n"
    content += line * ((40 * MB - len(content)) // len(line))
    began = time.process_time()
    judge(content)
    assert time.process_time() - began < 8


def test_an_excess_bounces_for_every_recipient_and_the_sender_learns_once() -> None:
    post = MemoryMailSystem()
    post.user("ann")
    content = with_attachments(501)
    facts = post.arrive("m1", content, "ann@acme.test", "nobody@acme.test")
    bounced = [fact.event["bouncedRecipient"] for fact in facts if "bouncedRecipient" in fact.event]
    assert [(each["emailAddress"], each["status"]) for each in bounced] == [
        ("ann@acme.test", "5.6.0"),
        ("nobody@acme.test", "5.6.0"),
    ]
    assert bounced[0]["reason"] == "message with more than 500 attachments"
    assert len(post.sender.answered) == 1
    assert post.contents("ann") == []


def test_a_virus_is_not_even_read() -> None:
    post = MemoryMailSystem()
    post.user("ann")
    facts = post.arrive("m1", with_attachments(501), "ann@acme.test", verdicts={"virus": "FAIL"})
    assert [fact.name for fact in facts] == ["ORGANIZATION_EMAIL_RECEIVED", "MESSAGE_BLOCKED"]
    assert post.sender.answered == []
