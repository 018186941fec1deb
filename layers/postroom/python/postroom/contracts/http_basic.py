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
    user_name, colon, password = data.partition(b":")
    return of_bytes(user_name, password) if colon else ()


def of_bytes(user_name: bytes, password: bytes) -> tuple[Credentials, ...]:
    """Return what the bytes of a name and a password can mean; none if there is no name."""
    data = [user_name, password]
    found = [tuple(each.decode("latin-1") for each in data)]
    with contextlib.suppress(UnicodeDecodeError):
        found.insert(0, tuple(each.decode("utf-8") for each in data))
    return tuple(Credentials(name, secret) for name, secret in dict.fromkeys(found) if name)
