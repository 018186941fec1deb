"""Where the checkout is, and the name of the stack that its template makes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

STACK_NAME: Final = "postroom"
"""The names of functions begin with it: ``postroom-IngestFunction``."""


def repository_root() -> Path:
    """Return the checkout that this package was installed from (editable), whatever the current folder is."""
    return Path(__file__).resolve().parents[2]
