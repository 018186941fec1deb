"""Archives that are legal, though other readers may refuse them, are read with every byte."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.imports.incoming import Incoming, IncomingFolder, Place, Skipped
from postroom.imports.zip_reader import read_zip
from postroom.model.folders import Folder
from postroom.model.limits import MAX_ADDED_BYTES, MAX_MESSAGE_BYTES
from tests.support.archives import DESCRIPTOR, MESSAGE, UTF_8, Archive, End, Part, archive

if TYPE_CHECKING:
    from pathlib import Path

    from postroom.imports.incoming import Found

SUMS = Part().sums()
DESCRIBED = replace(Part(), flags=DESCRIPTOR, local_sums=(0, 0, 0))
LARGE_EXTRA = struct.pack("<2H2Q", 1, 16, SUMS[2], SUMS[1])
UNICODE = "Büro/ü.eml".encode()
LEGAL = {
    "plain": archive(),
    "stored": archive(Part(method=0)),
    "descriptor": archive(replace(DESCRIBED, behind=b"PK\7\x08" + struct.pack("<3I", *SUMS))),
    "descriptor without signature": archive(replace(DESCRIBED, behind=struct.pack("<3I", *SUMS))),
    "descriptor of 8 bytes": archive(replace(DESCRIBED, behind=b"PK\7\x08" + struct.pack("<I2Q", *SUMS))),
    "descriptor of 8 bytes without signature": archive(replace(DESCRIBED, behind=struct.pack("<I2Q", *SUMS))),
    "sizes in the header and a descriptor": archive(Part(flags=DESCRIPTOR, behind=struct.pack("<3I", *SUMS))),
    "flag of a descriptor, and none": archive(Part(flags=DESCRIPTOR)),
    "zip64 sizes in the local header": archive(
        Part(local_sums=(SUMS[0], 0xFFFFFFFF, 0xFFFFFFFF), local_extra=LARGE_EXTRA)
    ),
    "zip64 end record": archive(end=End(zip64=True)),
    "zip64 end record beside a complete one": archive(end=End(zip64=True, short=(1, 1, 57, len(Part().local())))),
    "bytes in front": archive(prefix=b"#!/bin/sh\nexit\n" * 9),
    "bytes in front, zip64": archive(prefix=b"x" * 999, end=End(zip64=True)),
    "bytes in front that offsets count": archive(prefix=b"x" * 999, counts_prefix=True),
    "bytes between directory and end": archive(between=b"x" * 9),
    "comment": archive(end=End(comment=b"of an archive")),
    "comment with the mark of an end": archive(end=End(comment=b"PK\5\6" + b"x" * 30)),
    "comment with an end record of nothing": archive(
        end=End(comment=b"PK\5\6" + struct.pack("<4H2IH", 0, 0, 7, 7, 400, 9, 0))
    ),
    "gap between entries": archive(Part(behind=b"x" * 50), Part(b"Inbox/2.eml", b"")),
    "other order in the directory": archive(Part(), Part(b"Inbox/0.eml", b""), order=(1, 0)),
    "padding as extra field": archive(Part(extra=b"\0\0\0", local_extra=b"\0")),
    "damaged extra field": archive(Part(extra=b"\x55\x54\xff\xff\1")),
    "disks that zip64 states": archive(end=End(zip64=True, disk=0xFFFF)),
    "folder with packed data": archive(Part(), Part(b"Inbox/", b"", attributes=0o040700 << 16)),
    "attributes of a pipe": archive(Part(attributes=0o010600 << 16)),
    "zeros behind the end": archive() + bytes(9000),
    "root as a folder": archive(Part(b"./", b"", method=0), Part()),
    "no attributes": archive(Part(attributes=0)),
    "dots and empty parts": archive(Part(b"./Inbox//1.eml")),
    "backslashes of Windows": archive(Part(b"Inbox\\1.eml", host=0)),
}


def read(content: bytes) -> list[Found]:
    return list(read_zip(io.BytesIO(content)))


def messages(content: bytes) -> dict[str, bytes]:
    return {found.source: found.content for found in read(content) if isinstance(found, Incoming)}


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_archive_is_read(name: str) -> None:
    whole = read(LEGAL[name])
    found = next(each for each in whole if isinstance(each, Incoming))
    assert all(each.place.standard for each in whole if isinstance(each, IncomingFolder))
    assert (found.content, found.place, found.received) == (MESSAGE, Place(Folder.INBOX), 1_796_068_171_000)


@pytest.mark.parametrize(
    ("part", "path"),
    [
        (Part(UNICODE, flags=UTF_8), "Büro/ü.eml"),
        (Part(UNICODE), "Büro/ü.eml"),
        (Part("Büro/ü.eml".encode("cp437")), "Büro/ü.eml"),
        (
            Part(
                b"B_ro/_.eml",
                extra=struct.pack("<2HBI", 0x7075, 5 + len(UNICODE), 1, zlib.crc32(b"B_ro/_.eml")) + UNICODE,
            ),
            "Büro/ü.eml",
        ),
        (Part(b"B_ro/_.eml", extra=struct.pack("<2HBI", 0x7075, 5 + len(UNICODE), 1, 1) + UNICODE), "B_ro/_.eml"),
        (Part(b"a\\b/R: c.eml"), "a\\b/R: c.eml"),
    ],
)
def test_a_path_is_decoded(part: Part, path: str) -> None:
    assert list(messages(archive(part))) == [path]


@pytest.mark.parametrize("content", [archive(end=End(count=0, size=0), order=()), b"PK\5\6" + bytes(18)])
def test_an_empty_archive_holds_nothing(content: bytes) -> None:
    assert read(content) == []


@given(st.lists(st.binary(max_size=300), max_size=6), st.booleans())
def test_what_zipfile_writes_is_read(contents: list[bytes], streamed: bool) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return not streamed

        def tell(self) -> int:
            if streamed:
                raise io.UnsupportedOperation
            return super().tell()

    file = Pipe()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        for number, content in enumerate(contents):
            written.writestr(f"Ordner é/{number}.eml", content)
    assert list(messages(file.getvalue()).values()) == contents


def test_an_archive_of_65535_entries_needs_no_zip64_record() -> None:
    with io.BytesIO() as file:
        parts = tuple(Part(b"%d.txt" % number, b"", method=0) for number in range(0xFFFF - 1))
        file.write(Archive(parts=(*parts, Part())).bytes())
        found = list(read_zip(file))
    assert [each.source for each in found if isinstance(each, Incoming)] == ["Inbox/1.eml"]
    assert sum(isinstance(each, Skipped) for each in found) == 0xFFFF - 1


def test_an_entry_behind_4_gb_is_read(tmp_path: Path) -> None:
    start = 5 << 30
    with (tmp_path / "mail.zip").open("w+b") as file:
        file.seek(start)  # a hole, which takes no room
        file.write(Part().local() + Part().central(start))
        file.write(End(zip64=True).record(1, len(Part().central(start)), start + len(Part().local())))
        found = [each.content for each in read_zip(file) if isinstance(each, Incoming)]
    assert found == [MESSAGE]


def test_a_tree_of_folders_has_its_places() -> None:
    found = read(
        archive(
            Part(b"alice/", b"", method=0),
            Part(b"alice/Sent Items/1.eml"),
            Part(b"alice/INBOX/Projects/2.EML", b""),
            Part(b"alice/Calendar/3.ics", b"BEGIN:VCALENDAR"),
            Part(b"alice/Archiv/", b"", method=0),
            Part(b"__MACOSX/alice/INBOX/._1.eml", b"attributes"),
            Part(b"alice/INBOX/notes.txt", b"?", method=77),
        )
    )
    assert [(each.source, each.place, each.is_calendar) if isinstance(each, Incoming) else each for each in found] == [
        IncomingFolder(Place(None, ("Archiv",))),
        ("alice/Sent Items/1.eml", Place(Folder.SENT_ITEMS), False),
        ("alice/INBOX/Projects/2.EML", Place(Folder.INBOX, ("Projects",)), False),
        ("alice/Calendar/3.ics", Place(Folder.CALENDAR), True),
        Skipped("__MACOSX/alice/INBOX/._1.eml", "neither .eml nor .ics"),
        Skipped("alice/INBOX/notes.txt", "neither .eml nor .ics"),
    ]


@pytest.mark.parametrize("more", [0, 1])
def test_the_largest_message_of_a_mailbox_is_read(more: int) -> None:
    """A message may be as large as it may be when it arrives, and has SES's fields in front of it then."""
    content = bytes(MAX_MESSAGE_BYTES + MAX_ADDED_BYTES + more)
    found = next(
        each for each in read_zip(io.BytesIO(archive(Part(content=content)))) if not isinstance(each, IncomingFolder)
    )
    assert isinstance(found, Skipped if more else Incoming)
