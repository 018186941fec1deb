"""Criteria for new content of a message; content of published rule functions meets them."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import TYPE_CHECKING

import pytest

from postroom.contracts.message_flow import MessageRejected
from postroom.message_flow.criteria import FORBIDDEN_EXTENSIONS, check
from postroom.mime.headers import Headers

if TYPE_CHECKING:
    from collections.abc import Callable

ORIGINAL = (
    b"From: Bob <bob@example.org>\r\nTo: ada@acme.test\r\nSubject: Hello\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n"
    b"Message-ID: <1." + b"long" * 20 + b"@example.org>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n--b--\r\n"
)
SIMPLE = b"From: bob@example.org\r\nSubject: Hello\r\n\r\nHello\r\n"


def headers(content: bytes) -> Headers:
    return Headers.of(content)


def accepted(content: bytes, original: bytes = SIMPLE) -> bool:
    check(content, headers(original))
    return True


def refused(content: bytes, original: bytes = SIMPLE) -> str:
    with pytest.raises(MessageRejected) as caught:
        check(content, headers(original))
    return str(caught.value)


def with_part(fields: str) -> bytes:
    """A multipart whose one part has these header fields."""
    head = b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    return head + fields.encode() + b"\r\n\r\nx\r\n--b--\r\n"


def changed_subject(original: bytes) -> bytes:
    message = email.message_from_bytes(original)
    message.replace_header("Subject", "[External] Hello")
    return message.as_bytes()


def changed_subject_as_text(original: bytes) -> bytes:
    message = email.message_from_string(original.decode())
    del message["Subject"]
    message["Subject"] = "[Extern] Grüße"
    return message.as_string().encode()


def changed_subject_modern(original: bytes) -> bytes:
    message = email.message_from_bytes(original, policy=email.policy.SMTP)
    del message["Subject"]
    message["Subject"] = "Grüße " * 30
    return message.as_bytes()


def disclaimer(original: bytes) -> bytes:
    message = email.message_from_bytes(original, policy=email.policy.default)
    for part in message.walk():
        if part.get_content_type() == "text/html":
            part.set_content(part.get_content() + "<p>Disclaimer ü</p>", subtype="html")
        elif part.get_content_type() == "text/plain":
            part.set_content(part.get_content() + "\nDisclaimer ü")
    return message.as_bytes()


def built_anew(original: bytes) -> bytes:
    before = email.message_from_bytes(original)
    message = MIMEMultipart("mixed")
    for name in ("From", "To", "Subject", "Date", "Message-ID"):
        if before[name]:
            message[name] = before[name]
    message.attach(MIMEText("Übersetzt", "plain", "utf-8"))
    message.attach(MIMEText("<p>Übersetzt</p>", "html", "utf-8"))
    return message.as_bytes()


@pytest.mark.parametrize("original", [ORIGINAL, SIMPLE, ORIGINAL.replace(b"\r\n", b"\n")])
@pytest.mark.parametrize(
    "change", [bytes, changed_subject, changed_subject_as_text, changed_subject_modern, disclaimer, built_anew]
)
def test_what_rule_functions_write_passes(change: Callable[[bytes], bytes], original: bytes) -> None:
    assert accepted(change(original), original)


def test_a_line_of_1000_characters_with_its_end_passes_and_a_longer_one_is_named() -> None:
    for end in (b"\r\n", b"\n"):
        assert accepted(SIMPLE + b"x" * 998 + end + b"y" + end)
        assert accepted(SIMPLE + b"x" * 998)
        assert "Line 5 " in refused(SIMPLE + b"x" * 999 + end)
        assert "Line 6 " in refused(SIMPLE + b"y" + end + b"x" * 5000 + end)
    assert "Line 5 " in refused(SIMPLE + b"x" * 999)
    assert accepted(SIMPLE + (b"x" * 998 + b"\r\n") * 100 + b"x" * 998 + b"\r")
    assert "Line 2 " in refused(b"From: a\r\nX: " + b"x" * 2000 + b"\r\n\r\n")


def test_a_required_field_that_is_missing_is_named() -> None:
    assert "From is missing" in refused(b"Subject: x\r\n\r\n")
    assert "From is missing" in refused(b"")
    assert "From is missing" in refused(b"From: \r\n\r\n")


def test_a_date_must_stay_and_need_not_be_made_up() -> None:
    assert "Date is missing" in refused(b"From: a@b.test\r\n\r\n", b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n\r\n")
    assert accepted(b"From: a@b.test\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\n\r\n")


@pytest.mark.parametrize("name", ["Subject", "FROM", "message-id", "Content-Type", "To", "Date"])
def test_a_unique_field_that_stands_twice_is_named(name: str) -> None:
    assert (
        f"{name.lower()} occurs more than once"
        in refused(SIMPLE[:-9] + f"{name}: a\r\n{name}: b\r\n\r\n".encode()).lower()
    )


def test_fields_that_may_repeat_may_repeat() -> None:
    assert accepted(b"Received: a\r\nReceived: b\r\nX-A: 1\r\nX-A: 1\r\n" + SIMPLE)


def test_the_message_id_stays_as_it_was_however_it_is_folded() -> None:
    original = b"Message-ID: <1@example.org>\r\n" + SIMPLE
    assert accepted(b"Message-Id:\r\n <1@example.org>\r\n" + SIMPLE, original)
    assert "Message-ID must not be changed" in refused(b"Message-ID: <2@example.org>\r\n" + SIMPLE, original)
    assert "Message-ID must not be changed" in refused(SIMPLE, original)
    assert accepted(b"Message-ID: <2@example.org>\r\n" + SIMPLE, SIMPLE)


@pytest.mark.parametrize("line", [b"no field", b" folded", b"Bad Name: x", b": x", "Ä: x".encode()])
def test_a_line_of_the_header_that_is_no_field_is_named(line: bytes) -> None:
    assert refused(line + b"\r\n" + SIMPLE) == "Line 1 of the header is not a header field."


@pytest.mark.parametrize(
    "disposition",
    [
        'attachment; filename="x.EXE"',
        "inline; filename=x.js",
        'attachment; filename="x.pdf.scr . "',
        "attachment; filename*=utf-8''%78%2e%65%78%65",
        'attachment; filename="=?utf-8?q?x=2Eexe?="',
        'attachment; filename*0="x."; filename*1="bat"',
        'attachment; filename="x.e\r\n\txe"',
        'attachment; filename="x.exe\0"',
        'attachment; filename="x.exe\u200b"',
        'attachment; filename="=?utf-7?Q?x.+AGU-xe?="',
        "attachment; filename*=utf-7''x.%2BAGU-xe",
        "attachment; filename*=windows-31j''%8f%5c.exe",
        'attachment; filename="=?x-sjis?B?j1wu?= =?windows-31j?Q?exe?="',
    ],
)
def test_attachments_that_ses_refuses_are_refused(disposition: str) -> None:
    assert "are not allowed" in refused(with_part(f"Content-Disposition: {disposition}"))


@pytest.mark.parametrize(
    "fields",
    [
        'Content-Type: a/b; name="x.exe"\r\nContent-Disposition: attachment; filename="x.txt"',
        "Content-Disposition: attachment; filename=\"x.txt\"; filename*=utf-8''x.exe",
        'Content-Disposition: attachment; filename="x.txt"; filename="x.exe"',
        "Content-Disposition: attachment; filename=x.txt\r\nContent-Disposition: attachment; filename=x.exe",
        "Content-Disposition: attachment; filename=x.exe (a comment)",
        'Content-Disposition: attachment; filename="x.exe" and more',
        "Content-Type: a/b; name=x.exe:",
        'Content-Disposition: attachment; filename=(a comment)"x.exe"',
        "Content-Type: a/b; name*=utf-8''x%2Eexe (a comment); x=y",
        'Content-Type: a/b; name*0="x."; name*1=exe: and more',
    ],
)
def test_of_several_names_none_may_be_forbidden_for_readers_choose_differently(fields: str) -> None:
    assert ".exe are not allowed" in refused(with_part(fields))


@pytest.mark.parametrize("hidden", ["X: a\rno field", "no field", "X: a\r\r", "X: a\r\r\nX: b", "X: a\rX: b"])
def test_a_header_that_readers_end_at_different_places_is_refused(hidden: str) -> None:
    named = "Content-Disposition: attachment; filename=x.exe"
    assert "not well-formed" in refused(with_part(f"{hidden}\r\n{named}"))
    whole = f"From: a@b.test\r\n{hidden}\r\n{named}\r\n\r\nx".encode()
    assert "not well-formed" in refused(whole) or "is not a header field" in refused(whole)


def test_a_part_of_two_types_is_refused_for_readers_choose_differently() -> None:
    fields = "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=c"
    assert "more than one Content-Type" in refused(with_part(fields))


def test_a_blank_before_a_colon_hides_no_field() -> None:
    assert "Line 1 of the header is not a header field" in refused(b"From : a@b.test\r\n" + SIMPLE)
    assert "Line 3 of the header is not a header field" in refused(SIMPLE[:-9] + b"Subject : again\r\n\r\n")


def test_a_name_in_the_content_type_is_a_filename_and_other_types_pass() -> None:
    assert ".exe are not allowed" in refused(b'From: a@b.test\r\nContent-Type: a/b; name="x.exe"\r\n\r\n')
    for name in ("exe", "x.exe.pdf", "x", "", "www.acme.com (1).pdf", "name=x.pdf"):
        assert accepted(f'From: a@b.test\r\nContent-Type: a/b; name="{name}"\r\n\r\n'.encode())


def test_the_list_is_the_one_that_ses_publishes() -> None:
    assert len(FORBIDDEN_EXTENSIONS) == 90
    assert {"ade", "exe", "js", "ps1xml", "xnk"} <= FORBIDDEN_EXTENSIONS
    assert not {"pdf", "zip", "html", "docx", "eml"} & FORBIDDEN_EXTENSIONS


def test_more_attachments_than_the_quota_are_too_many() -> None:
    def with_attachments(count: int) -> bytes:
        message = EmailMessage()
        message["From"] = "a@b.test"
        message.set_content("x")
        for _ in range(count):
            message.add_attachment(b"x", maintype="a", subtype="b", filename="x.pdf")
        return message.as_bytes()

    assert accepted(with_attachments(500))
    assert "more than 500 attachments" in refused(with_attachments(501))


def test_a_broken_multipart_is_said() -> None:
    content = b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx"
    assert refused(content) == "The message is not well-formed: a multipart that does not end."


def test_forty_megabytes_pass_and_a_byte_more_does_not() -> None:
    line = b"A" * 76 + b"\r\n"
    content = SIMPLE + line * ((40 << 20) // len(line))
    content = content[: 40 << 20]
    assert accepted(content)
    assert "larger than 40 MB" in refused(content + b"x")


def test_a_header_without_end_is_refused() -> None:
    assert "longer than 1 MB" in refused(b"From: a@b.test\r\n" + b"X-A: x\r\n" * 200_000)
