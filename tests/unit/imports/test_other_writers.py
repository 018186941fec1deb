"""Archives of other programs, where they are installed, are read with every byte, or refused with the reason.

On Debian: ``apt install zip p7zip-full libarchive-tools default-jdk-headless``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from postroom.errors import InvalidArchiveError
from postroom.imports.incoming import Incoming
from postroom.imports.read import read

if TYPE_CHECKING:
    from pathlib import Path

FILES = {f"Inbox/Büro/{number}.eml": b"Subject: %d\r\n\r\n" % number + b"text\r\n" * 9 * number for number in range(4)}

WRITERS = (
    "zip -q -r ../mail.zip .",
    "zip -q -fz -r ../mail.zip .",
    "zip -q -r - . | cat > ../mail.zip",
    "zip -q -r ../mail.zip . && echo PK | zip -q -z ../mail.zip",
    "7z a -bso0 -tzip ../mail.zip .",
    "bsdtar -a -cf ../mail.zip .",
    "bsdtar --format zip -cf - . | cat > ../mail.zip",
    "jar cf ../mail.zip .",
)
REFUSED = (
    ("zip -q -P x -r ../mail.zip .", "encrypted"),
    ("ln -s 1.eml Inbox/Büro/link.eml && zip -q -y -r ../mail.zip .", "a link"),
    ("7z a -bso0 -tzip -px -mem=AES256 ../mail.zip .", "encrypted"),
    ("7z a -bso0 -tzip -mm=LZMA ../mail.zip .", "LZMA, not by Deflate"),
)


def pack(tmp_path: Path, command: str) -> Path:
    """Run a command in a folder with ``FILES``; it makes the archive beside it."""
    if shutil.which(program := command.split()[0]) is None and program != "ln":
        pytest.skip(f"{program} is not installed")
    for name, content in FILES.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    run = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path / "tree", env=environment, capture_output=True, check=False
    )
    if run.returncode:
        pytest.skip(f"{command.split()[0]} has no such option here")
    return tmp_path / "mail.zip"


@pytest.mark.parametrize("command", WRITERS)
def test_an_archive_of_another_program_is_read(tmp_path: Path, command: str) -> None:
    found = read(pack(tmp_path, command))
    assert {each.source: each.content for each in found if isinstance(each, Incoming)} == FILES


@pytest.mark.parametrize(("command", "reason"), REFUSED)
def test_an_archive_that_is_not_read_is_refused(tmp_path: Path, command: str, reason: str) -> None:
    with pytest.raises(InvalidArchiveError, match=reason):
        next(read(pack(tmp_path, command)))
