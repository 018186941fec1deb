"""Raw messages in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING

from postroom.contracts.orders import RawLocation
from postroom.contracts.outbound_orders import SealedLocation
from postroom.errors import MessageNotFoundError, UnreadableMailError
from postroom.ports.raw_mail import StoredRaw
from postroom.sealing import open_with_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postroom.ports.sealed_mail import SealedMail
    from postroom.ports.transit_keys import TransitKeys


@dataclass(slots=True)
class MemoryRawMail:
    """Implements ``RawMail`` and ``RawArchive``.

    Attributes:
        now: returns milliseconds since the epoch.
        keys, sealed: open what is sealed, and hold it.
    """

    bucket: str
    now: Callable[[], int]
    keys: TransitKeys | None = None
    sealed: SealedMail | None = None
    _objects: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def store(self, key: str, content: bytes) -> RawLocation:
        """Store a message as SES does: an object that exists is replaced."""
        with self._lock:
            self._objects[key] = (content, self.now())
        return RawLocation(bucket=self.bucket, key=key)

    def head(self, location: RawLocation, length_bytes: int) -> tuple[bytes, int]:
        content = self.read(location)
        return content[:length_bytes], len(content)

    def read(self, location: RawLocation) -> bytes:
        if isinstance(location, SealedLocation):
            return self._open(location)
        with self._lock:
            found = self._objects.get(location.key) if location.bucket == self.bucket else None
        if found is None:
            raise MessageNotFoundError("nothing is stored where the notification says")
        return found[0]

    def _open(self, location: SealedLocation) -> bytes:
        if self.keys is None or self.sealed is None:
            raise UnreadableMailError("this station opens no sealed mail")
        key = self.keys.unwrap(location.message_key, location.key)
        return b"".join(open_with_key(self.sealed.get(location.key), message_key=key))

    def keep(self, key: str, content: bytes) -> RawLocation:
        with self._lock:
            self._objects.setdefault(key, (content, self.now()))
        return RawLocation(bucket=self.bucket, key=key)

    def stored(self, prefix: str, *, after: str = "") -> Iterator[StoredRaw]:
        with self._lock:
            found = sorted((k, at) for k, (_, at) in self._objects.items() if k.startswith(prefix) and k > after)
        yield from (StoredRaw(key, at) for key, at in found)

    def remove(self, key: str) -> None:
        with self._lock:
            self._objects.pop(key, None)

    def remove_all(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.remove(key)
