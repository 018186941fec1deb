"""Runs that are written apart from each other are one archive, for Python's zipfile as for every other reader."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib

from postroom.export.archive import LARGE, STORED, Entry, Member, RunIndex, RunWriter, directory

if TYPE_CHECKING:
    from pathlib import Path

NOON = 1_795_521_600_000
CONTENTS = st.binary(max_size=200) | st.builds(
    lambda part, times: part * times, st.binary(max_size=20), st.integers(0, 500)
)
RUNS = st.lists(st.lists(CONTENTS, max_size=5), max_size=4)
END = struct.Struct("<4s4H2IH")


def archive_of(*runs: list[tuple[Entry, bytes]]) -> bytes:
    parts: list[bytes] = []
    indexes = []
    for entries in runs:
        writer = RunWriter()
        for entry, content in entries:
            parts += writer.add(entry, content)
        indexes.append(RunIndex.load(writer.index().dump()))
    return b"".join([*parts, *directory(indexes)])


def opened(archive: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(archive))


@given(RUNS)
def test_runs_are_one_archive_with_every_content(runs: list[list[bytes]]) -> None:
    named = [
        [(Entry(f"Ordner {number}/{place}é.eml", NOON), each) for place, each in enumerate(contents)]
        for number, contents in enumerate(runs)
    ]
    with opened(archive_of(*named)) as archive:
        assert archive.testzip() is None
        expected = {entry.name: content for entries in named for entry, content in entries}
        assert {name: archive.read(name) for name in archive.namelist()} == expected


def test_the_same_entries_give_the_same_bytes() -> None:
    entries = [(Entry("Inbox/1.eml", NOON), b"Subject: a\r\n\r\n" * 100), (Entry("Inbox/", NOON), b"")]
    assert archive_of(entries) == archive_of(entries)


def test_content_that_does_not_shrink_is_stored_and_other_content_is_deflated() -> None:
    noise, text = (
        b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(100)),
        b"as it was agreed\r\n" * 100,
    )
    entries = [(Entry("noise", NOON), noise), (Entry("text", NOON), text), (Entry("empty", NOON), b"")]
    with opened(archive_of(entries)) as archive:
        assert [each.compress_type for each in archive.infolist()] == [
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
            zipfile.ZIP_STORED,
        ]


def test_headers_are_complete_and_no_data_descriptor_follows() -> None:
    header, data = RunWriter().add(Entry("a", NOON), b"x" * 1000)
    flags, crc, packed, size = struct.unpack_from("<6xH6xIII", header)
    assert (flags, crc, packed, size) == (0, isal_zlib.crc32(b"x" * 1000), len(data), 1000)


@pytest.mark.parametrize(("name", "flag"), [("Inbox/1.eml", 0), ("Entwürfe/1.eml", 0x800), ("受信/1.eml", 0x800)])
def test_only_names_beyond_ascii_are_marked_as_utf_8(name: str, flag: int) -> None:
    with opened(archive_of([(Entry(name, NOON), b"")])) as archive:
        assert [(each.filename, each.flag_bits) for each in archive.infolist()] == [(name, flag)]


@pytest.mark.parametrize(
    ("modified_ms", "dos"),
    [
        (NOON + 59_999, (2026, 11, 24, 12, 0, 58)),
        (0, (1980, 1, 1, 0, 0, 0)),
        (-99_999_999_999_999, (1980, 1, 1, 0, 0, 0)),
        (4_354_819_199_000, (2107, 12, 31, 23, 59, 58)),
        (99_999_999_999_999_999, (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_the_time_is_utc_within_what_dos_knows(modified_ms: int, dos: tuple[int, ...]) -> None:
    with opened(archive_of([(Entry("a", modified_ms), b"")])) as archive:
        assert archive.infolist()[0].date_time == dos


@given(st.datetimes(min_value=datetime(1901, 12, 14), max_value=datetime(2038, 1, 19), timezones=st.just(UTC)))  # noqa: DTZ001
def test_the_second_is_kept_in_the_extra_field(at: datetime) -> None:
    with opened(archive_of([(Entry("a", int(at.timestamp() * 1000)), b"")])) as archive:
        tag, size, which, seconds = struct.unpack("<2HBi", archive.infolist()[0].extra)
    assert (tag, size, which, seconds) == (0x5455, 5, 1, int(at.timestamp() * 1000) // 1000)


def test_a_time_beyond_32_bits_has_no_extra_field() -> None:
    with opened(archive_of([(Entry("a", (1 << 31) * 1000), b"")])) as archive:
        assert archive.infolist()[0].extra == b""


def test_files_and_folders_are_for_their_owner_alone() -> None:
    with opened(archive_of([(Entry("a/", NOON), b""), (Entry("a/b", NOON), b"")])) as archive:
        assert [each.external_attr >> 16 for each in archive.infolist()] == [0o040700, 0o100600]
        assert [each.is_dir() for each in archive.infolist()] == [True, False]


def test_a_name_that_no_archive_can_have_is_refused() -> None:
    assert RunWriter().add(Entry("a" * 65_535, NOON), b"")
    with pytest.raises(ValueError, match="too long"):
        RunWriter().add(Entry("a" * 65_536, NOON), b"")


@pytest.mark.parametrize(("count", "zip64"), [(0, False), (65_534, False), (65_535, True), (65_536, True)])
def test_65_535_entries_and_more_have_a_zip64_record(count: int, zip64: bool) -> None:
    run = RunIndex(tuple(Member(b"%d" % number, STORED, NOON, 0, 0, 0, 0) for number in range(count)), 0)
    *records, end = directory([run])
    assert (b"PK\6\6" in end, b"PK\6\7" in end) == (zip64, zip64)
    _, _, _, here, entries, size, start, _ = END.unpack(end[-END.size :])
    assert (here, entries, size, start) == (min(count, 65_535), min(count, 65_535), len(b"".join(records)), 0)
    assert len(opened(b"".join([*records, end])).namelist()) == count


def test_an_archive_beyond_4_gb_opens(tmp_path: Path) -> None:
    path, size = tmp_path / "large.zip", LARGE + 10
    large, small = RunWriter(), RunWriter()
    header = large.add_packed(Entry("zeros", NOON), method=STORED, crc=_crc_of_zeros(size), packed=size, size=size)
    with path.open("wb") as file:
        file.write(header)
        file.seek(size, io.SEEK_CUR)  # a hole: the file has no blocks there
        file.writelines(small.add(Entry("small", NOON), b"it begins beyond 4 GB"))
        file.writelines(directory([large.index(), small.index()]))
    with zipfile.ZipFile(path) as archive:
        assert [(each.filename, each.file_size) for each in archive.infolist()] == [("zeros", size), ("small", 21)]
        assert archive.read("small") == b"it begins beyond 4 GB"
        with archive.open("zeros") as content:
            assert content.read(1000) == bytes(1000)


def test_sizes_of_4_gb_are_in_the_local_header_too() -> None:
    header = RunWriter().add_packed(Entry("a", NOON), method=STORED, crc=0, packed=LARGE, size=LARGE)
    version, packed, size = struct.unpack_from("<4xH12xII", header)
    assert (version, packed, size) == (45, LARGE, LARGE)
    assert header[-20:] == struct.pack("<2H2Q", 1, 16, LARGE, LARGE)


@given(st.binary(max_size=100))
def test_bytes_that_are_no_index_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not an index"):
        RunIndex.load(content)


@given(st.data())
def test_an_index_that_is_cut_or_longer_is_refused(data: st.DataObject) -> None:
    writer = RunWriter()
    writer.add(Entry("Inbox/1.eml", NOON), b"a")
    whole = writer.index().dump()
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    for other in (cut, whole + b"\0"):
        with pytest.raises(ValueError, match="not an index"):
            RunIndex.load(other)


def _crc_of_zeros(size: int) -> int:
    """Return the CRC-32 of zero bytes; doubled, so that no bytes are needed."""
    whole, part, length = 0, isal_zlib.crc32(b"\0"), 1
    while size:
        if size & 1:
            whole = isal_zlib.crc32_combine(whole, part, length)
        part, length, size = isal_zlib.crc32_combine(part, part, length), length * 2, size // 2
    return whole
