"""Messages in transit: open orders and expansions, and the facts that each of their changes writes.

A recipient is in transit as long as its order exists. The transaction that ends the order writes its final fact.
Every write is one ``Commit``, with the rows that it takes and those that it adds; its result is an ``Outcome``.

The delivery orders of a flow that one transaction opens have no rows: the fact that opens the flow lists them
(docs/decisions/0025). A listed order exists from that fact until there is a fact with its end key.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, cast

from postroom.errors import MessageNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.contracts.expansions import Expansion
    from postroom.contracts.orders import CalendarOrder, DeliveryOrder, Order, RuleCall
    from postroom.model.facts import Fact
    from postroom.ports.message_contents import FlowContents
    from postroom.ports.raw_mail import RawMail

MAIL_PREFIX: Final = "order:"
"""Prefix of the keys of delivery orders, before the mailbox id."""

EXPANSION: Final = "expansion"
"""Key of ingest's expansion of a flow, and prefix of the keys of rule calls' expansions."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A rule call that is neither decided nor parked.

    Attributes:
        failed: number of failed attempts.
        due_ms: when the next attempt is due, in milliseconds since the epoch.
    """

    call: RuleCall
    failed: int
    due_ms: int


@dataclass(frozen=True, slots=True)
class Settle:
    """An order or expansion ends. Condition: it exists, open or parked.

    A listed order has no row. It exists until there is a fact with its end key, and the commit has that fact.
    """

    entry: Order | Expansion


@dataclass(frozen=True, slots=True)
class SettleIfThere:
    """An order ends, open or parked. There is no condition: the order may have ended before.

    If there are more than fit in one transaction, they are written in several; the first has the rest of the commit.
    No listed order can end so.
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
class Postpone:
    """An order stays open, and is due at ``due_ms``: the sweep leaves it alone until then. Condition: it is open."""

    entry: Order
    due_ms: int


@dataclass(frozen=True, slots=True)
class TakeChunk:
    """Chunk ``expansion.done`` is committed; the expansion ends with its last chunk.

    Condition: the expansion is open, not parked, has the same plan, and no further chunk is committed.
    """

    expansion: Expansion


Take = Settle | SettleIfThere | Postpone | EndCall | PostponeCall | TakeChunk
"""A row as it was read, and its change."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A limit on commits with the same ``name``.

    Attributes:
        name: names the effect, its owner and the period.
        most: largest number of commits, at least 1.
        expires_s: when the count may be dropped, in seconds since the epoch.
    """

    name: str
    most: int
    expires_s: int


@dataclass(frozen=True, slots=True)
class Commit:
    """The writes of one transaction, with their conditions.

    Attributes:
        takes: rows as they were read, and their changes.
        facts: none of them may exist.
        orders: none of them may exist, and none is listed. A rule call with ``slot_open`` opens its slot, on condition
            that nothing was put into the flow.
        expansion: none may exist under its key.
        contents: the flow's new contents; they may not have changed since they were read.
        allowances: none may be used up; the commit counts for each. Their names differ.
    """

    takes: Sequence[Take] = ()
    facts: Sequence[Fact] = ()
    orders: Sequence[Order] = ()
    expansion: Expansion | None = None
    contents: FlowContents | None = None
    allowances: Sequence[Allowance] = ()

    def __post_init__(self) -> None:
        """Check what concerns listed orders.

        Raises:
            ValueError: one would get a row, or end without the fact that ends it.
        """
        if not all(order.has_row for order in self.orders):
            raise ValueError("a listed order has no row")
        for take in self.takes:
            if isinstance(take, SettleIfThere) and not take.entry.has_row:
                raise ValueError("a listed order cannot end without a condition")
            if isinstance(take, Settle):
                require_end(take.entry, self.facts)

    @property
    def new_contents(self) -> FlowContents | None:
        """The contents to write: those given, or those with the slots that the orders open."""
        return self.contents if self.contents is not None else _first_slots(self.orders)


