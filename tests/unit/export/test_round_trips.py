"""A mailbox that is exported, imported into an empty one and exported again has the same items."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cli.repository import repository_root
from postroom.adapters.files.disk import DiskFiles
from postroom.adapters.files.mbox_files import MboxFiles
from postroom.contracts.export_journal import JournalHead
from postroom.contracts.export_manifest import MANIFEST
from postroom.imports.incoming import Place
from postroom.imports.read import read
from postroom.imports.report import What
from postroom.model.export_formats import Format
from postroom.model.folders import Folder
from tests.support.builders import NOON
from tests.support.exporting import PROJECTS, full_mailbox, manifest_of, to_disk
from tests.support.exports import NOISE, ExportSystem, entries, folders, tiny_parts
from tests.support.importing import ImportedMailbox, Kept, message

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

MESSAGES = repository_root() / "events" / "messages"


def samples() -> ImportedMailbox:
    return full_mailbox(
        *(message(500 + number, content=at.read_bytes()) for number, at in enumerate(sorted(MESSAGES.glob("*.eml"))))
    )


def classes(mailbox: ImportedMailbox) -> set[tuple[Any, str]]:
    paths = mailbox.paths()
    return {(paths[folder.id], folder.folder_class) for folder in mailbox.mailboxes.folders("ann")}


def imported(path: Path) -> ImportedMailbox:
    mailbox = ImportedMailbox()
    report = mailbox.run(read(path))
    assert report.problems == []
    total = report.total()
    assert (total.found, total.differing) == (total.read, 0)
    return mailbox


@pytest.mark.parametrize("format_", [Format.ZIP, Format.MBOX])
def test_items_hashes_folders_dates_and_flags_come_back(tmp_path: Path, format_: Format) -> None:
    """In an mbox file, flags and exact dates have no place, and a message ends with a line feed: the manifest helps."""
    first = samples()
    to_disk(first, tmp_path / "first", format_)
    second = imported(tmp_path / "first")
    assert second.kept() == first.kept()
    assert classes(second) == classes(first)
    assert {item.item_class for item in second.items()} == {item.item_class for item in first.items()}
    to_disk(second, tmp_path / "second", format_)
    third = imported(tmp_path / "second")
    assert third.kept() == first.kept()


def test_status_fields_are_for_other_programs_and_come_off_again(tmp_path: Path) -> None:
    first = samples()
    head = JournalHead(format=Format.MBOX, mailbox_id="ann", started=NOON)
    files = DiskFiles(tmp_path / "x", head, MboxFiles(status_fields=True))
    to_disk(first, tmp_path / "x", Format.MBOX, files=files)
    assert imported(tmp_path / "x").kept() == first.kept()
    (tmp_path / "x" / "manifest.jsonl").unlink()
    alone = ImportedMailbox()
    alone.run(read(tmp_path / "x" / "Inbox" / "Projects" / "2026.mbox"))
    (there,) = [folder.id for folder in first.mailboxes.folders("ann") if folder.name == "2026"]
    wanted = [
        (item.read, item.flags, tuple(word for word in item.keywords if " " not in word))
        for item in first.mailboxes.items("ann", there)
    ]
    assert sorted((item.read, item.flags, item.keywords) for item in alone.items()) == sorted(wanted)


def in_maildir(kept: Counter[Kept], paths: dict[tuple[str, ...], tuple[str, ...]]) -> Counter[Kept]:
    """Return what a Maildir keeps of items: not categories, and not every name of a folder."""
    found = type(kept)()
    for one, times in kept.items():
        found[one._replace(categories=(), folder=paths.get(one.folder, one.folder))] += times
    return found


CHANGED: dict[tuple[str, ...], tuple[str, ...]] = {
    ("a/b",): ("a_b",),
    ("..",): ("_",),
    ("CON",): ("_CON",),
    ("v1.0",): ("v1_0",),
    ("a_b",): ("a_b (2)",),
    ("Inbox",): ("Inbox (2)",),
    ("x.mbox",): ("x_mbox",),
    ("x.mbox", "below"): ("x_mbox", "below"),
    ("e\u0301",): ("\u00e9",),
    ("\u00e9",): ("\u00e9 (2)",),
    ("人" * 100,): ("人" * 55 + "~195f90bd",),
}


def test_a_maildir_keeps_all_but_categories_classes_and_some_names(tmp_path: Path) -> None:
    first = samples()
    to_disk(first, tmp_path / "first", Format.MAILDIR)
    second = imported(tmp_path / "first")
    assert second.kept() == in_maildir(first.kept(), CHANGED)
    assert {item.item_class for item in second.items()} == {"IPM.Note", "IPM.Appointment"}
    to_disk(second, tmp_path / "second", Format.MAILDIR)
    assert imported(tmp_path / "second").kept() == second.kept(), "the second time nothing is lost"


def test_an_mbox_file_alone_keeps_messages_and_dates_to_the_second(tmp_path: Path) -> None:
    first = full_mailbox()
    to_disk(first, tmp_path / "first", Format.MBOX)
    (tmp_path / "first" / "manifest.jsonl").unlink()
    second = ImportedMailbox()
    second.run(read(tmp_path / "first" / "Inbox" / "Projects" / "2026.mbox"))
    (there,) = [folder.id for folder in first.mailboxes.folders("ann") if folder.name == "2026"]
    wanted = [(item.received // 1000 * 1000, True, ()) for item in first.mailboxes.items("ann", there)]
    assert sorted((item.received, item.read, item.flags) for item in second.items()) == sorted(wanted)
    hashes = {one.sha256 for one in first.kept() if one.folder == ("INBOX", *PROJECTS.names)}
    assert {one.sha256 for one in second.kept()} == hashes


def test_messages_that_another_program_removed_or_added_do_not_take_the_marks_of_others(tmp_path: Path) -> None:
    mailbox = ImportedMailbox()
    mailbox.run([message(n, PROJECTS, flags=("\\Flagged",) if n == 2 else ()) for n in (1, 2, 3)])
    to_disk(mailbox, tmp_path / "x", Format.MBOX)
    path = tmp_path / "x" / "Inbox" / "Projects" / "2026.mbox"
    first = path.read_bytes().split(b"From MAILER-DAEMON")[1]
    path.write_bytes(path.read_bytes().replace(b"From MAILER-DAEMON" + first, b""))
    second = ImportedMailbox()
    report = second.run(read(tmp_path / "x"))
    assert [item.flags for item in second.items()] == [(), ()], "at another place it may be another message"
    assert {one.folder for one in second.kept()} == {("INBOX", *PROJECTS.names)}
    assert [(one.what, one.source) for one in report.problems] == [(What.SKIPPED, "Inbox/Projects/2026/3")]


def test_the_three_formats_have_the_same_messages(tmp_path: Path) -> None:
    first = full_mailbox()
    for format_ in Format:
        to_disk(first, tmp_path / format_, format_)
    shutil.unpack_archive(tmp_path / "zip", tmp_path / "unpacked", "zip")
    lines = {name: manifest_of(tmp_path / name) for name in ("unpacked", "mbox", "maildir")}
    hashes = {
        name: sorted((line["sha256"], line["received"]) for line in found if line["kind"] == "item")
        for name, found in lines.items()
    }
    assert hashes["unpacked"] == hashes["mbox"] == hashes["maildir"]
    for name in ("unpacked", "maildir"):
        for line in lines[name]:
            if line["kind"] == "item":
                assert hashlib.sha256((tmp_path / name / line["path"]).read_bytes()).hexdigest() == line["sha256"]
    assert imported(tmp_path / "unpacked").kept() == first.kept(), "an archive that was unpacked is the archive"


def test_ones_own_archive_in_ones_own_mailbox_adds_nothing_where_it_was_imported_before(tmp_path: Path) -> None:
    first = ImportedMailbox()
    first.run([replace(message(1), keywords=("a",)), message(2, Place(Folder.DRAFTS))])
    to_disk(first, tmp_path / "x", Format.ZIP)
    assert first.total(read(tmp_path / "x")).known == 2


def test_an_archive_on_a_disk_has_what_a_jobs_archive_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_parts(monkeypatch)
    first = full_mailbox(*(message(600 + number, content=NOISE[number:]) for number in range(12)))
    system = ExportSystem(tables=first.tables, sealed=first.blobs, keys=first.keys)
    system.start()
    system.run()
    assert system.job.plan is not None
    assert system.job.plan.runs > 1
    to_disk(first, tmp_path / "x.zip", Format.ZIP)
    ours = (tmp_path / "x.zip").read_bytes()
    theirs = entries(system.archive)
    said = theirs.pop(MANIFEST).splitlines()
    found = entries(ours)
    assert sorted(found.pop(MANIFEST).splitlines()) == sorted(said)
    assert found == theirs
    assert folders(ours) == folders(system.archive)
    (tmp_path / "job.zip").write_bytes(system.archive)
    assert imported(tmp_path / "job.zip").kept() == first.kept()
