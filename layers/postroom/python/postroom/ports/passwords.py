"""How passwords are kept: never themselves."""

from __future__ import annotations

from typing import Protocol


class Passwords(Protocol):
    """Slow, salted hashes."""

    def hash(self, password: str) -> str:
        """Return an argon2id hash in PHC format, another one each time."""
