"""The flows of one SES message: in one read, or one per organization where an earlier version opened them.

A message's flows all have the form of the first (``inbound.ingest``), so that those of one form are all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.model.facts import OwnFact, lone_trace_of, message_part, reply_trace, split_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    return {trace: facts for each in lone for trace, facts in _with_replies(ledger, each).items()}


def flows_beside(ledger: Ledger, trace: str) -> dict[str, Sequence[Fact]]:
    """Return the facts of the flows of a trace's message, by trace; of an earlier version's trace, of this flow."""
    found = split_trace(trace)
    if found is not None:
        return _by_trace(ledger.of_message(found[0], latest=True))
    return {name: facts for name, facts in _with_replies(ledger, trace).items() if facts}


def _by_trace(facts: Sequence[Fact]) -> dict[str, Sequence[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        found.setdefault(fact.trace, []).append(fact)
    return dict(found)


def _with_replies(ledger: Ledger, trace: str) -> dict[str, Sequence[Fact]]:
    """Return the facts of a flow of an earlier version, and of what mailboxes answered to it, by trace."""
    facts = ledger.facts(trace)
    answered = [fact for fact in facts if fact.name is OwnFact.BOOKING_ANSWERED]
    replies = [reply_trace(trace, str(fact.data["mailboxId"])) for fact in answered]
    return {trace: facts, **{reply: ledger.facts(reply) for reply in replies}}
