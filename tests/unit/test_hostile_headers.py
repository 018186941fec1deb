"""Header blocks that are made to take much time: a function that times out fails its whole batch."""

from __future__ import annotations

import pytest

from postroom.mime.headers import Headers

FORTY_MB = 40 << 20


@pytest.mark.parametrize("line", [b"To: a@b.example\r\n", b"a: b\r\n", b"no colon\r\n", b"\n "])
@pytest.mark.timeout(6)
def test_a_block_of_forty_megabytes_costs_little(line: bytes) -> None:
    content = b"Subject: s\r\n" + line * (FORTY_MB // len(line))
    headers = Headers.of(content)
    headers.addresses("To")
    assert headers.text("Subject").startswith("s")


@pytest.mark.timeout(2)
def test_a_charset_with_a_slow_decoder_costs_little() -> None:
    Headers(b"Subject: " + b"=?punycode?q?abcdefgh?= " * 40_000 + b"\r\n\r\n").text("Subject")
