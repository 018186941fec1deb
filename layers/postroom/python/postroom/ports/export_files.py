"""Where an export to a disk puts the items of one mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postroom.contracts.export_journal import Counted
    from postroom.contracts.export_manifest import ManifestLine
    from postroom.contracts.export_staging import PlannedItem


class ExportFiles(Protocol):
    """The files of one export, written once each and in order. Suite: tests/contract/test_export_files.py.

    What was written after the last checkpoint is gone when the export is opened again. Every method raises OSError if
    the disk does not take what is written; nothing of an earlier checkpoint is lost then.
    """

    def open(self, folders: Mapping[str, str], lines: Iterable[ManifestLine]) -> Counted | None:
        """Begin, or go on after the last checkpoint; return that one's counts.

        Args:
            folders: paths in an archive by folder id, in the order in which items come.
            lines: the first of the manifest; not read where the export goes on.

        Raises:
            ExportRefusedError: another export was begun there, of another mailbox or in another format; or another
                process is at it; or a file is shorter than it left it.
        """

    def add(self, item: PlannedItem, content: bytes) -> str:
        """Write an item; return its path for the manifest."""

    def line(self, line: ManifestLine) -> None:
        """Add a line to the manifest."""

    def checkpoint(self, counted: Counted) -> None:
        """Bring everything to the disk, and keep that the export is so far."""

    def finish(self) -> None:
        """Write what comes at the end, and give the export its name. What has this name is whole."""

    def close(self) -> None:
        """Close the files; the export can be opened again."""
