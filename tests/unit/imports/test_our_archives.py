"""Our exports come back with the places, dates and flags of their manifest, also after another program packed them."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from postroom.contracts.export_manifest import ManifestFolder, ManifestHead, ManifestItem, MissingItem, write_line
from postroom.errors import InvalidArchiveError
from postroom.imports.directory import read_directory
from postroom.imports.incoming import Incoming, IncomingFolder, Place, Skipped
from postroom.imports.zip_reader import read_zip
from postroom.model.folders import FOLDER_CLASS, Folder
from postroom.model.mailbox import FolderInfo
from tests.support.archives import MESSAGE, Part, archive
from tests.support.exported import RECEIVED, exported

if TYPE_CHECKING:
    from pathlib import Path

    from postroom.contracts.export_manifest import ManifestLine
    from postroom.imports.incoming import Found

CONTENTS = [MESSAGE, b"", MESSAGE * 3]


def folder(identity: str, name: str, parent: str | None = None) -> FolderInfo:
    return FolderInfo(identity, name, parent, "IPF.Note", None, 1, 1)


HARD = [
    folder("f1", "Inbox"),
    folder("f2", "a/../b\0", "f1"),
    *(folder(f"d{depth}", "x" * 60, f"d{depth - 1}" if depth else "INBOX") for depth in range(5)),
]


def read(content: bytes) -> list[Found]:
    return list(read_zip(io.BytesIO(content)))


def items(found: list[Found]) -> list[Incoming]:
    return [each for each in found if isinstance(each, Incoming)]


def packed_again(content: bytes, below: str = "") -> bytes:
    """The same files in the order of their names, as ``zip -r`` writes them after ``unzip``."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist(), reverse=True):
            new.writestr(below + name, old.read(name))
    return file.getvalue()


def test_an_item_is_as_the_manifest_describes_it() -> None:
    first, second, third = items(read(exported(CONTENTS)))
    assert first == Incoming(
        source="Inbox/20261130T194931Z-1.eml",
        place=Place(Folder.INBOX),
        content=MESSAGE,
        received=RECEIVED + 1,
        read=True,
        flags=("\\Flagged",),
        keywords=("$Work",),
        categories=("Blue",),
        item_class="IPM.Note",
        sha256=hashlib.sha256(MESSAGE).hexdigest(),
    )
    assert (second.content, second.read, third.content) == (b"", False, MESSAGE * 3)


def test_folders_come_first_and_empty_ones_too() -> None:
    found = read(exported([MESSAGE]))
    folders = found[: len(Folder)]
    assert sorted(map(repr, folders)) == sorted(
        repr(IncomingFolder(Place(each), FOLDER_CLASS[each])) for each in Folder
    )


@pytest.mark.parametrize(
    ("identity", "place"),
    [
        ("SENT_ITEMS", Place(Folder.SENT_ITEMS)),
        ("f1", Place(None, ("Inbox",))),
        ("f2", Place(None, ("Inbox", "a/../b\0"))),
        ("d1", Place(Folder.INBOX, ("x" * 60,) * 2)),
        ("d4", Place(Folder.INBOX, ("x" * 60,) * 5)),
    ],
)
def test_a_place_has_the_true_names(identity: str, place: Place) -> None:
    found = read(exported([MESSAGE], identity, HARD))
    assert items(found)[0].place == place
    assert place in [each.place for each in found if isinstance(each, IncomingFolder)]


@pytest.mark.parametrize("below", ["", "alice/", "a/b/"])
def test_an_export_that_was_packed_again_says_the_same(below: str) -> None:
    whole = exported(CONTENTS, "f2", HARD)
    again = read(packed_again(whole, below))

    def by_hash(found: list[Found]) -> list[Incoming]:
        return sorted(items(found), key=lambda item: item.sha256 or "")

    assert by_hash(again) == by_hash(read(whole))
    assert [each for each in again if isinstance(each, Skipped)] == []


def test_an_export_that_was_unpacked_says_the_same(tmp_path: Path) -> None:
    whole = exported(CONTENTS, "f2", HARD)
    zipfile.ZipFile(io.BytesIO(whole)).extractall(tmp_path / "alice")
    found = list(read_directory(tmp_path / "alice"))
    assert sorted(items(found), key=lambda item: item.source) == items(read(whole))
    assert not any(isinstance(each, Skipped) for each in found)


def line(path: str, **changes: object) -> ManifestItem:
    known = {"folder": ("Inbox",), "size": 1, "received": RECEIVED, "sha256": "0" * 64, **changes}
    return ManifestItem.model_validate({"path": path, **known})


def with_manifest(lines: list[ManifestLine], *parts: Part, behind: bytes = b"") -> bytes:
    text = b"".join(write_line(each) for each in lines) + behind
    return archive(*parts, Part(b"manifest.jsonl", text))


INBOX = ManifestFolder(path="Inbox", folder=("Inbox",), standard="INBOX")


def test_what_manifest_and_archive_do_not_share_is_named() -> None:
    missing = MissingItem(path="Inbox/3.eml", folder=(), size=1, received=1, cause="does not open")
    found = read(
        with_manifest(
            [ManifestHead(), INBOX, line("Inbox/1.eml"), line("Inbox/2.eml"), missing],
            Part(b"Inbox/1.eml"),
            Part(b"Inbox/added.eml"),
            Part(b"Elsewhere/added.eml"),
        )
    )
    assert [(each.source, each.place) for each in items(found)] == [
        ("Inbox/1.eml", Place(Folder.INBOX)),
        ("Inbox/added.eml", Place(Folder.INBOX)),
        ("Elsewhere/added.eml", Place(None, ("Elsewhere",))),
    ]
    assert [each for each in found if isinstance(each, Skipped)] == [
        Skipped("Inbox/2.eml", "the manifest names it, and the source does not have it"),
        Skipped("Inbox/3.eml", "the export does not have it: does not open"),
    ]


@pytest.mark.parametrize(
    ("lines", "behind", "reason"),
    [
        ([ManifestHead(), INBOX, INBOX], b"", "line 3 of the manifest has the path of another"),
        ([ManifestHead()], b'{"kind":"item"}\n', "line 2 of the manifest is damaged"),
        ([ManifestHead()], b"[" * 100_000, "line 2 of the manifest is damaged"),
        ([ManifestHead()], b"x" * 300_000, "a line of the manifest is too long"),
        ([ManifestHead()], b"\xff\n", "line 2 of the manifest is damaged"),
    ],
)
def test_a_damaged_manifest_is_refused(lines: list[ManifestLine], behind: bytes, reason: str) -> None:
    with pytest.raises(InvalidArchiveError, match=reason):
        read(with_manifest(lines, Part(), behind=behind))


def test_a_manifest_without_end_is_refused() -> None:
    with pytest.raises(InvalidArchiveError, match="the manifest is too large"):
        read(with_manifest([ManifestHead()], Part(), behind=b"\n" * (17 << 20)))


@pytest.mark.parametrize("text", [b"", b"{}\n", b"notes of mine", write_line(INBOX)])
def test_a_file_that_only_has_the_name_of_a_manifest_is_no_manifest(text: bytes) -> None:
    found = read(archive(Part(), Part(b"manifest.jsonl", text)))
    assert items(found)[0].place == Place(Folder.INBOX)
    assert found[-1] == Skipped("manifest.jsonl", "neither .eml nor .ics")


def test_lines_of_a_later_version_are_ignored() -> None:
    found = read(with_manifest([ManifestHead(version=2)], Part(), behind=b'{"kind":"tag","name":"x"}\n'))
    assert [item.content for item in items(found)] == [MESSAGE]
