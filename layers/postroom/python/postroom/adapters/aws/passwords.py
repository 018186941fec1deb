"""Password hashes with argon2id. It is an adapter because it draws random salt; it does not use AWS."""

from __future__ import annotations

from argon2 import PasswordHasher


class Argon2Passwords:
    """Implements ``Passwords`` with the defaults of the library, RFC 9106's low-memory profile."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)
