"""What the bench of exports compares is one mailbox, twice."""

from __future__ import annotations

import io
import json
import zipfile
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from benchmarks import export_memory, exports
from postroom.contracts.export_manifest import MANIFEST
from postroom.model.jobs import JobState
from tests.support.exports import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("make", "size"),
    [(exports.text_message, exports.SMALL), (exports.attachment_message, exports.LARGE)],
)
def test_the_archive_has_what_the_files_have(make: Callable[..., bytes], size: int, tmp_path: Path) -> None:
    mailbox = exports.mailbox_of(make, tmp_path, total=size * 2)
    files = {sha256(each.read_bytes()).hexdigest(): each.stat().st_size for each in tmp_path.iterdir()}
    assert all(0.9 * size < each < 1.1 * size for each in files.values())
    with zipfile.ZipFile(io.BytesIO(exports.archive(mailbox))) as archive:
        *messages, manifest = [name for name in archive.namelist() if not name.endswith("/")]
        lines = [json.loads(line) for line in archive.read(manifest).splitlines()]
        lines = [line for line in lines if line["kind"] == "item"]
        assert manifest == MANIFEST
        assert {sha256(archive.read(name)).hexdigest() for name in messages} == set(files)
    assert {line["sha256"]: line["size"] for line in lines} == files
    assert [line["path"] for line in lines] == messages


def test_the_mailbox_whose_memory_is_measured_is_exported_whole(tmp_path: Path) -> None:
    system = export_memory.mailbox_of(tmp_path, 5 * exports.SMALL, exports.SMALL)
    system.start()
    system.run()
    assert system.job.state is JobState.COMPLETED
    assert system.job.plan is not None
    assert system.job.plan.items == 5
    log = json.loads(system.uploads.objects[BUCKET, system.job.log_path])
    assert log["totalNonExportableItems"] == "0"
    assert not list((tmp_path / "staged").iterdir())
