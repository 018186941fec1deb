"""Makes an answer fit into what Lambda passes on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postroom.contracts.availability_query import answer_document, result_document
from postroom.model.free_busy import FailureCode, MailboxAvailability, MailboxFailure
from postroom.model.limits import MAX_ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.free_busy import MailboxResult


def fitted(results: Sequence[MailboxResult], most_bytes: int = MAX_ANSWER_BYTES) -> dict[str, Any]:
    """Return the document of an answer that has at most ``most_bytes``.

    If it would have more, the largest results lose the details of their events first, then their events
    (ErrorFreeBusyGenerationFailed), one mailbox after the other: so a large calendar costs no other mailbox anything.
    """
    kept = list(results)
    documents = [result_document(result) for result in kept]
    sizes = [_bytes(document) for document in documents]
    for shrink in (_without_details, _without_events):
        for place in sorted(range(len(kept)), key=sizes.__getitem__, reverse=True):
            if sum(sizes) + 1024 <= most_bytes:
                break
            kept[place] = shrink(kept[place])
            documents[place] = result_document(kept[place])
            sizes[place] = _bytes(documents[place])
    return answer_document(documents)


def _bytes(document: Mapping[str, Any]) -> int:
    """Return the size in bytes; every runtime writes at most this: ASCII, with a blank after each separator."""
    return len(json.dumps(document)) + 2


def _without_details(result: MailboxResult) -> MailboxResult:
    if isinstance(result, MailboxFailure):
        return result
    return replace(result, events=tuple(replace(event, details=None) for event in result.events))


def _without_events(result: MailboxResult) -> MailboxResult:
    if not isinstance(result, MailboxAvailability):
        return result
    said = f"the calendar has {len(result.events)} events in this window, too many for an answer"
    return MailboxFailure(result.mailbox, FailureCode.FREE_BUSY_GENERATION_FAILED, said, result.reads)
