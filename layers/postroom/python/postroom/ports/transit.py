"""Messages on their way: orders and expansions that are open, and the facts that each change of them writes.

A recipient is in transit as long as its order is there; the transaction that ends the order writes its final fact.
Every write is one ``Commit``: what it takes, what it adds, and one answer, ``Outcome``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.contracts.expansions import Expansion
    from postroom.contracts.orders import DeliveryOrder, Order, RuleCall
    from postroom.model.facts import Fact
    from postroom.ports.message_contents import FlowContents

MAIL_PREFIX: Final = "order:"
"""Prefix of the keys of delivery orders; a mailbox follows."""

EXPANSION: Final = "expansion"
"""Key of ingest's expansion of a flow, and prefix of the keys of rule calls' expansions."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A rule call that is neither decided nor parked: how many attempts have failed, and when the next is due.

    ``due_ms`` is milliseconds since the epoch.
    """

    call: RuleCall
    failed: int
    due_ms: int


@dataclass(frozen=True, slots=True)
class Settle:
    """An order or expansion ends. Condition: it is there, open or parked."""

    entry: Order | Expansion


@dataclass(frozen=True, slots=True)
class SettleIfThere:
    """An order ends, open or parked. No condition: its absence refuses nothing.

    More than fit one transaction go in several. Everything else of the commit goes with the first.
    """

    entry: Order


@dataclass(frozen=True, slots=True)
class EndCall:
    """A rule call ends. Condition: it is open, not parked, and no further attempt of it has failed."""

    call: OpenCall


@dataclass(frozen=True, slots=True)
class PostponeCall:
    """An attempt of a rule call has failed; the next is due at ``due_ms``. Condition: as for ``EndCall``."""

    call: OpenCall
    due_ms: int


@dataclass(frozen=True, slots=True)
class TakeChunk:
    """Chunk ``expansion.done`` is carried out; the expansion ends with its last chunk.

    Condition: the expansion is open, not parked, has the same plan, and no further chunk of it is carried out.
    """

    expansion: Expansion


Take = Settle | SettleIfThere | EndCall | PostponeCall | TakeChunk
"""A row as it was read, and what becomes of it."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A limit on how often something happens in a period: ``most`` commits, at least one, count under ``name``.

    ``name`` says what is counted, for whom, and in which period; the count is kept until ``expires_s`` (seconds since
    the epoch).
    """

    name: str
    most: int
    expires_s: int


@dataclass(frozen=True, slots=True)
class Commit:
    """What is written together.

    Attributes:
        takes: rows as they were read, and what becomes of them.
        facts: none of them may be there yet.
        orders: none of them may be there yet. A rule call that says so opens its slot, which holds as long as nothing
            was put into the flow.
        expansion: none may be there under its key.
        contents: the flow's, changed; nothing may have been put into the flow since they were read.
        allowance: must not be used up; the commit counts.
    """

    takes: Sequence[Take] = ()
    facts: Sequence[Fact] = ()
    orders: Sequence[Order] = ()
    expansion: Expansion | None = None
    contents: FlowContents | None = None
    allowance: Allowance | None = None

    @property
    def new_contents(self) -> FlowContents | None:
        """The contents to write: those given, or those that the orders' slots begin with."""
        return self.contents if self.contents is not None else _first_slots(self.orders)


class Outcome(StrEnum):
    """What became of a commit. Nothing is written unless it is ``DONE``."""

    DONE = "DONE"
    ALREADY = "ALREADY"  # a fact, order or expansion is there, or a take is gone: done before; sends may still be due
    STALE = "STALE"  # the flow's contents have changed since they were read: read again, decide again
    OVER_LIMIT = "OVER_LIMIT"  # the allowance is used up


class Transit(Protocol):
    """Suite: tests/contract/test_transit.py and test_commit_outcomes.py.

    All methods raise StoreUnavailableError, and ``commit`` ConflictError: both temporary, nothing was written. All
    reads are strongly consistent.
    """

    def commit(self, commit: Commit) -> Outcome:
        """Write a commit in one transaction: at most ``CHUNK_RECIPIENTS`` orders and final facts.

        Where several conditions fail, the outcome is ``ALREADY`` before ``STALE`` before ``OVER_LIMIT``. A commit of
        nothing is ``DONE``.
        """

    def order(self, trace: str, key: str) -> DeliveryOrder | None:
        """Return one delivery order, open or parked; ``None`` once it has ended."""

    def expansion(self, trace: str, key: str = EXPANSION) -> Expansion | None:
        """Return an expansion that is open and not parked: ingest's own, or a rule call's by its key."""

    def contents(self, trace: str) -> FlowContents:
        """Return what was put into a flow: version 0 where nothing was. It stays when the flow has ended."""

    def open_call(self, trace: str, key: str) -> OpenCall | None:
        """Return a rule call that is open and not parked."""

    def open_orders(self, trace: str) -> Iterator[Order]:
        """Return a flow's orders that are open and not parked, by key."""

    def under_way(self, trace: str) -> Iterator[Order | Expansion]:
        """Return a flow's orders and expansions that are open and not parked, by key."""

    def is_clear(self, trace: str) -> bool:
        """Say whether a flow has no order and no expansion, open or parked, and nothing else that is parked."""


def _first_slots(orders: Sequence[Order]) -> FlowContents | None:
    """Return the contents with which a flow begins, the slots open of the calls that say so; ``None`` without any."""
    from postroom.contracts.orders import RuleCall
    from postroom.ports.message_contents import FlowContents

    contents: FlowContents | None = None
    for order in orders:
        if isinstance(order, RuleCall) and order.slot_open:
            contents = (contents or FlowContents(order.trace)).opened(order.key, 1)
    return contents
