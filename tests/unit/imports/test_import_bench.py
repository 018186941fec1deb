"""The bench of imports imports everything that the archive has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import exports, imports

if TYPE_CHECKING:
    from pathlib import Path


def test_the_mailbox_has_what_the_archive_has(tmp_path: Path) -> None:
    mailbox = exports.mailbox_of(exports.text_message, tmp_path, total=exports.SMALL * 3)
    file = tmp_path / "export.zip"
    file.write_bytes(exports.archive(mailbox))
    assert imports.import_into_memory(file) == mailbox.size
