"""The end of what is on its way, waits, or is parked in a deleted organization; its station says how.

Everything that is open is sent to its station again, and what is parked is put back on its way first: stations see that
the organization is gone, and end what they get with its final facts, and a bounce where the sender may be told. What
has not ended when the time is over is given up, with a fact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.between_stations import Expansion, RawLocation, read_call
from postroom.errors import PostroomError, UnreadableFactError
from postroom.model.facts import ORGANIZATION_DELETED, RECEIVED, Fact, OwnFact
from postroom.ports.transit import Waiting
from postroom.routing.expansion import expand
from postroom.routing.plan import Flow, Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.contracts.between_stations import Order
    from postroom.ports.queues import Onward, RuleCalls
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.transit import Ledger, Parked, Standing, Transit

AGAIN: Final = 10 * 60_000
"""Milliseconds after which what is open is sent to its station once more. Ours."""


@dataclass(frozen=True, slots=True)
class OpenFlows:
    """``now`` gives milliseconds since the epoch."""

    transit: Transit
    ledger: Ledger
    raw: RawMail
    onward: Onward
    calls: RuleCalls
    now: Callable[[], int]

    def end(self, organization_id: str, begun: int, *, over: bool, more: Callable[[], bool]) -> int:
        """Let everything of an organization end.

        Args:
            begun: when its deletion began, in milliseconds since the epoch.
            over: what still stands is given up now.
            more: says whether there is time to go on.

        Returns:
            How much is left to end, at least.

        Raises:
            PostroomError: the first trouble; it stopped nothing else.
        """
        left, troubles = 0, list[PostroomError]()
        for standing in self.transit.of_organization(organization_id):
            if not more():
                left += 1
                break
            try:
                left += not self._end(standing, begun, over=over)
            except PostroomError as error:
                troubles.append(error)
        if troubles:
            raise troubles[0]
        return left

    def _end(self, standing: Standing, begun: int, *, over: bool) -> bool:
        """Do what is due about one thing; ``True`` if nothing is left of it."""
        if over:
            self._give_up(standing)
        elif standing.parked is not None:
            self._unpark(standing, standing.parked)
        elif standing.entry is not None and self._is_due(standing, begun):
            self._send(standing.entry)
            self.transit.swept(Waiting(standing.entry, standing.since, standing.sweeps), self.now())
        return over

    def _is_due(self, standing: Standing, begun: int) -> bool:
        """Say whether an open entry is to be sent: once at first, and again when that has not helped for long.

        A rule's call that waits for its next attempt waits no longer.
        """
        now = self.now()
        return standing.since <= begun or standing.since > now or standing.since + AGAIN <= now

    def _unpark(self, standing: Standing, parked: Parked) -> None:
        if standing.entry is None:  # a fact that an event log did not take: its log group gets nothing more
            self._discard(parked)
        elif self.transit.redrive(parked, parked.fact(OwnFact.REDRIVEN, self.now(), cause=ORGANIZATION_DELETED)):
            self._send(standing.entry)

    def _give_up(self, standing: Standing) -> None:
        if standing.parked is not None:
            self._discard(standing.parked)
        elif standing.entry is not None:
            self.transit.settle(standing.entry, [self._given_up(standing.entry)])

    def _send(self, entry: Order | Expansion) -> None:
        if not isinstance(entry, Expansion):
            self.onward.send([entry])
        elif entry.of:
            self.calls.send(read_call(entry.notification))
        else:
            self._expand(entry)

    def _expand(self, expansion: Expansion) -> None:
        """Carry out what ingest began: it takes no notification any more whose domain's organization is gone."""
        received = self.ledger.fact(expansion.trace, RECEIVED)
        if received is None:
            raise UnreadableFactError("a flow without the fact that opened it")
        flow = Flow(
            trace=expansion.trace,
            organization_id=expansion.organization_id,
            envelope_from=str(received.data["envelopeFrom"]),
            raw=RawLocation(**received.data["raw"]),
            size=int(received.data["size"]),
            received_at=received.at,
        )
        plan = Plan.thaw(self.raw.read(expansion.plan))
        expand(expansion, plan, flow, self.transit, self.ledger, self.onward, self.now)

    def _discard(self, parked: Parked) -> None:
        self.transit.discard(parked, [parked.fact(OwnFact.DISCARDED, self.now(), cause=ORGANIZATION_DELETED)])

    def _given_up(self, entry: Order | Expansion) -> Fact:
        return Fact(
            trace=entry.trace,
            organization_id=entry.organization_id,
            name=OwnFact.DISCARDED,
            key=f"{OwnFact.DISCARDED}:{entry.key}:0",
            at=self.now(),
            data={"what": entry.key, "cause": ORGANIZATION_DELETED},
        )
