"""Password hashes with argon2id. It is an adapter because it draws random salt; it does not use AWS."""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

if TYPE_CHECKING:
    from postroom.ports.passwords import Passwords

WITHOUT_USER: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$55wk05O1fUr1Vd0KR0cm0w$Eh0LcnLCPDQUPFWuvl+iZsC6bf0WAf0Fo/V+BhQnovg"
)
"""The hash for names without a user: the library's defaults, and no known password. Its parameters are checked by
tests/contract/test_passwords.py."""


class Argon2Passwords:
    """Implements ``Passwords`` with the defaults of the library, RFC 9106's low-memory profile."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def matches(self, password: str, hashed: str | None) -> bool:
        try:
            self._hasher.verify(hashed or WITHOUT_USER, password)
        except (InvalidHashError, VerificationError):
            return False
        return hashed is not None


MOST_REMEMBERED: Final = 10_000
"""Passwords that a process remembers, the latest ones. Ours: about 2 MB."""


class RememberedPasswords:
    """Implements ``Passwords``: a password that was right is compared with argon2 once per process.

    It is remembered under a digest of password and stored hash, with a key that the process draws and never writes
    down. So it is forgotten with the process, and does not count once the stored hash is another one. A wrong password
    costs what it costs without a memory.
    """

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()

    def hash(self, password: str) -> str:
        return self._passwords.hash(password)

    def matches(self, password: str, hashed: str | None) -> bool:
        digest = hmac.digest(self._key, f"{hashed}\0{password}".encode(), "sha256")
        if digest in self._right:
            self._right.move_to_end(digest)
            return True
        if not self._passwords.matches(password, hashed):
            return False
        self._right[digest] = None
        if len(self._right) > MOST_REMEMBERED:
            self._right.popitem(last=False)
        return True
