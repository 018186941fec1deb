"""Text of strangers, made fit for one line."""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    """Return text without control characters and line ends, lone surrogates replaced: fit for a log or a header."""
    return _CONTROL.sub(" ", text).encode("utf-8", "replace").decode("utf-8").strip()
