"""Files of items that were written after the checkpoint to which an export returns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_UID: Final = re.compile(r"\d{8}T\d{6}Z-(\d+)\.[a-z]{3}|\d+\.F[A-Za-z0-9]*-(\d+)\.postroom,.*", re.DOTALL)
"""Names of ``export.names`` and of ``export.maildir``, with the UID."""


def remove_after(folder: Path, uid: int) -> None:
    """Remove the items in a directory whose UID is greater; nothing else, and nothing if there is no directory."""
    for each in list(folder.iterdir()) if folder.is_dir() else ():
        found = _UID.fullmatch(each.name)
        if found and int(found[1] or found[2]) > uid:
            each.unlink()
