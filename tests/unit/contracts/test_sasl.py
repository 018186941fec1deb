"""SASL's responses with a password."""

from __future__ import annotations

import pytest

from postroom.contracts import sasl

ADA, SECRET = "ada@acme.example", "pässwörd-9"


@pytest.mark.parametrize("authzid", ["", ADA, ADA.upper()])
def test_plain_has_a_name_and_a_password(authzid: str) -> None:
    (read, _latin_1) = sasl.plain(f"{authzid}\0{ADA}\0{SECRET}".encode())
    assert (read.user_name, read.password) == (ADA, SECRET)


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\0",
        b"\0\0",
        b"\0\0secret",
        b"ada@acme.example\0secret",
        b"\0ada@acme.example",
        b"eve@acme.example\0ada@acme.example\0secret",
        b"\0ada@acme.example\0sec\0ret",
    ],
)
def test_what_is_malformed_or_asks_for_another_user_has_no_reading(response: bytes) -> None:
    assert sasl.plain(response) == ()


def test_bytes_that_are_not_ascii_have_the_readings_of_basic() -> None:
    assert [each.password for each in sasl.login(ADA.encode(), SECRET.encode())] == [SECRET, "pÃ¤sswÃ¶rd-9"]
    assert [each.password for each in sasl.login(ADA.encode(), SECRET.encode("latin-1"))] == [SECRET]
    assert [each.password for each in sasl.login(ADA.encode(), b"plain")] == ["plain"]
    assert sasl.login(b"", b"secret") == ()


def test_credentials_have_no_representation() -> None:
    assert "secret" not in repr(sasl.login(b"ada", b"secret"))
