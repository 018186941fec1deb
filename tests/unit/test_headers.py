"""Headers are read leniently, and their values are safe for a log."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.mime.headers import MAX_TEXT_BYTES, Headers, read_headers
from postroom.model import addresses
from postroom.model.addresses import Address
from postroom.model.limits import MAX_STORED_BYTES

NAMES = ("Subject", "From", "To", "Date", "References", "Message-ID")


@given(st.binary(max_size=400), st.sampled_from(NAMES))
def test_no_bytes_raise_and_no_control_character_comes_out(junk: bytes, name: str) -> None:
    headers = Headers(name.encode() + b": " + junk)
    headers.date()
    for text in (headers.text(name), headers.address(name), *headers.addresses(name)):
        assert not [mark for mark in text if unicodedata.category(mark) in {"Cc", "Cs", "Zl", "Zp"}]
        text.encode()


@given(st.text())
def test_an_address_is_parsed_or_none(text: str) -> None:
    address = Address.parse(text)
    assert address is None or Address.parse(str(address)) == address


@given(st.text() | st.from_regex(r"[A-Za-zÄé.\" ]{1,9}@[A-Za-zÄé.]{1,9}", fullmatch=True))
def test_an_address_as_it_was_written_is_the_same_but_for_case(text: str) -> None:
    written = Address.written(text)
    assert (written and written.folded()) == Address.parse(text)
    assert written is None or written.domain == written.folded().domain
    assert written is None or Address.written(str(written)) == written


def test_the_addresses_of_a_field_are_given_in_lower_case_or_as_they_were_written() -> None:
    headers = Headers.of(b'To: "Jo" <Jo.Bloggs@Example.ORG>, jo.bloggs@example.org\r\nTo: ANN@acme.test (Ann)\r\n\r\n')
    written = ["Jo.Bloggs@example.org", "jo.bloggs@example.org", "ANN@acme.test"]
    assert [str(each) for each in headers.written_addresses("To")] == written
    assert headers.addresses("To") == tuple(map(str.lower, written))


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("latin-1"), "Grüße"),
        (b"=?utf-8?q?a_=C3?= =?utf-8?q?=A4?= b =?iso-8859-1*de?B?5A==?=", "a ä b ä"),
        ("ü =?utf-8?q?=C3=A4?=".encode(), "ü ä"),
        (b"=?nonsense?q?a=E4?=", "aä"),
        (b"a\r\n\tb", "a b"),
        (b"\\u0041", "\\u0041"),
    ],
)
def test_subjects_read_as_people_wrote_them(raw: bytes, subject: str) -> None:
    assert Headers(b"subject: " + raw + b"\r\n\r\n").text("Subject") == subject


@pytest.mark.parametrize("value", [b"(" * 100_000, b"<" * 100_000, b"a@b," * 40_000, b"@" * 100_000])
@pytest.mark.timeout(10)
def test_hostile_addresses_cost_little(value: bytes) -> None:
    Headers(b"From: " + value).address("From")


def test_the_header_block_ends_at_the_first_empty_line() -> None:
    assert Headers.of(b"A: b\n\nbody\n\n").block == b"A: b\n\n"
    assert Headers.of(b"A: b\r\n\r\nbody").block == b"A: b\r\n\r\n"
    assert Headers.of(b"A: b\r\r\n\r\r\nbody").block == b"A: b\r\r\n\r\r\n"
    assert Headers.of(b"\r\nbody").block == b""
    assert not Headers.of(b"A: b\r\n").is_complete


@pytest.mark.parametrize("head", [b"", b"A: b", b"A: b\n\nbody\n\n", b"A: b\r\n\r\nbody", b"\r\nbody"])
def test_the_body_begins_where_the_header_block_ends(head: bytes) -> None:
    headers = Headers.of(head)
    assert head[headers.body_start :] == head.removeprefix(headers.block)
    assert headers.body_start == len(headers.block)


def test_of_all_fields_of_a_name_no_more_is_decoded_than_of_one() -> None:
    value = b" =?utf-8?q?" + b"a" * 9_000 + b"?="
    headers = Headers.of((b"Auto-Submitted:" + value + b"\r\n") * 1_000 + b"\r\n")
    assert len(headers.raw("Auto-Submitted")) == 1_000
    assert len(headers.texts("Auto-Submitted")) == MAX_TEXT_BYTES // len(value) + 1


def test_a_block_is_looked_for_in_all_of_the_largest_message_and_what_ses_put_in_front() -> None:
    asked: list[int] = []

    def read(length: int) -> tuple[bytes, int]:
        asked.append(length)
        return b"A: b\r\n", MAX_STORED_BYTES

    read_headers(read)
    assert asked[-1] == MAX_STORED_BYTES


@pytest.mark.parametrize("value", [b"a:" * 50_000, b"<@a:" * 40_000, b"a:(" * 40_000])
@pytest.mark.timeout(10)
def test_an_address_hides_in_no_depth_of_groups(value: bytes) -> None:
    assert "bob@example.org" in Headers(b"From: bob@example.org, " + value).addresses("From")


def test_strangers_domains_do_not_fill_the_memory() -> None:
    known = addresses._a_label.cache_info().currsize
    assert Address.parse(f"bob@{'É' * 100_000}") == ("bob", "é" * 100_000)
    assert addresses._a_label.cache_info().currsize == known


@pytest.mark.parametrize("charset", [b"punycode", b"Puny_Code", b"idna", b"unicode_escape", b"undefined"])
@pytest.mark.timeout(2)
def test_a_codec_that_is_no_charset_of_mail_reads_nothing(charset: bytes) -> None:
    subject = Headers(b"Subject: =?" + charset + b"?q?b-" + b"kva" * 40_000 + b"?=\n\n").text("Subject", 10)
    assert subject == "b-kvakvakv"
