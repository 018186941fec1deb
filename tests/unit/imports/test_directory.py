"""Directories of .eml, .ics and .mbox files, and what a path is taken for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from postroom.errors import InvalidArchiveError
from postroom.imports.incoming import Incoming, IncomingFolder, Place, Skipped
from postroom.imports.mbox import Variant
from postroom.imports.places import place_of, wrapper_of
from postroom.imports.read import read
from postroom.model.folders import Folder
from postroom.model.limits import MAX_STORED_BYTES
from tests.support.archives import MESSAGE, archive
from tests.support.mbox_files import mboxo, mboxrd

if TYPE_CHECKING:
    from collections.abc import Iterator

QUOTING = b"Subject: x\n\n>From you\n"


def put(path: Path, content: bytes = MESSAGE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_tree_is_read_folder_by_folder(tmp_path: Path) -> None:
    put(tmp_path / "export/alice/Inbox/2.eml", b"Subject: no date\n\n")
    os.utime(tmp_path / "export/alice/Inbox/2.eml", ns=(0, 1_700_000_000_250_000_000))
    put(tmp_path / "export/alice/Inbox/1.EML")
    put(tmp_path / "export/alice/Inbox/Sub/3.eml")
    put(tmp_path / "export/alice/Calendar/4.ics", b"BEGIN:VCALENDAR")
    os.utime(tmp_path / "export/alice/Calendar/4.ics", ns=(0, 1_600_000_000_000_000_000))
    put(tmp_path / "export/alice/Inbox/notes.txt")
    (tmp_path / "export/alice/Empty").mkdir()
    found = list(read(tmp_path))
    assert [(each.source, each.place, each.received) if isinstance(each, Incoming) else each for each in found] == [
        IncomingFolder(Place(Folder.CALENDAR)),
        ("export/alice/Calendar/4.ics", Place(Folder.CALENDAR), 1_600_000_000_000),
        IncomingFolder(Place(None, ("Empty",))),
        IncomingFolder(Place(Folder.INBOX)),
        ("export/alice/Inbox/1.EML", Place(Folder.INBOX), 1_796_068_171_000),
        ("export/alice/Inbox/2.eml", Place(Folder.INBOX), 1_700_000_000_250),
        Skipped("export/alice/Inbox/notes.txt", "neither .eml nor .ics"),
        IncomingFolder(Place(Folder.INBOX, ("Sub",))),
        ("export/alice/Inbox/Sub/3.eml", Place(Folder.INBOX, ("Sub",)), 1_796_068_171_000),
    ]


def test_links_and_what_is_no_file_are_named_and_not_read(tmp_path: Path) -> None:
    secret = put(tmp_path / "secret/1.eml", b"secret")
    root = tmp_path / "root"
    put(root / "1.eml")
    (root / "2.eml").symlink_to(secret)
    (root / "3").symlink_to(secret.parent)
    (root / "4.mbox").symlink_to(secret)
    (root / "5.eml").symlink_to(tmp_path / "nowhere")
    os.mkfifo(root / "6.eml")
    with (root / "7.eml").open("wb") as file:
        file.truncate(MAX_STORED_BYTES + 1)
    found = list(read(root))
    assert [each.source for each in found if isinstance(each, Incoming)] == ["1.eml"]
    assert found[1:] == [
        *(Skipped(name, "a link") for name in ("2.eml", "3", "4.mbox", "5.eml")),
        Skipped("6.eml", "no file"),
        Skipped("7.eml", f"larger than {MAX_STORED_BYTES} bytes, the largest message"),
    ]


def test_mbox_files_of_a_directory_are_folders(tmp_path: Path) -> None:
    put(tmp_path / "Inbox.mbox", mboxrd([QUOTING]))
    put(tmp_path / "Inbox/Work.mbox", mboxrd([b"Subject: two\n\n"]))
    found = [each for each in read(tmp_path, Variant.MBOXRD) if isinstance(each, Incoming)]
    assert [(each.source, each.place) for each in found] == [
        ("Inbox.mbox, message 1", Place(Folder.INBOX)),
        ("Inbox/Work.mbox, message 1", Place(Folder.INBOX, ("Work",))),
    ]
    with pytest.raises(InvalidArchiveError, match=r"the variant of .* must be stated"):
        next(read(tmp_path))


def test_a_path_is_taken_for_what_it_holds(tmp_path: Path) -> None:
    assert [
        each.place for each in read(put(tmp_path / "Sent.mbox", mboxrd([MESSAGE]))) if isinstance(each, Incoming)
    ] == [Place(Folder.SENT_ITEMS)]
    for path in (put(tmp_path / "mail.zip", archive()), put(tmp_path / "mail", archive())):
        assert [each.source for each in read(path) if isinstance(each, Incoming)] == ["Inbox/1.eml"]
    assert len(list(read(put(tmp_path / "spool", mboxo([MESSAGE]))))) == 2
    assert list(read(put(tmp_path / "nothing", b""), Variant.MBOXRD)) == [IncomingFolder(Place(None, ("nothing",)))]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.pst", b"!BDN", "of no known form"),
        ("x.zip", b"!BDN", "no zip archive"),
        ("x.mbox", b"!BDN", "no mbox file"),
        ("x.zip", b"", "no zip archive"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    with pytest.raises(InvalidArchiveError, match=reason):
        next(read(put(tmp_path / name, content)))


def test_a_path_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArchiveError, match="no file and no directory"):
        next(read(tmp_path / "nowhere"))


def test_a_folder_that_cannot_be_read_stops_the_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a/1.eml")
    put(tmp_path / "b/2.eml")
    entries = Path.iterdir

    def refused(folder: Path) -> Iterator[Path]:
        if folder.name == "b":
            raise PermissionError(13, "Permission denied")
        return entries(folder)

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(InvalidArchiveError, match="cannot be read: Permission denied"):
        next(read(tmp_path))


@pytest.mark.parametrize(
    ("names", "place"),
    [
        ((), Place(Folder.INBOX)),
        (("INBOX",), Place(Folder.INBOX)),
        (("inbox", "Sent"), Place(Folder.INBOX, ("Sent",))),
        (("Sent Messages", "x"), Place(Folder.SENT_ITEMS, ("x",))),
        (("[Gmail]", "Spam"), Place(Folder.JUNK_EMAIL)),
        (("[Gmail]", "All Mail"), Place(None, ("[Gmail]", "All Mail"))),
        (("[Gmail]",), Place(None, ("[Gmail]",))),
        (("Junk E-mail",), Place(Folder.JUNK_EMAIL)),
        (("x", "Inbox"), Place(None, ("x", "Inbox"))),
    ],
)
def test_names_of_other_systems_mean_standard_folders(names: tuple[str, ...], place: Place) -> None:
    assert place_of(names) == place


@pytest.mark.parametrize(
    ("paths", "wrapper"),
    [
        ([], ""),
        (["a/b/Inbox/1.eml", "a/b/c/2.eml"], "a/b/"),
        (["a/b/Inbox/1.eml", "a/b/Inbox/2.eml"], "a/b/"),
        (["a/b/1.eml", "a/b/c/2.eml"], ""),
        (["a/Inbox/1.eml", "2.eml"], ""),
        (["a/Inbox/1.eml", "b/Inbox/2.eml"], ""),
        (["a/", "a/b/", "a/b/Inbox/", "a/b/x/1.eml", "a/b/2.eml", "c/"], "a/b/"),
        (["a/", "a/Inbox/"], ""),
        (["a/manifest.jsonl", "a/x/1.eml"], "a/"),
        (["__MACOSX/a/._1.eml", "a/Inbox/1.eml"], "a/"),
    ],
)
def test_the_folder_of_a_whole_mailbox_is_no_folder_in_it(paths: list[str], wrapper: str) -> None:
    assert wrapper_of(lambda: paths) == wrapper
