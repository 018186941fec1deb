"""Paths in an export: every file system takes them, and none takes two of them as one."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.export.names import MOST_PATH_UNITS, ArchiveNames, safe
from postroom.model.folders import Folder
from postroom.model.mailbox import FolderInfo, standard_folders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

RESERVED = ("CON", "nul", "Aux.txt", "COM1", "lpt9.tar.gz", "com¹", "CONIN$", "PRN .x")
DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | {
    f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"
}
HARD = [
    *RESERVED,
    *(
        "/",
        "a/b",
        "a\\b",
        "..",
        ".",
        "",
        " ",
        "...",
        "a.",
        "a ",
        " a",
        ".hidden",
        "x.eml",
        "X.ICS",
        "a:b",
        'a"b',
        "a<b>|?*",
    ),
    *("\0", "a\0b", "\x85", "\t", "\ud800", "\u202egpj.exe", "\u200b", "\u200d", "𝄞" * 255, "é" * 300),
    *("e\u0301", "é", "Straße", "STRASSE", "\ufb01", "fi", "İ", "i\u0307", "\u212a", "k"),
    *("deep 00000000", "manifest.jsonl", "Manifest.JSONL", "Inbox", "INBOX", "inbox (2)"),
]
NAMES = st.text(max_size=300) | st.sampled_from(HARD)


def folder(name: str, number: int, parent: str | None = None) -> FolderInfo:
    return replace(standard_folders(0)[0], id=f"f-{number:04d}", name=name, parent=parent)


@st.composite
def trees(draw: st.DrawFn) -> Sequence[FolderInfo]:
    """Folders of a mailbox; parents may be missing, or be below the folder itself."""
    names = draw(st.lists(NAMES, max_size=12))
    parents = st.none() | st.sampled_from([*Folder, *(f"f-{number:04d}" for number in range(14))])
    return [*standard_folders(0), *(folder(name, number, draw(parents)) for number, name in enumerate(names))]


def as_one_file(path: str) -> set[str]:
    """Return what file systems may take the path as: HFS+ normalizes, NTFS folds case, and some do both."""
    forms = [unicodedata.normalize(form, path) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    return {folded for each in forms for folded in (each.casefold(), each.upper(), each.lower())}


@given(trees())
def test_no_file_system_takes_two_folders_as_one(folders: Sequence[FolderInfo]) -> None:
    names, seen = ArchiveNames(folders), set[str]()
    for each in folders:
        forms = as_one_file(names.folder(each.id))
        assert not forms & seen
        seen |= forms


@given(trees())
def test_every_part_of_a_path_is_one_that_windows_macos_and_linux_take(folders: Sequence[FolderInfo]) -> None:
    names = ArchiveNames(folders)
    for each in folders:
        path = names.item(each.id, received_ms=1_796_068_171_250, uid=4_294_967_295, suffix="eml")
        assert len(path.encode("utf-16-le")) // 2 <= MOST_PATH_UNITS + 40
        for part in path.split("/"):
            assert 0 < len(part.encode()) <= 255
            assert part == unicodedata.normalize("NFC", part)
            assert not set(part) & set('\\:*?"<>|\0')
            assert part.strip(" .") == part.rstrip(" .") == part
            assert part.split(".")[0].rstrip().upper() not in DEVICES


@given(trees(), st.randoms(use_true_random=False))
def test_paths_do_not_depend_on_the_order_of_folders(folders: Sequence[FolderInfo], random: Random) -> None:
    mixed = list(folders)
    random.shuffle(mixed)
    one, other = ArchiveNames(folders), ArchiveNames(mixed)
    assert [one.folder(each.id) for each in folders] == [other.folder(each.id) for each in folders]


@pytest.mark.parametrize("suffix", ["eml", "ics", "vcf"])
def test_no_folder_has_an_items_name(suffix: str) -> None:
    name = ArchiveNames(standard_folders(0)).item("CONTACTS", received_ms=0, uid=1, suffix=suffix).rpartition("/")[2]
    names = ArchiveNames([*standard_folders(0), folder(name, 1, "CONTACTS")])
    assert names.folder("f-0001").lower() != names.item("CONTACTS", received_ms=0, uid=1, suffix=suffix).lower()


@given(NAMES)
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    assert safe(safe(name)) == safe(name)


def test_the_folders_really_can_be_made(tmp_path: Path) -> None:
    folders = [*standard_folders(0), *(folder(name, number) for number, name in enumerate(HARD))]
    names = ArchiveNames(folders)
    for each in folders:
        (tmp_path / names.folder(each.id)).mkdir()
    assert len(list(tmp_path.iterdir())) == len(folders)


def test_the_tree_is_the_mailboxs_and_standard_folders_keep_their_names() -> None:
    folders = [*standard_folders(0), folder("Projects", 2, "INBOX"), folder("2026", 1, "f-0002"), folder("Inbox", 3)]
    names = ArchiveNames(folders)
    assert [names.folder(each) for each in ("INBOX", "SENT_ITEMS", "JUNK_EMAIL", "f-0002", "f-0001", "f-0003")] == [
        "Inbox",
        "Sent Items",
        "Junk Email",
        "Inbox/Projects",
        "Inbox/Projects/2026",
        "Inbox (2)",
    ]
    assert names.true_names("f-0001") == ("Inbox", "Projects", "2026")


def test_an_item_is_named_by_its_time_and_number() -> None:
    path = ArchiveNames(standard_folders(0)).item("CALENDAR", received_ms=1_796_068_171_250, uid=17, suffix="ics")
    assert path == "Calendar/20261130T194931Z-17.ics"


@pytest.mark.parametrize(("received_ms", "shown"), [(-1, "19700101T000000Z"), (10**18, "99991231T235959Z")])
def test_an_item_of_any_time_has_a_name(received_ms: int, shown: str) -> None:
    assert ArchiveNames(standard_folders(0)).item("INBOX", received_ms=received_ms, uid=1, suffix="eml") == (
        f"Inbox/{shown}-1.eml"
    )


def test_a_true_name_that_utf_8_cannot_hold_is_replaced() -> None:
    names = ArchiveNames([folder("a\ud800b", 1)])
    assert names.true_names("f-0001") == ("a?b",)


def test_folders_in_a_circle_are_named_once_and_end() -> None:
    names = ArchiveNames([folder("a", 1, "f-0002"), folder("b", 2, "f-0001"), folder("c", 3, "f-0003")])
    assert [names.folder(each) for each in ("f-0001", "f-0002", "f-0003")] == ["a", "a/b", "c"]
    assert names.true_names("f-0002") == ("a", "b")


def test_a_folder_10_000_levels_down_has_a_short_path() -> None:
    folders = [folder("level", number, f"f-{number - 1:04d}") for number in range(10_000)]
    names = ArchiveNames(folders)
    assert len({names.folder(each.id) for each in folders}) == 10_000
    assert max(len(names.folder(each.id)) for each in folders) <= MOST_PATH_UNITS
    assert len(names.true_names("f-9999")) == 10_000


def test_ten_thousand_folders_of_one_name_are_told_apart_at_once() -> None:
    names = ArchiveNames([folder("a", number) for number in range(10_000)])
    assert (names.folder("f-0000"), names.folder("f-9999")) == ("a", "a (10000)")
