"""Transits that call a test's function before they commit."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from postroom.adapters.aws.transit import DynamoTransit
from postroom.ports.transit import TakeChunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.contracts.expansions import Expansion
    from postroom.ports.transit import Commit, Outcome, OverLimit


@dataclass
class Watched:
    """A transit that calls ``before`` with each commit, then makes it."""

    transit: Any
    before: Callable[[Commit], None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transit, name)

    def commit(self, commit: Commit) -> Outcome | OverLimit:
        self.before(commit)
        outcome: Outcome | OverLimit = self.transit.commit(commit)
        return outcome


def chunk_of(commit: Commit) -> Expansion | None:
    """Return the expansion of which a commit carries out a chunk, as it was before."""
    return next((take.expansion for take in commit.takes if isinstance(take, TakeChunk)), None)


@contextmanager
def before_chunks(do: Callable[[Expansion], None]) -> Iterator[None]:
    """Let every transit in DynamoDB call a function before it commits a chunk."""
    commit = DynamoTransit.commit

    def watched(self: DynamoTransit, given: Commit) -> Outcome | OverLimit:
        expansion = chunk_of(given)
        if expansion is not None:
            do(expansion)
        return commit(self, given)

    with patch.object(DynamoTransit, "commit", watched):
        yield
