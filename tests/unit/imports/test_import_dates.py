"""Dates of From_ lines, in the forms that programs write, and of messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.imports.dates import from_line_date, message_date

DATE = 820_631_134_000
"""3 January 1996, 01:05:34 UTC."""


@pytest.mark.parametrize(
    ("rest", "date"),
    [
        (b"Wed Jan  3 01:05:34 1996", DATE),
        (b"wed jan 3 1:05:34 1996\r", DATE),
        (b"Wed Jan 03 01:05:34 +0000 1996", DATE),
        (b"Wed Jan 03 02:05:34 +0100 1996", DATE),
        (b"Tue Jan 02 20:05:34 1996 -0500", DATE),
        (b"Tue Jan  2 20:05:34 EST 1996", DATE),
        (b"Wed Jan  3 01:05:34 CET DST 1996", DATE),
        (b"Wed, Jan  3, 01:05:34 1996", DATE),
        (b"Wed Jan  3 01:05 1996", DATE - 34_000),
        (b"Wed Jan  3 01:05:34 96", DATE),
        (b"Wed Jan  3 01:05:34 1996 remote from example", DATE),
        (b"Thu Jan  1 00:00:00 1970", 0),
        (b"Sun Dec 31 23:59:60 2023", 1_704_067_199_000),
        (b"Thu Feb 29 00:00:00 2024", 1_709_164_800_000),
        (b"Wed Jan  1 00:00:00 69", 3_124_224_000_000),
        (b"Thu Feb 30 00:00:00 2024", None),
        (b"Thu Foo 29 00:00:00 2024", None),
        (b"Thu Feb 29 25:00:00 2024", None),
        (b"Sat Jan  1 00:00:00 +0100 0001", None),
        (b"Wed Jan  3 01:05:34 19961", None),
        (b"yesterday", None),
        (b"", None),
    ],
)
@pytest.mark.parametrize("sender", [b"a@example.com", b"-", b"1700000000000000000@xxx", b"MAILER-DAEMON"])
def test_the_date_of_a_from_line(sender: bytes, rest: bytes, date: int | None) -> None:
    assert from_line_date(b"From " + sender + b" " + rest + b"\n") == date


@given(st.lists(st.sampled_from([b" ", b"Sat", b"Jan", b"3", b"01:05", b":34", b"+0000", b"1996", b"\xff"])))
def test_any_from_line_has_a_date_or_none(parts: list[bytes]) -> None:
    found = from_line_date(b"From x " + b"".join(parts))
    assert found is None or -(1 << 62) < found < 1 << 62


@pytest.mark.parametrize(
    ("header", "date"),
    [
        (b"Received: from a; by b;\r\n\tWed, 3 Jan 1996 02:05:34 +0100 (CET)\r\n", DATE),
        (b"Received: from a\r\nDate: Wed, 3 Jan 1996 02:05:34 +0100\r\n", DATE),
        (b"Received: from a; soon\r\nDate: 3 Jan 1996 01:05:34\r\n", DATE),
        (b"Received: x; Wed, 3 Jan 1996 01:05:34 +0000\r\nReceived: x; Tue, 2 Jan 1996 01:05:34 +0000\r\n", DATE),
        (b"Date: Wed, 3 Jan 99999 01:05:34 +0000\r\n", None),
        (b"Date: Wed, 3 Jan 1996 01:05:34 +9999999999\r\n", None),
        (b"Subject: x\r\n\r\nDate: Wed, 3 Jan 1996 01:05:34 +0000\r\n", None),
        (b"", None),
    ],
)
def test_the_date_of_a_message(header: bytes, date: int | None) -> None:
    assert message_date(header + b"\r\nText\r\n") == date
