"""Ann submits messages: the functions' own handlers, with the rights of their roles, and queues between them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Self

from postroom.contracts.outbound_orders import TransmitOrder, end_key
from tests.faults.injector import Injector
from tests.faults.permissions import not_allowed
from tests.support.builders import submission_event
from tests.support.outbound import MAIL
from tests.support.pipeline import CONTEXT, Pipeline, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack import Stack


class WatchedPipeline(Pipeline):
    """Ann and Ben. ``stations`` work without being asked; what functions call must be allowed to their roles."""

    stations: ClassVar[tuple[str, ...]]

    @classmethod
    @contextmanager
    def on(cls, stack: Stack) -> Iterator[Self]:
        """Make one; at the end, no function may have asked for what its role lacks."""
        made = cls(stack)
        made.begin()
        with made.injector.installed():
            yield made
        assert not_allowed(made.injector.asked, made.stack.environment) == set(), "what a role lacks"

    def begin(self) -> None:
        self.organization()
        for name in ("ann", "ben"):
            self.entity(name)
        self.apps["submit"] = load("submit")
        self.injector = Injector(frozenset())

    def submit(self, *recipients: str, content: bytes = MAIL, name: str = "t") -> str:
        """Submit a message of Ann's, let the stations do everything, and return its trace."""
        with self.injector.running("submit", lambda: None):
            answer = self.apps["submit"].handler(submission_event(content, *recipients, token=name), CONTEXT)
        self.carry_all_out()
        return str(answer["trace"])

    def carry_all_out(self) -> None:
        while any(self.carried_out(station) for station in self.stations):
            pass

    def carried_out(self, station: str) -> int:
        with self.injector.running(station, lambda: None):
            return self.carry_out(station)

    def transmissions(self, trace: str) -> list[TransmitOrder]:
        orders = self.operator.transit.open_orders(trace)
        return [order for order in orders if isinstance(order, TransmitOrder)]


class OutboundOffice(WatchedPipeline):
    """Ann sends to Ben, who is in her organization, and to others. What transmit gets stays in its queue."""

    stations = ("ingest", "run_sync_rule", "accept_outbound", "deliver")

    def ways(self, trace: str) -> dict[str, tuple[str, ...]]:
        return {order.name: order.recipients for order in self.transmissions(trace)}

    def ends(self, trace: str) -> dict[str, str]:
        facts = self.operator.ledger.facts(trace)
        return {f.key.removeprefix(end_key("")): f.name.value for f in facts if f.key.startswith(end_key(""))}
