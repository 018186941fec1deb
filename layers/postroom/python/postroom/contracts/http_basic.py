"""HTTP Basic authentication: user name and password of an Authorization header.

Source: RFC 7617. It leaves the character set open where a server names none, and Postroom cannot name one: WorkMail's
challenge has none. So bytes that are not ASCII have two readings: UTF-8, which Outlook and macOS write, and Latin-1,
which Python's requests and so exchangelib write.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from dataclasses import dataclass
from typing import Final

MAX_CHARACTERS: Final = 4096
"""Longest header. Ours: a name of 320 and a password of 256 characters, the most of the API, fit in either form."""


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A user name and a password. They have no representation, so that no log has them."""

    user_name: str
    password: str


def readings(header: str) -> tuple[Credentials, ...]:
    """Return what a header can mean: one or two readings, UTF-8 first; none if it is no Basic authentication."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(header) > MAX_CHARACTERS:
        return ()
    try:
        data = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return ()
    texts = [data.decode("latin-1")]
    with contextlib.suppress(UnicodeDecodeError):
        texts.insert(0, data.decode("utf-8"))
    parts = [text.partition(":") for text in dict.fromkeys(texts)]
    return tuple(Credentials(user_name, password) for user_name, colon, password in parts if colon and user_name)
