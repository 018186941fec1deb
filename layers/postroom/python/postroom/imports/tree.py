"""Describes the files of a tree of .eml and .ics files: in an archive or a directory, with our manifest or without."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from postroom.contracts.export_manifest import MANIFEST
from postroom.imports.dates import message_date
from postroom.imports.incoming import Incoming, IncomingFolder, Skipped
from postroom.imports.places import APPLE, place_of
from postroom.model.limits import MAX_STORED_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.imports.incoming import Place
    from postroom.imports.manifest_table import ManifestTable

OTHER: Final = "neither .eml nor .ics"
TOO_LARGE: Final = f"larger than {MAX_STORED_BYTES} bytes, the largest message"
"""Why a file is skipped."""


class Kind(Enum):
    """What a file is, by its name."""

    MESSAGE = auto()
    CALENDAR = auto()
    OTHER = auto()


def kind_of(path: str) -> Kind:
    """Return what a file is; the files that macOS adds to archives for its own attributes are no messages."""
    name = path.rpartition("/")[2].lower()
    if path.partition("/")[0] == APPLE or name.startswith("._"):
        return Kind.OTHER
    if name.endswith(".eml"):
        return Kind.MESSAGE
    return Kind.CALENDAR if name.endswith(".ics") else Kind.OTHER


@dataclass(frozen=True, slots=True)
class Tree:
    """What is known of a tree beside its files.

    Attributes:
        wrapper: the folder that holds the mailbox, with ``/`` at its end, or nothing.
        manifest: None if the tree has none.
    """

    wrapper: str
    manifest: ManifestTable | None

    def is_manifest(self, path: str) -> bool:
        """Say whether a file is the manifest."""
        return self.manifest is not None and path == self.wrapper + MANIFEST

    def folders(self) -> Iterator[IncomingFolder]:
        """Yield the folders that the manifest names."""
        if self.manifest:
            yield from self.manifest.folders()

    def folder(self, path: str) -> Iterator[IncomingFolder]:
        """Yield a folder of a tree without a manifest; ``path`` has ``/`` at its end."""
        names = [name for name in path.removeprefix(self.wrapper).split("/") if name]
        if not self.manifest and names and not self.wrapper.startswith(path) and names[0] != APPLE:
            yield IncomingFolder(place_of(names))

    def incoming(self, path: str, content: bytes, *, modified: int | None = None) -> Incoming:
        """Describe a message or a calendar file.

        Args:
            modified: when the file was changed, in milliseconds since the epoch, if that may be when it was received.
        """
        is_calendar, inner = kind_of(path) is Kind.CALENDAR, path.removeprefix(self.wrapper)
        found = self.manifest.incoming(inner, content, is_calendar=is_calendar) if self.manifest else None
        if found:
            return found
        received = None if is_calendar else message_date(content)
        return Incoming(
            source=path,
            place=self._place(inner, is_calendar=is_calendar),
            content=content,
            is_calendar=is_calendar,
            received=modified if received is None else received,
        )

    def skipped(self, path: str, why: str) -> Skipped:
        """Describe a file that is not read."""
        if self.manifest:
            self.manifest.mark(path.removeprefix(self.wrapper))
        return Skipped(path, why)

    def missing(self) -> Iterator[Skipped]:
        """Yield what the manifest names and the tree did not have."""
        if self.manifest:
            yield from self.manifest.missing()

    def _place(self, inner: str, *, is_calendar: bool) -> Place:
        folder = inner.rpartition("/")[0]
        if self.manifest:
            return self.manifest.place(folder, is_calendar=is_calendar)
        return place_of(folder.split("/") if folder else (), is_calendar=is_calendar)
