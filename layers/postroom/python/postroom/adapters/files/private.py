"""Files and directories that only their owner can read: they hold mail."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Final

from postroom.errors import ExportRefusedError

if TYPE_CHECKING:
    from pathlib import Path

_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_FIRST_MS: Final = -2_147_483_648_000
_LAST_MS: Final = 9_223_372_036_854
"""Times that file systems take: 1901 to 2262."""
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def make_folder(path: Path) -> None:
    """Make a directory, and those that it is in, unless they exist."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(_FOLDER_MODE, exist_ok=True)


def open_private(path: Path, length: int | None = None) -> BinaryIO:
    """Open a file for reading and writing, made if there is none; writing begins at its start.

    Args:
        length: bytes that are kept of it; writing begins behind them.

    Raises:
        ExportRefusedError: it has fewer bytes.
    """
    file = os.fdopen(os.open(path, _FLAGS, _FILE_MODE), "r+b")
    if length is not None:
        if file.seek(0, os.SEEK_END) < length:
            file.close()
            raise ExportRefusedError(f"{str(path)!r} is shorter than the export left it; remove it and begin anew")
        file.truncate(length)
        file.seek(length)
    return file


def write_private(path: Path, content: bytes, *, modified_ms: int | None = None) -> None:
    """Write a whole file, or replace what it has.

    Args:
        modified_ms: its time, in milliseconds since the epoch.
    """
    with open_private(path, 0) as file:
        file.write(content)
    if modified_ms is not None:
        at = min(max(modified_ms, _FIRST_MS), _LAST_MS) * 1_000_000
        os.utime(path, ns=(at, at))


def lock(file: BinaryIO) -> bool:
    """Lock a file until it is closed; ``False`` if another process has. Windows has no such lock: nothing is locked."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sync(file: BinaryIO) -> None:
    """Bring a file to the disk."""
    file.flush()
    os.fsync(file.fileno())
