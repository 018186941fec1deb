"""Ann submits messages: the functions' own handlers, with the rights of their roles, and queues between them."""

from __future__ import annotations

import base64

from postroom.contracts.outbound_orders import TransmitOrder, end_key
from tests.faults.injector import Injector
from tests.support.builders import ORG
from tests.support.outbound import MAIL
from tests.support.pipeline import CONTEXT, Pipeline, load

STATIONS = ("ingest", "run_sync_rule", "accept_outbound", "deliver")


class OutboundOffice(Pipeline):
    """Ann sends to Ben, who is in her organization, and to others. What transmit gets stays in its queue."""

    def begin(self) -> None:
        self.organization()
        for name in ("ann", "ben"):
            self.entity(name)
        self.apps["submit"] = load("submit")
        self.injector = Injector(frozenset())

    def submit(self, *recipients: str, content: bytes = MAIL, name: str = "t") -> str:
        """Submit a message, let everything but transmissions be done, and return its trace."""
        event = {
            "organization_id": ORG,
            "user_id": "ann",
            "token": name,
            "protocol": "API",
            "content": base64.b64encode(content).decode(),
            "recipients": list(recipients),
        }
        with self.injector.running("submit", lambda: None):
            answer = self.apps["submit"].handler(event, CONTEXT)
        self.carry_all_out()
        return str(answer["trace"])

    def carry_all_out(self) -> None:
        while any(self.carried_out(station) for station in STATIONS):
            pass

    def carried_out(self, station: str) -> int:
        with self.injector.running(station, lambda: None):
            return self.carry_out(station)

    def ways(self, trace: str) -> dict[str, tuple[str, ...]]:
        orders = self.operator.transit.open_orders(trace)
        return {order.name: order.recipients for order in orders if isinstance(order, TransmitOrder)}

    def ends(self, trace: str) -> dict[str, str]:
        facts = self.operator.ledger.facts(trace)
        return {f.key.removeprefix(end_key("")): f.name.value for f in facts if f.key.startswith(end_key(""))}
