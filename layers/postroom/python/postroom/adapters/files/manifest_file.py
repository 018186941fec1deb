"""The manifest of an export as a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isal import isal_zlib

from postroom.adapters.files.private import open_private, sync
from postroom.contracts.export_manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from postroom.export.manifest import Piece


def write_manifest(folder: Path, pieces: Iterable[Piece]) -> None:
    """Write the lines of the pieces into a directory."""
    with open_private(folder / MANIFEST, 0) as file:
        for piece in pieces:
            file.write(isal_zlib.decompressobj(-isal_zlib.MAX_WBITS).decompress(piece.data))
        sync(file)
