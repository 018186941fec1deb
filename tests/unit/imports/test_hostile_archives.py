"""Archives that are made to do harm are refused with the reason, before anything is yielded."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace

import pytest

from postroom.errors import InvalidArchiveError
from postroom.imports.zip_directory import MAX_ENTRIES
from postroom.imports.zip_reader import read_zip
from postroom.model.limits import MAX_STORED_BYTES
from tests.support.archives import DESCRIPTOR, ENCRYPTED, MESSAGE, UTF_8, End, Part, archive, deflated

SUMS = Part().sums()
SECOND = Part(b"Inbox/2.eml")
LENGTH = len(Part().local())
ZEROS = deflated(bytes(MAX_STORED_BYTES))
QUOTED = Part(b"Inbox/1.eml", SECOND.local(), method=0)
"""An entry whose stored content is the local header and the data of the second."""
BOMB = [Part(b"Inbox/%d.eml" % number, data=ZEROS, size=MAX_STORED_BYTES, crc=0) for number in range(30)]
TEN_MILLION = End(zip64=True, zip64_count=10_000_000)


def flagged(flags: int) -> Part:
    return Part(flags=flags)


def mode(kind: int) -> Part:
    return Part(attributes=(kind | 0o644) << 16)


HOSTILE: dict[str, tuple[bytes, str]] = {
    "path that leaves": (archive(Part(), Part(b"../../.ssh/authorized_keys")), "leads out"),
    "path that leaves in its middle": (archive(Part(b"Inbox/../../1.eml")), "leads out"),
    "path that leaves on Windows": (archive(Part(b"Inbox\\..\\..\\1.eml")), "leads out"),
    "path that leaves, in the Unicode field": (
        archive(Part(extra=struct.pack("<2HBI", 0x7075, 13, 1, zlib.crc32(b"Inbox/1.eml")) + b"../1.eml")),
        "leads out",
    ),
    "absolute path": (archive(Part(b"/etc/cron.d/1.eml")), "absolute path"),
    "share of Windows": (archive(Part(b"\\\\server\\share\\1.eml")), "absolute path"),
    "drive": (archive(Part(b"C:\\1.eml")), "absolute path"),
    "drive with slashes": (archive(Part(b"C:/1.eml")), "absolute path"),
    "drive without a separator": (archive(Part(b"C:1.eml", host=0)), "absolute path"),
    "NUL": (archive(Part(b"Inbox/1.eml\0.exe")), "NUL"),
    "no name": (archive(Part(b"")), "no name"),
    "no UTF-8": (archive(Part(b"\xff.eml", flags=UTF_8)), "not UTF-8"),
    "a thousand folders": (archive(Part(b"a/" * 1000 + b"1.eml")), "more than 64 folders"),
    "same path twice": (archive(Part(), Part(content=b"other")), "same path"),
    "same path, written differently": (archive(Part(), Part(b"Inbox/./1.eml")), "same path"),
    "link": (archive(mode(0o120000)), "a link"),
    "device": (archive(mode(0o020000)), "no file"),
    "socket": (archive(mode(0o140000)), "no file"),
    "folder with content": (archive(Part(b"Inbox/")), "folder has content"),
    "encrypted": (archive(flagged(ENCRYPTED)), "encrypted"),
    "strongly encrypted": (archive(flagged(ENCRYPTED | 0x40)), "encrypted"),
    "masked headers": (archive(flagged(0x2000)), "encrypted"),
    "encrypted with AES": (archive(Part(method=99)), "encrypted"),
    "encrypted, says the local header alone": (archive(Part(local_flags=ENCRYPTED)), "headers of an entry differ"),
    "patch": (archive(flagged(0x20)), "a patch"),
    "one entry twice in the directory": (archive(Part(), replace(SECOND, offset=0)), "overlap"),
    "entry in an entry": (archive(QUOTED, replace(SECOND, offset=len(QUOTED.local()) - len(QUOTED.content))), "overl"),
    "entry with the directory as its data": (archive(Part(packed=SUMS[1] + 20)), "outside the archive|overlap"),
    "entry behind the archive": (archive(Part(offset=1 << 40)), "outside the archive"),
    "bomb in one entry": (archive(Part(size=1 << 40, local_sums=SUMS)), "cannot have the size"),
    "size that no file has": (archive(Part(b"a.bin", method=9, size=(1 << 64) - 1)), "cannot have the size"),
    "bomb in many entries": (archive(*BOMB), "would grow"),
    "bomb that hides its size": (archive(Part(content=b"", data=ZEROS)), "not as long"),
    "size too large": (archive(Part(size=SUMS[2] + 1)), "not as long"),
    "size too small": (archive(Part(size=SUMS[2] - 1)), "not as long"),
    "data behind its end": (archive(Part(data=deflated(MESSAGE) + b"more")), "not as long"),
    "stored with two sizes": (archive(Part(method=0, size=1)), "two sizes"),
    "ten million entries": (archive(end=TEN_MILLION), f"10000000 entries, more than {MAX_ENTRIES}"),
    "more entries than said": (archive(Part(), SECOND, end=End(count=1)), "more entries than it says"),
    "fewer entries than said": (archive(Part(), end=End(count=2)), "too short"),
    "another name in the local header": (archive(Part(local_name=b"Inbox/2.eml")), "headers of an entry differ"),
    "another method in the local header": (archive(Part(local_method=0)), "headers of an entry differ"),
    "other sizes in the local header": (archive(Part(local_sums=(*SUMS[:2], 1))), "headers of an entry differ"),
    "another checksum in the local header": (archive(Part(local_sums=(1, *SUMS[1:]))), "headers of an entry differ"),
    "other sizes behind the data": (
        archive(Part(flags=DESCRIPTOR, local_sums=(0, 0, 0), behind=b"PK\7\x08" + struct.pack("<3I", 1, 2, 3))),
        "headers of an entry differ",
    ),
    "two directories": (archive(end=End(comment=archive())), "two central directories"),
    "two end records": (archive(end=End(zip64=True, short=(2, 2, 0, 0))), "two end records"),
    "several parts": (archive(end=End(disk=1)), "several parts"),
    "entry in another part": (archive(Part(disk=1)), "another part"),
    "unknown method": (archive(Part(method=9)), "Deflate64"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_before_anything_is_yielded(name: str) -> None:
    content, reason = HOSTILE[name]
    with pytest.raises(InvalidArchiveError, match=reason):
        next(read_zip(io.BytesIO(content)))


def test_a_reason_names_an_entry_without_its_control_characters() -> None:
    with pytest.raises(InvalidArchiveError) as refused:
        next(read_zip(io.BytesIO(archive(Part(b"../\x1b[2Jred\r\n.eml")))))
    assert str(refused.value).isprintable()


class Endless(io.RawIOBase):
    """An archive with as many entries as its directory has room for: the records are made when they are read."""

    def __init__(self, count: int, said: int) -> None:
        self.record = Part(b"0000000.eml", b"", method=0).central(0)
        self.size = len(self.record) * count
        self.tail = End(zip64=True).record(said, self.size, 0)
        self.place = 0
        self.bytes_read = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.place = self.size + len(self.tail) + offset if whence == 2 else offset
        return self.place

    def read(self, size: int = -1) -> bytes:
        whole = self.size + len(self.tail)
        end = whole if size < 0 else min(self.place + size, whole)
        first = min(self.place, self.size) // len(self.record)
        numbers = range(first, min(-(-end // len(self.record)), self.size // len(self.record)))
        found = b"".join(self.record[:46] + b"%07d" % number + self.record[53:] for number in numbers)
        if end > self.size:
            found += self.tail
        start = self.place - first * len(self.record)
        found = found[start : start + end - self.place]
        self.place += len(found)
        self.bytes_read += len(found)
        return found


@pytest.mark.parametrize("said", [10_000_000, MAX_ENTRIES + 1])
def test_ten_million_entries_are_refused_unread(said: int) -> None:
    file = Endless(10_000_000, said)
    with pytest.raises(InvalidArchiveError, match=f"{said} entries, more than {MAX_ENTRIES}"):
        next(read_zip(file))  # type: ignore[arg-type]
    assert file.bytes_read < 70_000


def test_entries_that_are_not_counted_end_the_reading_at_once() -> None:
    file = Endless(10_000_000, 1)
    with pytest.raises(InvalidArchiveError):
        next(read_zip(file))  # type: ignore[arg-type]
    assert file.bytes_read < 70_000
