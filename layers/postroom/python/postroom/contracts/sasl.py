"""SASL's mechanisms with a password: PLAIN, and LOGIN, which every old client knows.

A response is bytes, after base64. PLAIN is ``[authzid] NUL authcid NUL password`` in UTF-8. Source: RFC 4616; LOGIN:
draft-murchison-sasl-login, which names no character set. So both have the readings of HTTP Basic.
"""

from __future__ import annotations

from typing import Final

from postroom.contracts.http_basic import Credentials, of_bytes

PLAIN: Final = "PLAIN"
LOGIN: Final = "LOGIN"

MECHANISMS: Final = (PLAIN, LOGIN)

LOGIN_CHALLENGES: Final = (b"Username:", b"Password:")
"""What a server asks for, before base64; Outlook compares these texts."""

MAX_RESPONSE_CHARACTERS: Final = 12_288
"""Longest response, in characters of base64. Source: RFC 4954, 4."""


def plain(response: bytes) -> tuple[Credentials, ...]:
    """Return what a response of PLAIN can mean; none if it is malformed or asks to act as another user.

    A user acts as itself: an authzid has to be empty or the same name, in any case. What a user may send in the name of
    others is said by From (``submission/author.py``).
    """
    authzid, _, rest = response.partition(b"\0")
    name, separator, password = rest.partition(b"\0")
    if not separator or b"\0" in password or authzid.lower() not in (b"", name.lower()):
        return ()
    return of_bytes(name, password)


def login(name: bytes, password: bytes) -> tuple[Credentials, ...]:
    """Return what the two responses of LOGIN can mean; none if there is no name."""
    return of_bytes(name, password)
