"""Message-IDs as people copy them: from a header, from a list, from JSON."""

from __future__ import annotations

import json

from postroom.model.limits import MAX_SUBJECT_CHARACTERS
from postroom.model.text import visible


def bare(message_id: str) -> str:
    """Return a Message-ID as all its spellings have it: without angle brackets, folds and invisible characters."""
    return " ".join(visible(message_id).split()).strip("<> ")


def spellings(asked: str) -> frozenset[str]:
    """Return what a request for a Message-ID may mean: the id as written, or as JSON writes it; each bare.

    Of an id that is longer than facts keep, also what they keep.
    """
    try:
        unescaped = str(json.loads(f'"{asked}"'))
    except ValueError:
        unescaped = asked  # no piece of JSON: it means itself
    meant = {bare(asked), bare(unescaped)} - {""}
    return frozenset(meant | {bare(f"<{each}>"[:MAX_SUBJECT_CHARACTERS]) for each in meant})
