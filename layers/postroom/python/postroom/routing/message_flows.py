"""The flows of one SES message: in one read, or one per organization where an earlier version opened them.

A message's flows all have the form of the first (``inbound.ingest``), so that those of one form are all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.model.facts import SUBMITTED, inside_trace, lone_trace_of, message_part, split_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from postroom.model.facts import Fact
    from postroom.ports.ledger import Ledger


def flows_of(
    ledger: Ledger, ses_message_id: str, organizations: Iterable[str], *, latest: bool
) -> dict[str, Sequence[Fact]]:
    """Return the facts of a message's flows, and of what mailboxes answered to them, by trace.

    Args:
        organizations: ids, for flows of earlier versions: they are asked for only if there is no other.
        latest: as of ``Ledger.of_message``.
    """
    found = _by_trace(ledger.of_message(message_part(ses_message_id), latest=latest))
    if found:
        return found
    lone = ledger.openings([lone_trace_of(ses_message_id, each) for each in organizations])
    return _with_following(ledger, {trace: ledger.facts(trace) for trace in lone})


def flows_beside(ledger: Ledger, trace: str) -> dict[str, Sequence[Fact]]:
    """Return the facts of all flows that may need an object of one flow, by trace.

    Those are the flows of its message, of what mailboxes answered, of a submission's recipients inside, and of reports
    about it. Of an earlier version's trace, this flow alone and what follows from it.
    """
    split = split_trace(trace)
    found = {trace: ledger.facts(trace)} if split is None else _by_trace(ledger.of_message(split[0], latest=True))
    return {name: facts for name, facts in _with_following(ledger, found).items() if facts}


def _by_trace(facts: Sequence[Fact]) -> dict[str, Sequence[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        found.setdefault(fact.trace, []).append(fact)
    return dict(found)


def _with_following(ledger: Ledger, flows: dict[str, Sequence[Fact]]) -> dict[str, Sequence[Fact]]:
    """Return flows, and those that follow from them; the flows of one message are there already."""
    found, new = dict(flows), list(flows)
    while new:
        trace = new.pop()
        for following in {*_following(trace, found[trace])} - found.keys():
            found[following] = ledger.facts(following)
            new.append(following)
    return found


def _following(trace: str, facts: Sequence[Fact]) -> Iterator[str]:
    """Yield the traces of flows that follow from one, and that may not be found with its message."""
    for fact in facts:
        if fact.key == SUBMITTED:
            yield inside_trace(trace)
        for member in ("replyTrace", "reportTrace"):
            if member in fact.data:
                yield str(fact.data[member])
