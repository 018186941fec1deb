"""Maildirs as Python, Dovecot and Courier make them: folders, flags, keywords and dates are kept."""

from __future__ import annotations

import mailbox
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.imports.incoming import Incoming, IncomingFolder, Place, Skipped
from postroom.imports.maildir import read_maildir
from postroom.imports.read import read
from postroom.mime.folder_names import decoded, encoded
from postroom.model.folders import Folder
from tests.support.archives import MESSAGE

if TYPE_CHECKING:
    from pathlib import Path

    from postroom.imports.incoming import Found

DATE_MS = 1_700_000_000_250


def make(root: Path, *folders: str) -> None:
    for folder in folders:
        for part in ("cur", "new", "tmp"):
            (root / folder / part).mkdir(parents=True)


def put(path: Path, content: bytes = MESSAGE, modified_ms: int = DATE_MS) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(0, modified_ms * 1_000_000))


def items(found: list[Found]) -> list[Incoming]:
    return [each for each in found if isinstance(each, Incoming)]


def places(found: list[Found]) -> list[Place]:
    return [each.place for each in found if isinstance(each, IncomingFolder)]


def test_folders_of_maildir_plus_plus_and_plain_ones(tmp_path: Path) -> None:
    make(tmp_path, "", ".Sent", ".Archive.2020", ".INBOX.Work", ".B&APw-ro.R&D", "Plain", "Plain/Inner", "Only/Below")
    found = list(read(tmp_path))
    assert places(found) == [
        Place(Folder.INBOX),
        Place(None, ("Archive", "2020")),
        Place(None, ("Büro", "R&D")),
        Place(Folder.INBOX, ("Work",)),
        Place(Folder.SENT_ITEMS),
        Place(None, ("Only", "Below")),
        Place(None, ("Plain",)),
        Place(None, ("Plain", "Inner")),
    ]
    assert len(found) == 8


@pytest.mark.parametrize(
    ("name", "is_read", "flags", "keywords"),
    [
        ("cur/1700000000.M1P1.host:2,S", True, (), ()),
        ("cur/1700000000.M1P1.host:2,", False, (), ()),
        ("cur/1700000000.M1P1.host", False, (), ()),
        ("cur/1700000000.M1P1.host;2,FS", True, ("\\Flagged",), ()),
        ("cur/1700000000.M1P1.host!2,RS", True, ("\\Answered",), ()),
        (
            "cur/1700000000.M1P1.host,S=5,W=6:2,DFPRST",
            True,
            ("\\Draft", "\\Flagged", "\\Answered", "\\Deleted"),
            ("$F",),
        ),
        ("cur/1700000000.M1P1.host:2,Sabz", True, (), ("$Work", "later on")),
        ("new/1700000000.M1P1.host", False, (), ()),
    ],
)
def test_flags_are_in_the_name(
    tmp_path: Path, name: str, is_read: bool, flags: tuple[str, ...], keywords: tuple[str, ...]
) -> None:
    make(tmp_path, "")
    (tmp_path / "dovecot-keywords").write_text("0 $Work\n1 later on\nx y\n99 z\n")
    put(tmp_path / name)
    (found,) = items(list(read_maildir(tmp_path)))
    forwarded = tuple("$Forwarded" if each == "$F" else each for each in keywords)
    assert found == Incoming(name, Place(Folder.INBOX), MESSAGE, False, DATE_MS, is_read, flags, forwarded)


@pytest.mark.parametrize(
    ("name", "modified_ms", "received"),
    [
        ("1700000000.M1P1.host", DATE_MS, DATE_MS),
        ("1700000000.M1P1.host", DATE_MS + 86_400_000, 1_700_000_000_000),
        ("1700000000.M1P1.host", 1_500_000_000_000, 1_500_000_000_000),
        ("1.eml", DATE_MS, DATE_MS),
        ("a1700000000.eml", DATE_MS + 86_400_000, DATE_MS + 86_400_000),
    ],
)
def test_the_date_is_the_earlier_of_file_and_name(tmp_path: Path, name: str, modified_ms: int, received: int) -> None:
    make(tmp_path, "")
    put(tmp_path / "cur" / name, modified_ms=modified_ms)
    assert [each.received for each in items(list(read_maildir(tmp_path)))] == [received]


def test_what_python_writes_is_read(tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "box")
    message = mailbox.MaildirMessage(MESSAGE)
    message.set_flags("FS")
    message.set_subdir("cur")
    message.set_date(1_600_000_000)
    box.add(message)
    box.add_folder("Work").add(b"Subject: two\n\n")
    found = items(list(read(tmp_path / "box")))
    assert [(each.place, each.read, each.flags) for each in found] == [
        (Place(Folder.INBOX), True, ("\\Flagged",)),
        (Place(None, ("Work",)), False, ()),
    ]
    assert (found[0].received, found[1].content) == (1_600_000_000_000, b"Subject: two\n\n")


def test_links_pipes_and_unfinished_messages_are_not_read(tmp_path: Path) -> None:
    make(tmp_path / "box", "")
    secret = tmp_path / "secret"
    make(secret, "")
    put(secret / "cur/1", b"secret")
    (tmp_path / "box/cur/link").symlink_to(secret / "cur/1")
    (tmp_path / "box/.Linked").symlink_to(secret)
    (tmp_path / "box/cur/folder").mkdir()
    os.mkfifo(tmp_path / "box/new/pipe")
    put(tmp_path / "box/tmp/unfinished")
    put(tmp_path / "box/cur/.hidden")
    assert list(read_maildir(tmp_path / "box")) == [
        IncomingFolder(Place(Folder.INBOX)),
        Skipped("cur/folder", "no file"),
        Skipped("cur/link", "a link"),
        Skipped("new/pipe", "no file"),
        Skipped(".Linked", "a link"),
    ]


def test_a_name_that_is_no_utf_8_can_be_said(tmp_path: Path) -> None:
    make(tmp_path, "")
    (tmp_path / "cur" / os.fsdecode(b"\xff")).write_bytes(b"")
    assert [each.source for each in items(list(read_maildir(tmp_path)))] == ["cur/\ufffd"]


def test_folders_without_end_are_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "", "." + ".".join("a" * 70))
    assert list(read_maildir(tmp_path))[1:] == [Skipped("." + ".".join("a" * 70), "in more than 64 folders")]


@given(st.text())
def test_modified_utf_7_comes_back(text: str) -> None:
    assert decoded(encoded(text)) == text
    assert encoded(text).isascii()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
        ("A&-B", "A&B"),
        ("R&D", "R&D"),
        ("Q&A-list", "Q&A-list"),
        ("&Jjo!", "&Jjo!"),
        ("&AGE-", "&AGE-"),
        ("&2AA-", "&2AA-"),
        ("&!!-", "&!!-"),
        ("Büro&-", "Büro&-"),
    ],
)
def test_a_name_is_decoded_if_it_is_modified_utf_7(name: str, text: str) -> None:
    assert decoded(name) == text
