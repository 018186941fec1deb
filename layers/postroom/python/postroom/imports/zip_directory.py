"""Finds and reads the central directory of a zip archive, one record at a time.

Python's ``zipfile`` holds a record of every entry in memory, takes an end record out of a comment, and does not compare
counts; it refuses extra fields that others skip.

Source: PKWARE's APPNOTE 6.3.10, chapters 4.3.12 to 4.5.3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from postroom.errors import InvalidArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ENTRIES: Final = 5_000_000
"""Most entries of an archive. Ours."""

LARGE: Final = 0xFFFFFFFF
MANY: Final = 0xFFFF
"""Values that say "see the zip64 field"."""

ZIP64: Final = 1
"""Id of the extra field with sizes of 8 bytes."""

_END: Final = struct.Struct("<4s4H2IH")
_LOCATOR: Final = struct.Struct("<4sIQI")
_ZIP64_END: Final = struct.Struct("<4sQ2H2I4Q")
_CENTRAL: Final = struct.Struct("<4s2B5H3I5H2I")
_FIELD: Final = struct.Struct("<2H")
_END_MAGIC, _CENTRAL_MAGIC = b"PK\5\6", b"PK\1\2"


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the central directory is.

    Attributes:
        start: its first byte.
        size: its length in bytes.
        count: number of entries that the end record states.
        shift: bytes that were put in front of the archive; offsets in its records do not count them.
    """

    start: int
    size: int
    count: int
    shift: int


class Record(NamedTuple):
    """A central record. ``offset`` is where the local header begins in the file; ``host`` made the attributes."""

    name: bytes
    extra: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    host: int
    attributes: int


def find_directory(file: BinaryIO) -> Directory:
    """Find the central directory of an archive that may have other bytes in front, and a comment of any content.

    Raises:
        InvalidArchiveError: there is none, there are two, it is damaged, or has too many entries.
    """
    length = file.seek(0, 2)
    found: list[Directory] = []
    why: InvalidArchiveError | None = None
    for place, record in _end_records(file, length):
        try:
            found.append(_directory(file, place, record))
        except InvalidArchiveError as error:
            why = why or error
    if len(found) > 1:
        raise InvalidArchiveError("the archive has two central directories")
    if not found:
        raise why or InvalidArchiveError("this is no zip archive, or its end is missing")
    if found[0].count > MAX_ENTRIES:
        raise InvalidArchiveError(f"the archive has {found[0].count} entries, more than {MAX_ENTRIES}")
    if found[0].count * _CENTRAL.size > found[0].size:
        raise InvalidArchiveError("the central directory is too short for the entries that the archive says it has")
    return found[0]


def records(file: BinaryIO, directory: Directory) -> Iterator[Record]:
    """Yield the records of a directory, in its order. The file may be read elsewhere meanwhile.

    Raises:
        InvalidArchiveError: a record is damaged, or there are more or fewer than the end record states.
    """
    place, end = directory.start, directory.start + directory.size
    for number in range(directory.count):
        file.seek(place)
        head = file.read(_CENTRAL.size)
        if len(head) < _CENTRAL.size or not head.startswith(_CENTRAL_MAGIC) or place + _CENTRAL.size > end:
            raise InvalidArchiveError(f"the central directory is damaged at entry {number + 1}")
        lengths = struct.unpack_from("<3H", head, 28)
        rest = file.read(sum(lengths))
        place += len(head) + len(rest)
        if len(rest) < sum(lengths) or place > end:
            raise InvalidArchiveError(f"the central directory ends within entry {number + 1}")
        yield _record(head, rest, directory)
    if end - place and not _is_signature(file, place, end):
        raise InvalidArchiveError("the archive has more entries than it says")


def sizes_of(extra: bytes, values: tuple[int, ...]) -> tuple[int, ...]:
    """Return sizes and offset, those that are ``LARGE`` taken from the zip64 field, if there is one.

    Raises:
        InvalidArchiveError: the field is too short.
    """
    if LARGE not in values:
        return values
    field = field_of(extra, ZIP64)
    if field is None:
        return values
    large = values.count(LARGE)
    if len(field) < 8 * large:
        raise InvalidArchiveError("a zip64 field is too short")
    true = iter(struct.unpack_from(f"<{large}Q", field))
    return tuple(next(true) if value == LARGE else value for value in values)


