"""The version before this one, and the kinds that it knew.

When a version is released, ``COMMIT`` becomes its last commit and ``SAMPLES`` what it writes; the kinds of ``later``
join the others then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from .kinds import load
from .messages import MESSAGES
from .objects import OBJECTS
from .records import RECORDS
from .tables import TABLES

COMMIT: Final = "786d7c63"
"""The last commit of the version before."""

SAMPLES: Final = Path(__file__).parent / "samples" / f"{COMMIT}.json"
"""What it wrote: ``python -m tests.upgrade.run_former write`` under its package."""

KINDS: Final = {kind.name: kind for kind in (*TABLES, *RECORDS, *MESSAGES, *OBJECTS)}
"""By name; families of records that are new since then are among them, without a sample in ``SAMPLES``."""


def samples() -> dict[str, Any]:
    """Return what the version before wrote, by kind."""
    return load(SAMPLES.read_text())
