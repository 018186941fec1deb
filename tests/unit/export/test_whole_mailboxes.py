"""A mailbox of 20,000 messages goes through the stations as it is, and every reader takes its archive."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.exports import ExportSystem, check

if TYPE_CHECKING:
    from collections.abc import Sequence

GENERATED: Final = 20_000
MAIL: Final = sorted((Path(__file__).parents[4] / "shared" / "data" / "mail").rglob("*.eml"))
READERS: Final[Sequence[tuple[str, ...]]] = (("unzip", "-tqq"), ("7z", "t"), ("bsdtar", "-tf"))


@pytest.mark.slow
def test_a_mailbox_of_many_messages_is_exported_whole(tmp_path: Path) -> None:
    system, chance = ExportSystem(), random.Random(3)  # noqa: S311 - repeatable mail
    for path in MAIL:
        system.put(path.read_bytes())
    words = [chance.randbytes(chance.randint(2, 9)).hex() for _ in range(3000)]
    for number in range(GENERATED):
        text = " ".join(chance.choices(words, k=chance.randint(5, 600)))
        folder = ("INBOX", "SENT_ITEMS", "DELETED_ITEMS")[number % 3]
        system.put(f"From: bob@example.org\r\nSubject: {number}\r\n\r\n{text}\r\n".encode(), folder)
    system.start()
    system.run()
    assert system.job.plan is not None
    assert system.job.plan.runs > 1
    check(system)
    archive = tmp_path / "archive.zip"
    archive.write_bytes(system.archive)
    for command in READERS:
        if shutil.which(command[0]):
            done = subprocess.run(
                [*command, archive], env={**os.environ, "LC_ALL": "C.UTF-8"}, capture_output=True, check=False
            )
            assert done.returncode == 0, done.stderr
