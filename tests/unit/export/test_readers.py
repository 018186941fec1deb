"""Every reader takes our archives: Python's zipfile, and Info-ZIP, 7-Zip and libarchive where they are installed.

On Debian: ``apt install unzip p7zip-full libarchive-tools``.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING, Final

import pytest

from postroom.contracts.export_manifest import ManifestHead, ManifestItem
from postroom.export.archive import Entry, RunWriter, directory
from postroom.export.manifest import END, add_manifest, piece_of
from postroom.model.limits import MB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from postroom.export.archive import RunIndex

NOON: Final = 1_795_521_600_000
NAMES: Final = ("Inbox/1.eml", "Entwürfe/2.eml", "受信トレイ/3.eml", "Inbox/Ärger 😀/4.ics")
GB: Final = 1024 * MB


class Reader:
    """Reads archives in a UTF-8 locale: in a C locale, bsdtar skips names beyond ASCII and exits 1."""

    def __init__(self, *test: str) -> None:
        if shutil.which(test[0]) is None:
            pytest.skip(f"{test[0]} is not installed")
        self._test = test

    def accepts(self, path: Path) -> None:
        """Check every entry's content; a warning is a failure, too: all of them exit with another status then."""
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        command = [*self._test, str(path)]
        run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, check=False)
        assert (run.returncode, run.stderr) == (0, b"")


class Zipfile(Reader):
    """Python's own."""

    def __init__(self) -> None:
        """Is always there."""

    def accepts(self, path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None


READERS: Final[dict[str, Callable[[], Reader]]] = {
    "zipfile": Zipfile,
    "unzip": lambda: Reader("unzip", "-tqq"),
    "7z": lambda: Reader("7z", "t", "-bso0", "-bsp0"),
    "bsdtar": lambda: Reader("bsdtar", "-xOf"),
}


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> Reader:
    return READERS[request.param]()


def write(path: Path, runs: Iterable[Iterable[tuple[Entry, bytes]]]) -> None:
    """Write an archive run by run; nothing is held but the indexes."""
    indexes: list[RunIndex] = []
    with path.open("wb") as file:
        for entries in runs:
            writer = RunWriter()
            for entry, content in entries:
                file.writelines(writer.add(entry, content))
            indexes.append(writer.index())
        file.writelines(directory(indexes))


def manifest(file: io.BytesIO) -> RunIndex:
    writer = RunWriter()
    item = ManifestItem(kind="item", path=NAMES[0], folder=("Inbox",), size=1, received=NOON, sha256="5f" * 32)
    pieces = [piece_of([ManifestHead()]), piece_of([item] * 100)]
    file.write(add_manifest(writer, [piece.sums for piece in pieces], NOON))
    file.writelines([*(piece.data for piece in pieces), END])
    return writer.index()


def test_every_reader_takes_an_archive(reader: Reader, tmp_path: Path) -> None:
    file, writer = io.BytesIO(), RunWriter()
    file.writelines(writer.add(Entry("Empty Folder/", NOON), b""))
    for name in NAMES:
        file.writelines(writer.add(Entry(name, NOON), b"Subject: hello\r\n\r\n" * 20))
    file.writelines(writer.add(Entry("Inbox/none.eml", 0), b""))
    file.writelines(directory([writer.index(), manifest(file)]))
    path = tmp_path / "export.zip"
    path.write_bytes(file.getvalue())
    reader.accepts(path)


def test_unzip_makes_files_with_our_names_times_and_contents(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    write(path, [((Entry(name, NOON + 1000), name.encode() * 10) for name in NAMES)])
    Reader("unzip", "-qq", "-d", str(tmp_path / "out")).accepts(path)
    made = {str(each.relative_to(tmp_path / "out")): each for each in (tmp_path / "out").rglob("*.*")}
    assert {name: each.read_bytes() for name, each in made.items()} == {name: name.encode() * 10 for name in NAMES}
    assert {(each.stat().st_mtime, each.stat().st_mode) for each in made.values()} == {(NOON / 1000 + 1, 0o100600)}


def test_the_check_is_one_that_a_damaged_archive_fails(reader: Reader, tmp_path: Path) -> None:
    path, content = tmp_path / "export.zip", hashlib.sha256(b"").digest()
    write(path, [[(Entry("Inbox/1.eml", NOON), content)]])
    path.write_bytes(path.read_bytes().replace(content, content[:-1] + b"?"))
    with pytest.raises((AssertionError, zipfile.BadZipFile)):
        reader.accepts(path)


@pytest.mark.slow
@pytest.mark.parametrize("count", [65_534, 65_535, 65_536, 70_000])
def test_every_reader_takes_an_archive_of_so_many_entries(reader: Reader, tmp_path: Path, count: int) -> None:
    path = tmp_path / "export.zip"
    write(path, [((Entry(f"Inbox/{number}.eml", NOON), b"%d" % number) for number in range(count))])
    reader.accepts(path)


def blocks() -> Iterator[Iterator[tuple[Entry, bytes]]]:
    """Yield runs of 64 MiB, 4.4 GiB together, of entries that do not shrink."""
    noise = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(8 * MB // 32))
    for run in range(70):
        yield ((Entry(f"Inbox/{run}-{number}.eml", NOON + number * 1000), noise) for number in range(8))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_reader_takes_an_archive_beyond_4_gb(tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < 6 * GB:
        pytest.skip("needs 6 GB of disk")
    path = tmp_path / "export.zip"
    write(path, blocks())
    assert path.stat().st_size > 4 * GB
    for name, make in READERS.items():
        if name == "zipfile" or shutil.which(name):
            make().accepts(path)
    path.unlink()