def field_of(extra: bytes, wanted: int) -> bytes | None:
    """Return the content of an extra field; padding and damaged fields at the end are skipped."""
    place = 0
    while place + _FIELD.size <= len(extra):
        kind, length = _FIELD.unpack_from(extra, place)
        place += _FIELD.size
        if kind == wanted and place + length <= len(extra):
            return extra[place : place + length]
        place += length
    return None


def _end_records(file: BinaryIO, length: int) -> Iterator[tuple[int, bytes]]:
    """Yield the places of what may be the end record, the last first: its comment must end where the file ends.

    Only zeros may be behind it: bsdtar fills the last block of what it writes into a pipe.
    """
    start = max(length - _END.size - MANY, 0)
    file.seek(start)
    tail = file.read()
    place = tail.rfind(_END_MAGIC)
    while place >= 0:
        record = tail[place : place + _END.size]
        if len(record) == _END.size:
            end = place + _END.size + _END.unpack(record)[-1]
            if end <= len(tail) and not any(tail[end:]):
                yield start + place, record
        place = tail.rfind(_END_MAGIC, 0, place)


def _directory(file: BinaryIO, place: int, record: bytes) -> Directory:
    _, disk, first_disk, here, count, size, offset, _ = _END.unpack(record)
    end = place
    large = _zip64_end(file, place, offset)
    if large is not None:
        end, values = large
        for short, value, limit in zip((here, count, size, offset), values, (MANY, MANY, LARGE, LARGE), strict=True):
            if short not in (value, limit):
                raise InvalidArchiveError("the two end records of the archive differ")
        here, count, size, offset = values
    elif size == LARGE or offset == LARGE:
        raise InvalidArchiveError("the zip64 end record is missing")
    if here != count or (disk, first_disk) not in ((0, 0), (MANY, MANY)):
        raise InvalidArchiveError("this is one of several parts of an archive")
    if size > end:
        raise InvalidArchiveError("the central directory is longer than the file")
    start = _start(file, offset, size, end, count)
    return Directory(start, size, count, start - offset)


def _start(file: BinaryIO, offset: int, size: int, end: int, count: int) -> int:
    """Return where the directory begins: just before the end record, or else where that says."""
    for start in (end - size, offset):
        if offset <= start and start + size <= end:
            file.seek(start)
            if not count or file.read(4) == _CENTRAL_MAGIC:
                return start
    raise InvalidArchiveError("the central directory is not where the archive says")


def _zip64_end(file: BinaryIO, place: int, offset: int) -> tuple[int, tuple[int, int, int, int]] | None:
    """Return where the zip64 end record begins, with its values; ``None`` if the archive has none."""
    if place < _LOCATOR.size:
        return None
    file.seek(place - _LOCATOR.size)
    magic, disk, where, disks = _LOCATOR.unpack(file.read(_LOCATOR.size))
    if magic != b"PK\6\7":
        return None
    if disk or disks > 1:
        raise InvalidArchiveError("this is one of several parts of an archive")
    last = place - _LOCATOR.size
    for start in (where, last - _ZIP64_END.size):
        if not 0 <= start <= last - _ZIP64_END.size:
            continue
        file.seek(start)
        magic, length, _, _, disk, first_disk, *values = _ZIP64_END.unpack(file.read(_ZIP64_END.size))
        if magic == b"PK\6\6" and start + 12 + length == last and not disk and not first_disk:
            here, count, size, offset = values
            return start, (here, count, size, offset)
    raise InvalidArchiveError("the zip64 end record is damaged")


def _record(head: bytes, rest: bytes, directory: Directory) -> Record:
    _, _, host, _, flags, method, _, _, crc, packed, size, names, extras, _, disk, _, attributes, offset = (
        _CENTRAL.unpack(head)
    )
    if disk not in (0, MANY):
        raise InvalidArchiveError("an entry is in another part of the archive")
    extra = rest[names : names + extras]
    size, packed, offset = sizes_of(extra, (size, packed, offset))
    offset += directory.shift
    if offset + packed > directory.start:
        raise InvalidArchiveError("an entry is outside the archive")
    return Record(rest[:names], extra, flags, method, crc, packed, size, offset, host, attributes)


def _is_signature(file: BinaryIO, place: int, end: int) -> bool:
    """Say whether a directory ends with a digital signature (APPNOTE 4.3.13), which is not read."""
    file.seek(place)
    head = file.read(6)
    return head.startswith(b"PK\5\5") and place + 6 + int.from_bytes(head[4:], "little") == end
