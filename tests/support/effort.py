"""Measures work by a number that does not depend on the machine or its load."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

FEW_LINES: Final = 400
"""The difference that two runs of the same call may have, in lines: a heap's depth, a cache, a signature's renewal."""


def lines_run(action: Callable[[], object]) -> int:
    """Return how many lines of Python an action runs in this thread: a walk over n things runs n lines at least."""
    lines = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    action()  # the work of the first use does not count
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return lines
