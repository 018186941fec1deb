"""What both kinds of event source mapping read from a function's answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from local.functions.pool import Answer

ALL_FAILED: Final = None
"""The whole batch counts as failed."""


def failed_items(answer: Answer, sent: Collection[str], *, reports: bool) -> frozenset[str] | None:
    """Return the identifiers that the function says it failed on, or `ALL_FAILED`.

    Args:
        answer: of the function.
        sent: identifiers of the batch.
        reports: whether the mapping has ReportBatchItemFailures; otherwise the answer says nothing.

    Source: AWS, "Implementing partial batch responses": no answer, `{}` or an empty list means success; anything
    malformed, an empty or an unknown identifier means that the whole batch failed.
    """
    if answer.error:
        return ALL_FAILED
    if not reports:
        return frozenset()
    decoded = json.loads(answer.payload)
    if decoded is None or decoded == "":
        return frozenset()
    if not isinstance(decoded, dict):
        return ALL_FAILED
    failures = decoded.get("batchItemFailures")
    if failures is None:
        return frozenset()
    if not isinstance(failures, list):
        return ALL_FAILED
    named = [failure.get("itemIdentifier") if isinstance(failure, dict) else None for failure in failures]
    if any(not isinstance(one, str) or one not in sent for one in named):
        return ALL_FAILED
    return frozenset(str(one) for one in named)
