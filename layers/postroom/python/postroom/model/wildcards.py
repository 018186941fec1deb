"""IAM's wildcards: ``*`` is any text, ``?`` one character.

Source: IAM User Guide, "IAM JSON policy elements: Resource".
"""

from __future__ import annotations

import re


def like(text: str, pattern: str) -> bool:
    """Compare as IAM does.

    Text between two stars is matched at its first place only, without backtracking. The author of a pattern chooses
    it, and with backtracking each star would multiply the time of the search.
    """
    first, *rest = (re.escape(part).replace(r"\?", ".") for part in pattern.split("*"))
    between = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
    expression = first + between + "".join(f".*{part}" for part in rest[-1:])
    return re.fullmatch(expression, text, re.DOTALL) is not None


def has_wildcards(pattern: str) -> bool:
    """Say whether a pattern may name more than one text."""
    return "*" in pattern or "?" in pattern