def require_end(entry: Order | Expansion, facts: Sequence[Fact]) -> None:
    """Require that the facts of a transaction that ends a listed order end it: only they exclude a second end.

    Raises:
        ValueError: not exactly one of them does.
    """
    if entry.has_row:
        return
    from postroom.contracts.order_list import end_key

    key = end_key(cast("DeliveryOrder", entry))
    if sum((fact.trace, fact.key) == (entry.trace, key) for fact in facts) != 1:
        raise ValueError("a listed order ends with exactly one fact of its end key")


class Outcome(StrEnum):
    """The result of a commit without allowances. Only ``DONE`` has written anything."""

    DONE = "DONE"
    ALREADY = "ALREADY"  # done before: a fact, order or expansion exists, or a take is gone; sends may be due
    STALE = "STALE"  # the flow's contents have changed since they were read: read again, decide again


@dataclass(frozen=True, slots=True)
class OverLimit:
    """The result of a commit that wrote nothing because ``allowance`` is used up: the first such of the commit's."""

    allowance: Allowance


class Transit(Protocol):
    """Suite: tests/contract/test_transit.py and test_commit_outcomes.py.

    Every method raises StoreUnavailableError if a table did not answer; ``commit`` also raises ConflictError. Both are
    temporary, and nothing was written. All reads are strongly consistent. Those of orders include listed ones, and
    raise UnreadableFactError if the fact that opened the flow cannot be read.
    """

    def commit(self, commit: Commit) -> Outcome | OverLimit:
        """Write a commit in one transaction.

        If several conditions fail, the outcome is ``ALREADY`` before ``STALE`` before ``OverLimit``. An empty commit
        is ``DONE``.

        Args:
            commit: at most ``CHUNK_RECIPIENTS`` orders and final facts.
        """

    def order(self, trace: str, key: str) -> Order | None:
        """Return an order, open or parked; ``None`` if it has ended."""

    def expansion(self, trace: str, key: str = EXPANSION) -> Expansion | None:
        """Return an expansion, of ingest or by the key of a rule call's, if it is open and not parked."""

    def contents(self, trace: str) -> FlowContents:
        """Return the contents of a flow, with version 0 if nothing was put. They stay after the end of the flow."""

    def open_call(self, trace: str, key: str) -> OpenCall | None:
        """Return a rule call, if it is open and not parked."""

    def rule_calls(self, trace: str) -> Iterator[RuleCall]:
        """Yield a flow's rule calls that have not ended, parked ones included, by one query."""

    def open_orders(self, trace: str) -> Iterator[Order]:
        """Yield a flow's orders that are open and not parked, in order of keys."""

    def under_way(self, trace: str) -> Iterator[Order | Expansion]:
        """Yield a flow's orders and expansions that are open and not parked, in order of keys."""

    def is_clear(self, trace: str) -> bool:
        """Return whether a flow has no order and no expansion, open or parked, and nothing else that is parked."""


def _first_slots(orders: Sequence[Order]) -> FlowContents | None:
    """Return contents with an open slot for each rule call with ``slot_open``; ``None`` if there is no such call."""
    from postroom.contracts.orders import RuleCall
    from postroom.ports.message_contents import FlowContents

    contents: FlowContents | None = None
    for order in orders:
        if isinstance(order, RuleCall) and order.slot_open:
            contents = (contents or FlowContents(order.trace)).opened(order.key, 1)
    return contents


def bytes_of(order: DeliveryOrder | CalendarOrder, raw: RawMail, transit: Transit) -> bytes | None:
    """Return the message as it was received; ``None`` where it is gone because the order was carried out long ago.

    Raises:
        MessageNotFoundError: it is gone, and the order is open.
        StoreUnavailableError: the store or a table did not answer.
    """
    try:
        return raw.read(order.raw)
    except MessageNotFoundError:
        if transit.order(order.trace, order.key) is None:
            return None
        raise
