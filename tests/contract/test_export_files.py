"""What every format of an export to a disk promises: a stopped export goes on, and has the same items then."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.exports import MemorySealedReads
from postroom.errors import ExportRefusedError, StoreUnavailableError, UnknownMailboxError
from postroom.export import to_disk as module
from postroom.export.pack_export import UNREADABLE, VANISHED
from postroom.model.export_formats import Format
from tests.support.exporting import files_at, full_mailbox, to_disk
from tests.support.importing import ImportedMailbox, each_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from postroom.contracts.export_journal import Counted

FORMATS = pytest.mark.parametrize("format_", Format)


class Failing:
    """Reads that fail before the n-th item."""

    def __init__(self, mailbox: ImportedMailbox, before: int) -> None:
        self._reads, self._before = MemorySealedReads(mailbox.blobs), before

    def in_order(self, keys: Iterable[tuple[str, int]]) -> Iterator[bytes | None]:
        for number, sealed in enumerate(self._reads.in_order(keys)):
            if number == self._before:
                raise StoreUnavailableError("the network is gone")
            yield sealed


class CrashError(Exception):
    """The process ends."""


def contents(path: Path) -> dict[str, Any]:
    """Return the bytes and times of every file of an export; lines of a manifest as a list."""
    if path.is_file():
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            return {each.filename: (archive.read(each), each.date_time, each.extra) for each in archive.infolist()}
    found = {at.relative_to(path).as_posix(): at for at in path.rglob("*") if at.is_file()}
    return {
        name: (at.read_bytes(), at.stat().st_mtime if "cur/" in name or name.endswith(".ics") else None)
        for name, at in found.items()
    }


@pytest.fixture(scope="module")
def mailbox() -> ImportedMailbox:
    return full_mailbox()


@FORMATS
def test_an_export_that_stops_after_every_item_ends_as_one_that_does_not(
    mailbox: ImportedMailbox, tmp_path: Path, format_: Format
) -> None:
    whole = to_disk(mailbox, tmp_path / "whole", format_)
    path = tmp_path / "stopped"
    for stops in range(whole.items - 1):
        with pytest.raises(StoreUnavailableError):
            to_disk(mailbox, path, format_, reads=Failing(mailbox, 1))
        assert not path.exists(), stops
    assert to_disk(mailbox, path, format_) == whole
    assert contents(path) == contents(tmp_path / "whole")
    assert sorted(at.name for at in tmp_path.iterdir()) == ["stopped", "whole"]


@FORMATS
@pytest.mark.parametrize("checkpoint_items", [1, 3, 1000])
def test_an_export_whose_process_ends_anywhere_ends_as_one_that_goes_on(
    mailbox: ImportedMailbox, tmp_path: Path, format_: Format, checkpoint_items: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECKPOINT_ITEMS", checkpoint_items)
    whole, path = to_disk(mailbox, tmp_path / "whole", format_), tmp_path / "crashed"
    step, runs = 7, 0
    while not path.exists():
        runs += 1
        left = iter(range(step * runs))

        def crash(_: str, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise CrashError

        files = each_call(files_at(path, format_), lambda _: None, crash)
        try:
            to_disk(mailbox, path, format_, files=files)
        except CrashError:
            continue
    assert runs > 2
    assert contents(path) == contents(tmp_path / "whole")
    assert whole.items == len(mailbox.items())


@FORMATS
def test_items_that_a_crash_had_written_and_that_are_gone_since_are_not_in_the_export(
    tmp_path: Path, format_: Format
) -> None:
    mailbox, path = full_mailbox(), tmp_path / "x"
    left = iter(range(2 * len(mailbox.items())))

    def crash(_: str) -> None:
        if next(left, None) is None:
            raise CrashError

    with pytest.raises(CrashError):
        to_disk(mailbox, path, format_, files=each_call(files_at(path, format_), lambda _: None, crash))
    items = mailbox.tables.mailboxes["ann"].items
    for item in [item for item in items.values() if "INBOX" not in item.uids or item.uids["INBOX"] > 2]:
        del items[item.id]
    counted = to_disk(mailbox, path, format_)
    to_disk(mailbox, tmp_path / "anew", format_)
    assert counted.items == 2
    assert contents(path) == contents(tmp_path / "anew")


@FORMATS
def test_a_record_of_the_journal_that_is_cut_off_does_not_count(
    mailbox: ImportedMailbox, tmp_path: Path, format_: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECKPOINT_ITEMS", 5)
    to_disk(mailbox, tmp_path / "whole", format_)
    for kept in range(0, 4000, 797):
        path = tmp_path / f"cut {kept}"
        with pytest.raises(StoreUnavailableError):
            to_disk(mailbox, path, format_, reads=Failing(mailbox, 20))
        journal = tmp_path / f"cut {kept}.part" / "journal"
        os.truncate(journal, min(kept, journal.stat().st_size))
        to_disk(mailbox, path, format_)
        assert contents(path) == contents(tmp_path / "whole"), kept


@FORMATS
def test_an_item_that_vanished_or_does_not_open_is_named_and_the_rest_is_exported(
    tmp_path: Path, format_: Format
) -> None:
    mailbox = full_mailbox()
    first, second, *_ = mailbox.mailboxes.items("ann", "INBOX")
    mailbox.blobs.delete(first.blob)
    mailbox.blobs.delete(second.blob)
    mailbox.blobs.put_once(second.blob, b"PRM1 of another key")
    counted = to_disk(mailbox, tmp_path / "x", format_)
    assert (counted.items, counted.missing) == (len(mailbox.items()) - 2, 2)
    said = next(content for name, (content, *_) in contents(tmp_path / "x").items() if name == "manifest.jsonl")
    causes = [line for line in said.splitlines() if b'"missing"' in line]
    assert [VANISHED.encode() in causes[0], UNREADABLE.encode() in causes[1]] == [True, True]


@FORMATS
def test_only_the_owner_can_read_an_export(
    mailbox: ImportedMailbox, tmp_path: Path, format_: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "umask", os.umask)  # the modes hold whatever the process's mask is
    before = os.umask(0)
    try:
        to_disk(mailbox, tmp_path / "to" / "x", format_)
    finally:
        os.umask(before)
    modes = {at.stat().st_mode & 0o77 for at in [tmp_path / "to", *(tmp_path / "to").rglob("*")]}
    assert modes == {0}


@FORMATS
def test_an_unfinished_export_of_another_mailbox_or_format_is_not_continued(
    mailbox: ImportedMailbox, tmp_path: Path, format_: Format
) -> None:
    path = tmp_path / "x"
    with pytest.raises(StoreUnavailableError):
        to_disk(mailbox, path, format_, reads=Failing(mailbox, 3))
    before = sorted((at, at.stat().st_size) for at in tmp_path.rglob("*"))
    with pytest.raises(ExportRefusedError, match="an unfinished export of another mailbox"):
        to_disk(mailbox, path, format_, files=files_at(path, format_, "ben"))
    other = Format.ZIP if format_ is Format.MBOX else Format.MBOX
    with pytest.raises(ExportRefusedError, match=f"an unfinished export of another format: {format_}"):
        to_disk(mailbox, path, other)
    assert sorted((at, at.stat().st_size) for at in tmp_path.rglob("*")) == before


@FORMATS
def test_two_processes_do_not_write_one_export(mailbox: ImportedMailbox, tmp_path: Path, format_: Format) -> None:
    path, seen = tmp_path / "e", list[int]()

    def second(counted: Counted) -> None:
        if counted.items == 3:
            seen.append(counted.items)
            with pytest.raises(ExportRefusedError, match="another process"):
                to_disk(mailbox, path, format_)

    to_disk(mailbox, tmp_path / "whole", format_)
    to_disk(mailbox, path, format_, progress=second)
    assert seen == [3]
    assert contents(path) == contents(tmp_path / "whole")


@pytest.mark.parametrize("format_", [Format.ZIP, Format.MBOX])
def test_a_file_that_is_shorter_than_it_was_is_refused(
    mailbox: ImportedMailbox, tmp_path: Path, format_: Format
) -> None:
    with pytest.raises(StoreUnavailableError):
        to_disk(mailbox, tmp_path / "x", format_, reads=Failing(mailbox, 30))
    for at in (tmp_path / "x.part" / "whole").rglob("*") if format_ is Format.MBOX else [tmp_path / "x.part" / "whole"]:
        if at.is_file():
            os.truncate(at, 0)
    with pytest.raises(ExportRefusedError, match="is shorter than the export left it"):
        to_disk(mailbox, tmp_path / "x", format_)


def test_a_mailbox_that_is_removed_meanwhile_is_not_taken_for_whole(tmp_path: Path) -> None:
    mailbox = full_mailbox()

    def remove(_: Any) -> None:
        mailbox.tables.mailboxes.pop("ann", None)

    with pytest.raises(UnknownMailboxError):
        to_disk(mailbox, tmp_path / "x", Format.ZIP, progress=remove)
    assert not (tmp_path / "x").exists()
