"""Message-IDs in the spellings in which people copy them: from a header, a list or JSON."""

from __future__ import annotations

import json

from postroom.model.limits import MAX_SUBJECT_CHARACTERS
from postroom.model.text import visible


def bare(message_id: str) -> str:
    """Return a Message-ID in its common form: without angle brackets, folds and invisible characters."""
    return " ".join(visible(message_id).split()).strip("<> ")


def spellings(asked: str) -> frozenset[str]:
    """Return the ids that a request may mean: the text as written, and the text read as JSON; each in its common form.

    For an id that is longer than facts store, the shortened id that they store is also returned.
    """
    try:
        unescaped = str(json.loads(f'"{asked}"'))
    except ValueError:
        unescaped = asked  # not part of a JSON text
    meant = {bare(asked), bare(unescaped)} - {""}
    return frozenset(meant | {bare(f"<{each}>"[:MAX_SUBJECT_CHARACTERS]) for each in meant})
