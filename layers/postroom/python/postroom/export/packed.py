"""A run that is packed: what the sealer needs of it, as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from postroom.contracts.export_staging import PackedHead, split_head, with_head
from postroom.export.archive import RunIndex
from postroom.export.manifest import Piece


@dataclass(frozen=True, slots=True)
class PackedRun:
    """Of a run: its parts, the index of its entries, and its piece of the manifest."""

    head: PackedHead
    index: RunIndex
    piece: Piece

    def dump(self) -> bytes:
        """Return the run as bytes, for ``load``."""
        return with_head(self.head, self.index.dump(), self.piece.dump())

    @classmethod
    def load(cls, content: bytes) -> Self:
        """Read the bytes of ``dump``.

        Raises:
            ValueError: these are no such bytes.
        """
        first, rest = split_head(content)
        head = PackedHead.read(first)
        index, piece = rest[: head.index_bytes], rest[head.index_bytes :]
        return cls(head, RunIndex.load(index), Piece.load(piece))
