"""Password hashes with argon2id. It is an adapter because it draws random salt; it does not use AWS."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

OF_NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$55wk05O1fUr1Vd0KR0cm0w$Eh0LcnLCPDQUPFWuvl+iZsC6bf0WAf0Fo/V+BhQnovg"
"""A hash with the library's defaults and no known password; tests/contract/test_passwords.py checks its parameters."""


class Argon2Passwords:
    """Implements ``Passwords`` with the defaults of the library, RFC 9106's low-memory profile."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def matches(self, password: str, hashed: str | None) -> bool:
        try:
            self._hasher.verify(hashed or OF_NOBODY, password)
        except (InvalidHashError, VerificationError):
            return False
        return hashed is not None
