"""The manifest as a zip entry in pieces: each packer deflates the lines of its run, the sealer joins the pieces.

A piece is deflated data that ends at a byte ("full flush", RFC 1951) without a last block, so that pieces that are put
together and ``END`` are one stream. The CRC of the whole follows from those of the pieces: the header is written
before the first piece is read again.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isal import isal_zlib

from postroom.contracts.export_manifest import MANIFEST, write_line
from postroom.export.archive import DEFLATED, LEVEL, Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.contracts.export_manifest import ManifestLine
    from postroom.export.archive import RunWriter

END: Final = b"\3\0"
"""An empty last block, behind the last piece."""

_SUMS: Final = struct.Struct("<QQI")


class Sums(NamedTuple):
    """What the header needs of a piece: bytes of its data, bytes and CRC-32 of its lines."""

    packed: int
    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of a manifest, deflated."""

    data: bytes
    sums: Sums

    def dump(self) -> bytes:
        """Return the piece as bytes, for ``load``."""
        return _SUMS.pack(*self.sums) + self.data

    @classmethod
    def load(cls, content: bytes) -> Piece:
        """Read the bytes of ``dump``.

        Raises:
            ValueError: these are no such bytes.
        """
        if len(content) < _SUMS.size:
            raise ValueError("not a piece of a manifest")
        sums, data = Sums(*_SUMS.unpack_from(content)), content[_SUMS.size :]
        if sums.packed != len(data):
            raise ValueError("not a piece of a manifest")
        return cls(data, sums)


@dataclass(slots=True)
class PieceWriter:
    """Deflates lines as they come."""

    _size: int = 0
    _crc: int = 0
    _data: list[bytes] = field(default_factory=list)
    _deflater: Any = field(default_factory=lambda: isal_zlib.compressobj(LEVEL, wbits=-isal_zlib.MAX_WBITS))

    def add(self, line: ManifestLine) -> None:
        """Add a line."""
        text = write_line(line)
        self._size += len(text)
        self._crc = isal_zlib.crc32(text, self._crc)
        self._data.append(self._deflater.compress(text))

    def piece(self) -> Piece:
        """Return the piece; the writer takes no more lines then."""
        self._data.append(self._deflater.flush(isal_zlib.Z_FULL_FLUSH))
        data = b"".join(self._data)
        return Piece(data, Sums(len(data), self._size, self._crc))


def piece_of(lines: Iterable[ManifestLine]) -> Piece:
    """Return a piece with these lines."""
    writer = PieceWriter()
    for line in lines:
        writer.add(line)
    return writer.piece()


def add_manifest(writer: RunWriter, pieces: Iterable[Sums], modified_ms: int) -> bytes:
    """Add the manifest to a run and return its header; behind it the caller writes each piece's data, then ``END``.

    Args:
        pieces: in the order in which their data is written.
        modified_ms: the entry's time, in milliseconds since the epoch.
    """
    packed, size, crc = len(END), 0, 0
    for piece in pieces:
        packed, size = packed + piece.packed, size + piece.size
        crc = isal_zlib.crc32_combine(crc, piece.crc, piece.size)
    return writer.add_packed(Entry(MANIFEST, modified_ms), method=DEFLATED, crc=crc, packed=packed, size=size)
