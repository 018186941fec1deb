"""Cuts the bytes of a run, or of an archive's end, into parts of an upload."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.ports.export_uploads import MIN_PART_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class PartCutter:
    """Cuts bytes into parts of ``part_bytes``; what is left at the end is long enough for a part, if any was cut.

    Bytes are copied once, when a part is made of them.
    """

    part_bytes: int
    _waiting: deque[bytes | memoryview] = field(default_factory=deque)
    _length: int = 0

    def add(self, piece: bytes) -> Iterator[bytes]:
        """Add bytes, and yield the parts that are whole."""
        self._waiting.append(piece)
        self._length += len(piece)
        while self._length >= self.part_bytes + MIN_PART_BYTES:
            yield self._cut()

    def rest(self) -> bytes:
        """Return what is left: at most ``part_bytes`` and the size of a smallest part."""
        return b"".join(self._waiting)

    def _cut(self) -> bytes:
        pieces, room = list[bytes | memoryview](), self.part_bytes
        while room:
            piece = self._waiting.popleft()
            if len(piece) > room:
                view = memoryview(piece)
                self._waiting.appendleft(view[room:])
                piece = view[:room]
            pieces.append(piece)
            room -= len(piece)
        self._length -= self.part_bytes
        return b"".join(pieces)
