"""Mbox files, written from bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FROM_LINE = b"From a@example.com Wed Jan  3 01:05:34 1996\n"

LINES = (
    b"From me\n",
    b"From a@example.com Sat Jan  3 01:05:34 1996\n",
    b"From: me\r\n",
    b">From you\r\n",
    b">>From all\n",
    b"> From\n",
    b"Subject: x\n",
    b"\n",
    b"\r\n",
    b"\r",
    b"text",
    b"\xff\0\n",
    b"Content-Length: 7\n",
    b"x" * 70_000,
    b"x" * 65_536,
)
"""Lines of messages, and parts of lines."""


def _joined(messages: Sequence[bytes], quoted: str, to: bytes) -> bytes:
    file = b""
    for each in messages:
        content = each if each.endswith(b"\n") or not each else each + b"\n"
        file += FROM_LINE + re.sub(quoted.encode(), to, content) + b"\n"
    return file


def mboxrd(messages: Sequence[bytes]) -> bytes:
    return _joined(messages, r"(?m)^(>*From )", rb">\1")


def mboxo(messages: Sequence[bytes]) -> bytes:
    return _joined(messages, r"(?m)^From ", b">From ")


def mboxcl2(bodies: Sequence[bytes]) -> bytes:
    head = b"Content-Length: %d\nSubject: x\n\n"
    return b"".join(FROM_LINE + head % len(body) + body + b"\n" for body in bodies)
