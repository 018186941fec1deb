"""Password hashes. A password itself is never stored."""

from __future__ import annotations

from typing import Protocol


class Passwords(Protocol):
    """Slow, salted hashes."""

    def hash(self, password: str) -> str:
        """Return an argon2id hash in PHC format, with a new salt per call."""
