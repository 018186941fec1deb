"""Names in a Maildir: folders are found again, and other programs read the flags."""

from __future__ import annotations

import mailbox
from typing import TYPE_CHECKING

import pytest

from postroom.export.maildir import MOST_KEYWORDS, Keywords, MaildirNames, info, unique
from postroom.mime.folder_names import decoded
from postroom.model.folders import Folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Sent Items", ".Sent Items"),
        ("Inbox/Projects/2026", ".INBOX.Projects.2026"),
        ("Inbox (2)", ".Inbox (2)"),
        ("v1.0/a", ".v1_0.a"),
        ("Büro & Co", ".B&APw-ro &- Co"),
        ("台北", ".&U,BTFw-"),
    ],
)
def test_a_folder_is_a_directory_of_maildir_plus_plus(path: str, name: str) -> None:
    assert MaildirNames().folder("f-1", path) == name


def test_the_inbox_is_the_maildir_itself() -> None:
    assert MaildirNames().folder(Folder.INBOX, "Inbox") == ""


def test_names_that_would_be_one_or_too_long_are_two_and_short() -> None:
    names = MaildirNames()
    found = [names.folder(f"f-{number}", path) for number, path in enumerate(("a.b", "a_b", "A.B", "人" * 160))]
    assert found[0] == ".a_b"
    assert len(set(found)) == 4
    assert all(len(name) <= 255 and name.count(".") == 1 and decoded(name) == name for name in found)


def test_flags_are_letters_in_order() -> None:
    flags = ("\\Flagged", "\\Answered", "\\Deleted", "\\Draft", "\\Recent")
    assert info(read=True, flags=flags, keywords=("$Forwarded", "Work"), letters="ab") == ":2,DFPRSTab"
    assert info(read=False, flags=(), keywords=(), letters="") == ":2,"


def test_keywords_have_letters_as_long_as_there_are_some() -> None:
    keywords = Keywords()
    assert keywords.letters(["b", "a", "$Forwarded", "\\Flagged", "", "two\nlines"]) == "ab"
    assert keywords.letters(["a", "c"]) == "bc"
    assert keywords.text() == "0 b\n1 a\n2 c\n"
    again = Keywords.read(keywords.text())
    assert again.letters(["c", *(str(number) for number in range(MOST_KEYWORDS))]) == "cdefghijklmnopqrstuvwxyz"
    assert len(again.words) == MOST_KEYWORDS


def test_python_reads_flags_and_dates(tmp_path: Path) -> None:
    made = mailbox.Maildir(tmp_path / "made")
    name = unique("f-1", 17, 1_795_521_600_999) + ",S=5" + info(read=True, flags=["\\Flagged"], keywords=[], letters="")
    (tmp_path / "made" / "cur" / name).write_bytes(b"a: b\n")
    (message,) = made
    assert (message.get_flags(), message.get_subdir()) == ("FS", "cur")
    assert name == "1795521600.Ff1-17.postroom,S=5:2,FS"
