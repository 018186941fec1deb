r"""Paths of a zip archive's entries: decoded, and refused if they lead out of it.

Source: APPNOTE 4.4.17 and 4.6.9 (Unicode path), Appendix D. Ours: a name without the flag for UTF-8 is UTF-8 if it can
be, since macOS and many libraries do not set it, and code page 437 otherwise; names in the form of Windows are split at
``\`` only if Windows or DOS made them.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Final

from postroom.errors import InvalidArchiveError
from postroom.imports.places import MAX_DEPTH
from postroom.imports.zip_directory import field_of

if TYPE_CHECKING:
    from postroom.imports.zip_directory import Record

UTF_8: Final = 0x800
_UNICODE_PATH: Final = 0x7075
_WINDOWS: Final = (0, 10, 14)
r"""Hosts whose programs write ``\``: FAT, NTFS, VFAT. Source: APPNOTE 4.4.2."""
_SEPARATORS: Final = re.compile(r"[/\\]")
_DRIVE: Final = re.compile(r"[A-Za-z]:[/\\]")


def path_of(record: Record) -> str:
    """Return an entry's path, with ``/`` between its parts, and at its end if it is a folder.

    Raises:
        InvalidArchiveError: the path is absolute, leads out of the archive, or is too deep; or it is no text.
    """
    name = _decoded(record)
    if "\0" in name:
        raise InvalidArchiveError(f"the name of an entry has a NUL: {_shown(name)}")
    is_windows = record.host in _WINDOWS and "/" not in name
    if name[:1] in ("/", "\\") or _DRIVE.match(name) or (is_windows and name[1:2] == ":"):
        raise InvalidArchiveError(f"an entry has an absolute path: {_shown(name)}")
    if ".." in _SEPARATORS.split(name):
        raise InvalidArchiveError(f"an entry leads out of the archive: {_shown(name)}")
    if is_windows:
        name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if len(parts) > MAX_DEPTH + 1:
        raise InvalidArchiveError(f"an entry is in more than {MAX_DEPTH} folders: {_shown(name)}")
    if not parts and not name.endswith("/"):
        raise InvalidArchiveError("an entry has no name")
    return "/".join(parts) + ("/" if name.endswith("/") else "")


def _shown(name: str) -> str:
    return repr(name if len(name) <= 100 else name[:100] + "…")


def _decoded(record: Record) -> str:
    raw = record.name
    field = field_of(record.extra, _UNICODE_PATH)
    if field and field[0] == 1 and int.from_bytes(field[1:5], "little") == zlib.crc32(raw):
        raw = field[5:]
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if record.flags & UTF_8 or raw is not record.name:
            raise InvalidArchiveError("the name of an entry is not UTF-8, as the archive says it is") from error
    return raw.decode("cp437")
