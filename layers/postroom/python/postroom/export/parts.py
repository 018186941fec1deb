"""Cuts the bytes of a run, or of an archive's end, into parts of an upload."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.ports.export_uploads import MIN_PART_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class PartCutter:
    """Cuts bytes into parts of ``part_bytes``; what is left at the end is long enough for a part, if any was cut."""

    part_bytes: int
    _waiting: bytearray = field(default_factory=bytearray)

    def add(self, piece: bytes) -> Iterator[bytes]:
        """Add bytes, and yield the parts that are whole."""
        self._waiting += piece
        while len(self._waiting) >= self.part_bytes + MIN_PART_BYTES:
            with memoryview(self._waiting) as view:
                part = bytes(view[: self.part_bytes])
            del self._waiting[: self.part_bytes]
            yield part

    def rest(self) -> bytes:
        """Return what is left: at most ``part_bytes`` and the size of a smallest part."""
        return bytes(self._waiting)
