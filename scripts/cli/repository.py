"""Where the checkout is, the name of the stack that its template makes, and the form of organizations' ids."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

STACK_NAME: Final = "postroom"
"""The names of functions begin with it: ``postroom-IngestFunction``."""

ORGANIZATION_ID: Final = re.compile(r"m-[0-9a-f]{32}")
"""Source: botocore's model workmail/2017-10-01, OrganizationId."""


def repository_root() -> Path:
    """Return the checkout that this package was installed from (editable), whatever the current folder is."""
    return Path(__file__).resolve().parents[2]
