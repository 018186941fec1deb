"""Messages on their way: who still waits for one, and the facts about it. Every method is one transaction.

A recipient is in transit as long as its order stands here; the transaction that takes it out writes its final fact.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from postroom.model.facts import Fact
from postroom.ports.message_contents import FlowContents

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from postroom.contracts.expansions import Expansion
    from postroom.contracts.orders import BounceOrder, DeliveryOrder, Order, RuleCall
    from postroom.model.facts import OwnFact

MAIL_PREFIX: Final = "order:"
"""How the keys of delivery orders begin; a mailbox follows."""

EXPANSION: Final = "expansion"
"""Key of ingest's expansion of a flow, and how those of rule calls begin."""

IN_TRANSIT: Final = (MAIL_PREFIX, "bounce:", "call:", EXPANSION)
"""How the keys of everything begin that stands here until it is settled."""

ARRIVAL_PREFIX: Final = "arrival:"
"""Key of a notification that is parked as it came."""

ORPHAN: Final = "orphan"
"""Key of a stored message that is parked because nobody announced it."""


@dataclass(frozen=True, slots=True)
class Parked:
    """Something that waits for a person.

    ``station`` names who takes it up again: ``ingest``, ``events``, or an order's station. ``body`` is what its
    queue gets on a redrive. ``parkings`` counts how often it was parked. ``since`` is milliseconds since the epoch.
    """

    trace: str
    key: str
    organization_id: str
    station: str
    cause: str
    since: int
    parkings: int
    body: str

    @property
    def id(self) -> str:
        """What people name it by: ``<trace>/<key>``."""
        return f"{self.trace}/{self.key}"

    @property
    def in_transit(self) -> bool:
        """An order or expansion, which stands in transit parked or not; anything else is there only as parked."""
        return self.key.startswith(IN_TRANSIT)

    def fact(self, name: OwnFact, at: int, *, cause: str | None = None) -> Fact:
        """Return what happened to it as a fact, with one key for each time that it was parked.

        Args:
            name: what happened: it was parked, redriven, discarded.
            at: when, in milliseconds since the epoch.
            cause: why; the cause of its parking, unless another is given.
        """
        return Fact(
            trace=self.trace,
            organization_id=self.organization_id,
            name=name,
            key=f"{name}:{self.key}:{self.parkings}",
            at=at,
            data={"what": self.key, "cause": self.cause if cause is None else cause, "station": self.station},
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open order or expansion, as the sweep sees it; ``since`` is milliseconds since the epoch."""

    entry: Order | Expansion
    since: int
    sweeps: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Something of one organization in transit: an order or expansion (``entry``), open unless ``parked`` is set.

    Without an ``entry`` it is there only as parked. ``since`` is milliseconds since the epoch; a rule call's is when
    its next attempt is due.
    """

    entry: Order | Expansion | None
    parked: Parked | None
    since: int
    sweeps: int


class Claim(StrEnum):
    """What became of the attempt to be the one who sends a bounce message."""

    MADE = "MADE"
    TAKEN = "TAKEN"  # somebody else has recorded this intent
    OVER_LIMIT = "OVER_LIMIT"  # the sender has had as many in this hour as anybody gets


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many bounce messages one sender gets in one hour: ``name`` says whose and when; ``expires`` in seconds."""

    name: str
    most: int
    expires: int


@dataclass(frozen=True, slots=True)
class Called:
    """An open rule call: how many attempts have failed, and when the next is due (milliseconds since the epoch)."""

    call: RuleCall
    failed: int
    due: int


class Transit(Protocol):
    """Suite: tests/contract/test_transit.py.

    All methods raise StoreUnavailableError, and ConflictError where they write: both temporary, nothing was written.
    """

    def open(
        self,
        facts: Sequence[Fact],
        orders: Sequence[Order],
        expansion: Expansion | None,
    ) -> bool:
        """Open a flow. The first fact is the RECEIVED one; at most ``CHUNK_RECIPIENTS`` orders and final facts.

        The slots of those rule calls are opened that say so, which holds as long as nothing was put into the flow.

        Returns:
            ``False``: this flow was opened before and nothing was written; the sends that follow are still due.
        """

    def expand(self, before: Expansion, facts: Sequence[Fact], orders: Sequence[Order]) -> bool:
        """Commit chunk ``before.done`` of a large flow; the last chunk closes the expansion.

        Returns:
            ``False``: another run committed it, or the plan is carried out and another stands in its place, or it is
            parked; or one of the orders or facts is there already. Read the expansion again.
        """

    def expansion(self, trace: str, key: str = EXPANSION) -> Expansion | None:
        """Return an expansion that is open and not parked: ingest's own, or a rule call's by its key."""

    def under_way(self, trace: str) -> Iterator[Order | Expansion]:
        """Return everything of a flow that is open and not parked, by key: orders of every kind, all its expansions."""

    def open_orders(self, trace: str) -> Iterator[Order]:
        """Return the orders among what is under way."""

    def order(self, trace: str, key: str) -> DeliveryOrder | None:
        """Return one order, parked or not; ``None`` once it is settled."""

    def is_clear(self, trace: str) -> bool:
        """Say whether nothing of a flow stands here any more: no order, no expansion, nothing parked."""

    def settle(self, order: Order | Expansion, facts: Sequence[Fact], orders: Sequence[Order] = ()) -> bool:
        """Take an order out, parked or not, with its final facts, no mailbox involved: a bounce, say.

        Args:
            orders: what follows from it.

        Returns:
            ``False``: it was settled before.
        """

    def claim_bounce(self, intent: Fact, allowance: Allowance) -> Claim:
        """Record the intent to send a bounce message, and count it for its sender; once, whoever comes first."""

    def settle_bounces(self, orders: Sequence[BounceOrder], facts: Sequence[Fact]) -> bool:
        """Take bounce orders out, parked or not, with the facts that end them; an order that is gone is no obstacle.

        More than fit a transaction go in several, the facts with the first.

        Returns:
            ``False``: one of the facts was recorded before, and nothing was written.
        """

    def called(self, trace: str, key: str) -> Called | None:
        """Return a rule call that is open and not parked."""

    def call_again(self, called: Called, due: int, facts: Sequence[Fact]) -> bool:
        """Note that an attempt of a rule call has failed, and when the next is due.

        Returns:
            ``False``: somebody else noted this attempt, or the call is decided or parked.
        """

    def decide(
        self,
        called: Called,
        facts: Sequence[Fact],
        orders: Sequence[Order],
        expansion: Expansion | None,
        contents: FlowContents | None = None,
    ) -> bool:
        """Take a rule call out with its verdict: at most ``CHUNK_RECIPIENTS`` orders and final facts, or an expansion.

        Args:
            contents: the flow's, with the call's slot closed. Where somebody has put something meanwhile, this raises
                ConflictError: read them again.

        Returns:
            ``False``: another attempt was noted, or the call is decided or parked; or one of the orders stands
            already, for another path to the same mailbox.
        """

    def park(self, parked: Parked, fact: Fact) -> bool:
        """Set something aside with its cause: an open order or expansion, or something that has neither.

        Something parked already stays as it is, unless it was released: then it was tried again in vain, and is
        parked anew.

        Returns:
            ``False``: an order that was settled before, or something that is parked already.
        """

    def parked(self, parked_id: str) -> Parked | None:
        """Return one parked thing by its id."""

    def all_parked(self) -> Iterator[Parked]:
        """Return everything parked, in no order. Reads the whole table: for people and sweeps."""

    def release(self, parked: Parked) -> bool:
        """Mark what is neither order nor expansion as about to be sent again; it stays parked until ``redrive``.

        Returns:
            ``False``: it is not parked any more.
        """

    def redrive(self, parked: Parked, fact: Fact) -> bool:
        """Put a parked thing back on its way. An order or expansion becomes open; the caller sends it.

        Anything else was released and sent before; now nothing remembers it here.

        Returns:
            ``False``: it is not parked any more, or it was parked anew since its release.
        """

    def discard(self, parked: Parked, facts: Sequence[Fact]) -> bool:
        """Give a parked thing up for good.

        Returns:
            ``False``: it is not parked any more.
        """

    def of_organization(self, organization_id: str) -> Iterator[Standing]:
        """Return everything of an organization, in no order. Reads the whole table: for its deletion.

        Raises:
            UnreadableFactError: at the end, if it has rows that cannot be read.
        """

    def note(self, facts: Sequence[Fact]) -> bool:
        """Record facts of something outside these tables, which may be repeated.

        Returns:
            ``False``: one of them was recorded before, and nothing was written.
        """

    def waiting(self, before: int) -> Iterator[Waiting]:
        """Return what has been open since before a time (milliseconds since the epoch). Reads the whole table.

        Raises:
            UnreadableFactError: at the end, if there were rows that nobody can read.
        """

    def swept(self, waiting: Waiting, now: int) -> None:
        """Note that an open entry is sent again: its ``since`` starts anew and its ``sweeps`` grow by one."""


class Ledger(Protocol):
    """Facts by trace, as they were written. Suite: tests/contract/test_transit.py."""

    def facts(self, trace: str) -> Sequence[Fact]:
        """Return every fact of one message in one organization, by time, then key; rows that are no facts are left out.

        Raises:
            StoreUnavailableError: the store could not be reached; a retry may succeed.
        """

    def fact(self, trace: str, key: str) -> Fact | None:
        """Return one fact.

        Raises:
            StoreUnavailableError: as above.
            UnreadableFactError: there is such a row, but it is no fact.
        """

    def openings(self, traces: Collection[str]) -> Mapping[str, Fact]:
        """Return the facts that opened flows, by trace, in batched keyed reads; where there is no flow there is none.

        Raises:
            StoreUnavailableError: as above.
        """

    def received(self, *, message_id: str) -> Iterator[Fact]:
        """Return RECEIVED facts by the message's own Message-ID header. Reads the whole table: for people.

        Args:
            message_id: in any of the spellings of ``model.message_ids``.

        Raises:
            StoreUnavailableError: as above.
        """

    def between(self, since: int, until: int) -> Iterator[Fact]:
        """Return every fact made from ``since`` to before ``until`` (milliseconds), in no order. Reads the whole table.

        Raises:
            StoreUnavailableError: as above.
        """

    def all_facts(self, organization_id: str) -> Iterator[Fact]:
        """Return every fact of an organization, in no order. Reads the whole table: for a log that is rebuilt.

        Raises:
            StoreUnavailableError: as above.
        """


def first_slots(orders: Sequence[Order]) -> FlowContents | None:
    """Return the contents with which a flow begins, the slots open of the calls that say so; ``None`` without any."""
    from postroom.contracts.orders import RuleCall

    contents: FlowContents | None = None
    for order in orders:
        if isinstance(order, RuleCall) and order.slot_open:
            contents = (contents or FlowContents(order.trace)).opened(order.key, 1)
    return contents
