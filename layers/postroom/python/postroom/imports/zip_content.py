"""Reads an entry's content: its local header must agree with the central directory, and its data with both.

Source: APPNOTE 4.3.7 (local header), 4.3.9 (data descriptor).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from isal import isal_zlib

from postroom.errors import InvalidArchiveError
from postroom.imports.zip_directory import LARGE, sizes_of
from postroom.imports.zip_entries import DEFLATED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.imports.zip_entries import Entry

CHUNK_BYTES: Final = 16 * 1024
"""Bytes that are deflated at once; they become at most 17 MB."""

INFLATE_ERROR: Final[Any] = isal_zlib.error
"""Raised for damaged data; the package says that it is an exception, and means a class of them."""

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_HAS_DESCRIPTOR: Final = 0x8
_AGREED: Final = 0x2061 | 0x800
"""Flags that must be the same in both headers: encryption, patch, UTF-8."""
_DESCRIPTOR_MAGIC: Final = b"PK\7\x08"
_SHORTEST_DESCRIPTOR, _LONGEST_DESCRIPTOR = 12, 24


def data_start(file: BinaryIO, entry: Entry, end: int) -> int:
    """Check an entry's local header and return where its data begins.

    Args:
        end: where the next entry begins, or the central directory.

    Raises:
        InvalidArchiveError: the header is another one, or the entry reaches over its end.
    """
    file.seek(entry.offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\3\4"):
        raise InvalidArchiveError(f"the local header of an entry is missing: {entry.path!r}")
    _, _, flags, method, _, _, crc, packed, size, names, extras = _LOCAL.unpack(head)
    name, extra = file.read(names), file.read(extras)
    start: int = entry.offset + _LOCAL.size + names + extras
    if start + entry.packed > end:
        raise InvalidArchiveError(f"two entries overlap: {entry.path!r} and the next")
    if (name, method, flags & _AGREED) != (entry.name, entry.method, entry.flags & _AGREED):
        raise _differs(entry)
    size, packed = sizes_of(extra, (size, packed))
    agrees = (crc, packed, size) == (entry.crc, entry.packed, entry.size)
    if flags & _HAS_DESCRIPTOR:
        if any(said not in (0, true, LARGE) for said, true in zip((crc, packed, size), entry[5:], strict=True)):
            raise _differs(entry)
        _check_descriptor(file, entry, start + entry.packed, end, needed=not agrees)
    elif not agrees:
        raise _differs(entry)
    return start


def content(file: BinaryIO, entry: Entry, end: int) -> bytes:
    """Return an entry's content; the caller has checked its method, and that its size fits into memory.

    Raises:
        InvalidArchiveError: the headers or the data are damaged, or the content has another size or checksum.
    """
    file.seek(data_start(file, entry, end))
    data = file.read(entry.packed)
    if entry.method == DEFLATED:
        data = _inflated(data, entry)
    if len(data) != entry.size:
        raise _has_other_size(entry)
    _check_sum(isal_zlib.crc32(data), entry)
    return data


def chunks(file: BinaryIO, entry: Entry, end: int) -> Iterator[bytes]:
    """Yield an entry's content in pieces. The file may be read elsewhere meanwhile.

    Raises:
        InvalidArchiveError: as for ``content``; for its size or checksum after the last piece.
    """
    place, left = data_start(file, entry, end), entry.packed
    inflater = isal_zlib.decompressobj(-isal_zlib.MAX_WBITS) if entry.method == DEFLATED else None
    size, crc = 0, 0
    while left:
        file.seek(place)
        data = file.read(min(left, CHUNK_BYTES))
        if not data:
            break
        place, left = place + len(data), left - len(data)
        piece = _decompressed(inflater, data, entry) if inflater else data
        size, crc = size + len(piece), isal_zlib.crc32(piece, crc)
        if size > entry.size:
            break
        yield piece
    if size != entry.size or (inflater and (not inflater.eof or inflater.unused_data)):
        raise _has_other_size(entry)
    _check_sum(crc, entry)


def _inflated(data: bytes, entry: Entry) -> bytes:
    """Return the content, or one byte more than the archive says, whatever the data would become."""
    inflater = isal_zlib.decompressobj(-isal_zlib.MAX_WBITS)
    plain = _decompressed(inflater, data, entry, entry.size + 1)
    if not inflater.eof or inflater.unused_data:
        raise _has_other_size(entry)
    return plain


def _decompressed(inflater: Any, data: bytes, entry: Entry, most: int = 0) -> bytes:
    """Return what data becomes, at most so many bytes unless ``most`` is 0."""
    try:
        plain: bytes = inflater.decompress(data, most)
    except INFLATE_ERROR as error:
        raise InvalidArchiveError(f"the data of an entry is damaged: {entry.path!r}") from error
    return plain


def _check_descriptor(file: BinaryIO, entry: Entry, place: int, end: int, *, needed: bool) -> None:
    """Check the sizes behind the data, in each form that programs write: with and without signature, 4 and 8 bytes."""
    file.seek(place)
    found = file.read(min(_LONGEST_DESCRIPTOR, end - place))
    if len(found) < _SHORTEST_DESCRIPTOR and not needed:
        return  # the local header is complete, and the program left the descriptor out
    forms = (struct.pack(form, entry.crc, entry.packed, entry.size) for form in _fitting(entry))
    if not any(found.startswith((form, _DESCRIPTOR_MAGIC + form)) for form in forms):
        raise _differs(entry)


def _fitting(entry: Entry) -> tuple[str, ...]:
    return ("<3I", "<I2Q") if max(entry.packed, entry.size) <= LARGE else ("<I2Q",)


def _check_sum(crc: int, entry: Entry) -> None:
    if crc != entry.crc:
        raise InvalidArchiveError(f"an entry has another checksum than the archive says: {entry.path!r}")


def _has_other_size(entry: Entry) -> InvalidArchiveError:
    return InvalidArchiveError(f"an entry is not as long as the archive says: {entry.path!r}")


def _differs(entry: Entry) -> InvalidArchiveError:
    return InvalidArchiveError(f"the headers of an entry differ: {entry.path!r}")
