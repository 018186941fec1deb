"""The part of a message that carries an iTIP object."""

from __future__ import annotations

import base64
import quopri

import pytest

from postroom.errors import MalformedMimeError
from postroom.mime.calendar_parts import MAX_CALENDAR_BYTES, CalendarPart, calendar_part, has_calendar_part

ICS = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nX-NAME:Zoë\r\nEND:VCALENDAR\r\n"


def single(kind: str, body: bytes, encoding: str = "8bit") -> bytes:
    return f"From: a@b.test\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def multipart(*parts: bytes) -> bytes:
    head = b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n'
    return head + b"".join(b"--x\r\n" + each + b"\r\n" for each in parts) + b"--x--\r\n"


REQUEST = "text/calendar; charset=utf-8; method=REQUEST"


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("8bit", bytes), ("base64", base64.encodebytes), ("Quoted-Printable", quopri.encodestring)],
)
def test_the_part_is_decoded(encoding: str, encode: object) -> None:
    assert callable(encode)
    message = single(REQUEST, encode(ICS.encode()), encoding)
    found = calendar_part(message)
    assert found is not None
    assert found.method == "REQUEST"
    assert found.content.replace(b"\r\n", b"\n") == ICS.encode().replace(b"\r\n", b"\n")
    assert has_calendar_part(message)


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ('TEXT/Calendar; METHOD="reply"; charset=utf-8', "REPLY"),
        ("text/calendar; method*=us-ascii'en'CANCEL", "CANCEL"),
        ("text/CALENDAR;component=VEVENT;method=Counter", "COUNTER"),
    ],
)
def test_names_and_methods_in_any_case_and_form(kind: str, method: str) -> None:
    assert calendar_part(single(kind, ICS.encode())) == CalendarPart(method, ICS.encode())


def test_the_first_part_with_a_method_is_taken() -> None:
    message = multipart(
        single("text/plain", b"text/calendar"),
        single("text/calendar; name=attached.ics", b"BEGIN:VCALENDAR\r\n"),
        single(REQUEST, b"first"),
        single("text/calendar; method=CANCEL", b"second"),
    )
    assert calendar_part(message) == CalendarPart("REQUEST", b"first")


@pytest.mark.parametrize(
    "message",
    [
        single("text/plain", b"see text/calendar; method=REQUEST"),
        single("text/calendar", ICS.encode()),
        multipart(single("application/ics; name=invite.ics", ICS.encode())),
        multipart(single("message/rfc822", single(REQUEST, ICS.encode()), "7bit")),
        b"",
    ],
)
def test_mail_that_only_mentions_or_attaches_a_calendar_has_none(message: bytes) -> None:
    assert not has_calendar_part(message)
    assert calendar_part(message) is None


@pytest.mark.parametrize(
    ("charset", "content", "expected"),
    [
        ("iso-8859-1", "Zoë".encode("latin-1"), "Zoë"),
        ("shift_jis", "会議".encode("shift_jis"), "会議"),
        ("us-ascii", "Zoë".encode(), "Zoë"),
        ("no-such-charset", b"Zo\xeb", None),
        ("utf-8", b"Zo\xeb", None),
    ],
)
def test_other_charsets_become_utf8(charset: str, content: bytes, expected: str | None) -> None:
    found = calendar_part(single(f"text/calendar; method=REQUEST; charset={charset}", content))
    assert found is not None
    assert found.content == (content if expected is None else expected.encode())


@pytest.mark.parametrize(
    "message",
    [
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/calendar\r\n\r\n',
        single(REQUEST, b"Q", "base64"),
        single(REQUEST, b"x", "x-uuencode"),
        single(REQUEST, b"x" * (MAX_CALENDAR_BYTES + 1)),
        single(REQUEST, b"x" * (4 * MAX_CALENDAR_BYTES + 1), "quoted-printable"),
    ],
)
def test_what_cannot_be_read_is_looked_at_and_refused(message: bytes) -> None:
    assert has_calendar_part(message)
    with pytest.raises(MalformedMimeError):
        calendar_part(message)


def test_the_largest_part_is_read() -> None:
    found = calendar_part(single(REQUEST, b"x" * MAX_CALENDAR_BYTES))
    assert found is not None
    assert len(found.content) == MAX_CALENDAR_BYTES
