"""Reads mail from a path: a zip archive, an mbox file, a Maildir, or a directory of .eml, .ics and .mbox files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.errors import InvalidArchiveError
from postroom.imports.directory import read_directory
from postroom.imports.maildir import is_maildir, read_maildir
from postroom.imports.mbox import read_mbox
from postroom.imports.places import place_of
from postroom.imports.zip_reader import read_zip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postroom.imports.incoming import Found
    from postroom.imports.mbox import Variant

_BUFFER_BYTES: Final = 1 << 20


def read(path: Path, variant: Variant | None = None) -> Iterator[Found]:
    """Yield what a path holds, one message at a time.

    A zip archive is checked as a whole before anything is yielded. The messages of an mbox file are for a folder of the
    file's name.

    Args:
        variant: the variant of mbox files; without it, a file that differs between the variants is refused.

    Raises:
        InvalidArchiveError: the source is damaged, made to do harm, of no known form, or cannot be read. What was
            yielded is right.
    """
    try:
        yield from _read(path, variant)
    except OSError as error:
        raise InvalidArchiveError(f"{path.name!r} cannot be read: {error.strerror}") from error


def _read(path: Path, variant: Variant | None) -> Iterator[Found]:
    if path.is_dir():
        yield from read_maildir(path) if is_maildir(path) else read_directory(path, variant)
        return
    if not path.is_file():
        raise InvalidArchiveError(f"{path.name!r} is no file and no directory")
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        magic = file.read(5)
        if path.suffix.lower() == ".zip" or magic.startswith(b"PK"):
            yield from read_zip(file)
        elif path.suffix.lower() == ".mbox" or magic == b"From " or variant:
            yield from read_mbox(file, place_of((path.stem,)), path.name, variant)
        else:
            raise InvalidArchiveError(f"{path.name!r} is of no known form")
