"""Password hashes with argon2id. Nothing of AWS is in it; it is here because it draws salt."""

from __future__ import annotations

from argon2 import PasswordHasher


class Argon2Passwords:
    """Implements ``Passwords`` with the library's defaults, which follow RFC 9106's low-memory profile."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)
