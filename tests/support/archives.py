"""Zip archives byte by byte: each field of each header can be another than it should."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field, replace

MESSAGE = b"Received: by mx.example; Mon, 30 Nov 2026 19:49:31 +0000\r\nSubject: one\r\n\r\nText.\r\n"
UTF_8, DESCRIPTOR, ENCRYPTED = 0x800, 0x8, 0x1


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


@dataclass(frozen=True)
class Part:
    """An entry. What is None follows from the content; the local header repeats the central record."""

    name: bytes = b"Inbox/1.eml"
    content: bytes = MESSAGE
    method: int = 8
    flags: int = 0
    host: int = 3
    attributes: int = 0o100600 << 16
    extra: bytes = b""
    data: bytes | None = None
    crc: int | None = None
    packed: int | None = None
    size: int | None = None
    offset: int | None = None
    disk: int = 0
    local_magic: bytes = b"PK\3\4"
    local_name: bytes | None = None
    local_method: int | None = None
    local_flags: int | None = None
    local_sums: tuple[int, int, int] | None = None
    local_extra: bytes = b""
    behind: bytes = b""
    """Bytes behind the data: a descriptor, or a gap."""

    def packed_data(self) -> bytes:
        if self.data is not None:
            return self.data
        return deflated(self.content) if self.method == 8 else self.content

    def sums(self) -> tuple[int, int, int]:
        """CRC, bytes of data, bytes of content."""
        own = (zlib.crc32(self.content), len(self.packed_data()), len(self.content))
        crc, packed, size = (
            true if said is None else said for said, true in zip((self.crc, self.packed, self.size), own, strict=True)
        )
        return crc, packed, size

    def local(self) -> bytes:
        name = self.name if self.local_name is None else self.local_name
        method = self.method if self.local_method is None else self.local_method
        flags = self.flags if self.local_flags is None else self.local_flags
        sums = self.local_sums or tuple(min(each, 0xFFFFFFFF) for each in self.sums())
        head = struct.pack(
            "<4s5H3I2H", self.local_magic, 20, flags, method, 0, 33, *sums, len(name), len(self.local_extra)
        )
        return head + name + self.local_extra + self.packed_data() + self.behind

    def central(self, offset: int) -> bytes:
        crc, packed, size = self.sums()
        place = offset if self.offset is None else self.offset
        large = [value for value in (size, packed, place) if value >= 0xFFFFFFFF]
        extra = self.extra
        if large:
            extra = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) + extra
        short = (min(value, 0xFFFFFFFF) for value in (packed, size))
        return (
            struct.pack("<4s2B5H", b"PK\1\2", 20, self.host, 20, self.flags, self.method, 0, 33)
            + struct.pack("<3I", crc, *short)
            + struct.pack("<5H2I", len(self.name), len(extra), 0, self.disk, 0, self.attributes, min(place, 0xFFFFFFFF))
            + self.name
            + extra
        )


@dataclass(frozen=True)
class End:
    """The end record. What is None follows from the archive; ``zip64`` adds the longer one and its locator."""

    count: int | None = None
    here: int | None = None
    size: int | None = None
    offset: int | None = None
    disk: int = 0
    comment: bytes = b""
    comment_length: int | None = None
    zip64: bool = False
    zip64_count: int | None = None
    locator: bytes | None = None
    short: tuple[int, int, int, int] | None = None

    def record(self, count: int, size: int, offset: int) -> bytes:
        count = count if self.count is None else self.count
        here = count if self.here is None else self.here
        size = size if self.size is None else self.size
        place = offset if self.offset is None else self.offset
        longer = b""
        short = self.short or (here & 0xFFFF, count & 0xFFFF, size, place)
        if self.zip64:
            many = count if self.zip64_count is None else self.zip64_count
            longer = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, many, many, size, place)
            locator = struct.pack("<4sIQI", b"PK\6\7", 0, offset + size, 1)
            longer += locator if self.locator is None else self.locator
            short = self.short or (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
        length = len(self.comment) if self.comment_length is None else self.comment_length
        return longer + struct.pack("<4s4H2IH", b"PK\5\6", self.disk, self.disk, *short, length) + self.comment


@dataclass(frozen=True)
class Archive:
    """An archive of parts; ``order`` is that of the central directory."""

    parts: tuple[Part, ...] = (Part(),)
    end: End = field(default_factory=End)
    prefix: bytes = b""
    between: bytes = b""
    order: tuple[int, ...] | None = None
    counts_prefix: bool = False

    def bytes(self) -> bytes:
        body, offsets = bytearray(self.prefix), []
        shift = 0 if self.counts_prefix else len(self.prefix)
        for part in self.parts:
            offsets.append(len(body) - shift)
            body += part.local()
        order = range(len(self.parts)) if self.order is None else self.order
        central = b"".join(self.parts[each].central(offsets[each]) for each in order)
        start = len(body) - shift
        return bytes(body) + central + self.between + self.end.record(len(self.parts), len(central), start)


def archive(*parts: Part, **options: object) -> bytes:
    """Return an archive of parts, of one message if there are none."""
    made = replace(Archive(), **({"parts": parts} if parts else {}), **options)  # type: ignore[arg-type]
    return made.bytes()
