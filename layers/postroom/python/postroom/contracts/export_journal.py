"""How far an export to a disk is: a file that grows with each checkpoint, so that a stopped export goes on.

    {"version":1,"format":"zip","mailbox_id":"…","started":1795521600000,"first_bytes":812}
    (the first piece of the manifest)
    {"folder":"INBOX","uid":17,"items":17,…,"index_bytes":1800,"piece_bytes":900}
    (the index of the run, for a zip archive) (its piece of the manifest)
    …

A checkpoint is written after what it counts is on the disk. The last one may be cut off; it does not count then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import Field

from postroom.contracts.base import Kept
from postroom.model.export_formats import Format

VERSION: Final = 1


class JournalHead(Kept):
    """Which export it is; ``started`` in milliseconds since the epoch."""

    version: int = VERSION
    format: Format
    mailbox_id: str
    started: int
    first_bytes: int = Field(default=0, ge=0)


class Counted(Kept):
    """What an export has done until now.

    Attributes:
        folder: id of the last item's folder; None before the first item. ``uid`` is the item's in it.
        items: number of items that were written, and ``size`` their bytes.
        missing: number of items that could not be read.
    """

    folder: str | None = None
    uid: int = 0
    items: int = 0
    size: int = 0
    missing: int = 0


class Checkpoint(Counted):
    """A state to which an export can return.

    Attributes:
        file: the file that was written last, below the export; ``length`` is its bytes, and ``entries`` its messages.
        index_bytes: of the index of a zip archive's run.
        piece_bytes: of the piece of the manifest.
    """

    file: str = ""
    length: int = Field(default=0, ge=0)
    entries: int = 0
    index_bytes: int = Field(default=0, ge=0)
    piece_bytes: int = Field(default=0, ge=0)


@dataclass(frozen=True, slots=True)
class Record:
    """A checkpoint with its bytes."""

    checkpoint: Checkpoint
    index: bytes
    piece: bytes
