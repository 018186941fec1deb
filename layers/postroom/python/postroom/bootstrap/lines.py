"""Lines of a function's own log, for metrics in CloudWatch's embedded format."""

from __future__ import annotations

import sys


def write_line(line: str) -> None:
    """Write one line to the function's log."""
    sys.stdout.write(f"{line}\n")
