"""Sealed messages in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import RLock

from postroom.errors import MessageNotFoundError


@dataclass(slots=True)
class MemorySealedMail:
    """Implements ``SealedMail``."""

    _objects: dict[str, bytes] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def put_once(self, key: str, sealed: bytes) -> bool:
        with self._lock:
            if key in self._objects:
                return False
            self._objects[key] = sealed
            return True

    def get(self, key: str) -> bytes:
        with self._lock:
            if key not in self._objects:
                raise MessageNotFoundError("there is no such sealed message")
            return self._objects[key]

    def delete(self, key: str) -> None:
        with self._lock:
            self._objects.pop(key, None)

    def under(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix."""
        with self._lock:
            return [key for key in self._objects if key.startswith(prefix)]
