"""What differs between the formats of an export to a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from postroom.adapters.files.journal import Journal
    from postroom.contracts.export_journal import Checkpoint
    from postroom.contracts.export_staging import PlannedItem


class State(NamedTuple):
    """The file that was written last: its path below the export, its length in bytes, its messages.

    ``run`` is the index of what a zip archive got since the state before.
    """

    file: str = ""
    length: int = 0
    entries: int = 0
    run: bytes = b""


class Target(Protocol):
    """Files of one format, at a path. Every method may raise OSError."""

    def folders(self, folders: Mapping[str, str]) -> Mapping[str, str]:
        """Return the path of each folder in this format, by the path in an archive; once, before the others.

        Args:
            folders: paths in an archive, by folder id, in the order in which items come.
        """

    def open(self, whole: Path, last: Checkpoint | None) -> None:
        """Open what is at a path; what came after a checkpoint is cut off. Without a checkpoint it is made anew."""

    def add(self, item: PlannedItem, content: bytes) -> str:
        """Write an item; return its path."""

    def sync(self) -> State:
        """Bring everything to the disk."""

    def finish(self, journal: Journal) -> None:
        """Write what comes at the end."""

    def close(self) -> None:
        """Close the files."""
