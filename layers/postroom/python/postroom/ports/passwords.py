"""Password hashes. A password itself is never stored. Suite: tests/contract/test_passwords.py."""

from __future__ import annotations

from typing import Protocol


class Passwords(Protocol):
    """Slow, salted hashes."""

    def hash(self, password: str) -> str:
        """Return an argon2id hash in PHC format, with a new salt per call."""

    def matches(self, password: str, hashed: str | None) -> bool:
        """Return whether a hash is of this password.

        Without a hash the answer is False after the same time, so that its duration does not tell which users exist.
        """
