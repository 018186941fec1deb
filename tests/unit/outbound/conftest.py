"""One organization whose user ann sends, with SES and SMTP gateways in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from postroom.contracts.outbound_orders import TransmitOrder
from postroom.model.facts import EventName
from postroom.model.records import Insert, SmtpGateway
from postroom.model.relay_answers import RelayAnswer, RelayResult, RelayStage
from postroom.model.transmissions import Answer
from postroom.ports.transit import Commit, SettleIfThere
from postroom.routing.outbound_flow import OutboundFlow
from tests.support.builders import ORG
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from postroom.model.facts import Fact

MAIL: Final = (
    b"From: Ann <ann@acme.test>\r\nTo: carl@example.org\r\nBcc: dora@example.org\r\nSubject: Hi\r\n"
    b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@acme.test>\r\n\r\nHello\r\n"
)
LEAVES: Final = MAIL.replace(b"Bcc: dora@example.org\r\n", b"")
CARL: Final = "carl@example.org"
DORA: Final = "dora@example.org"

GATEWAY: Final = SmtpGateway(
    organization_id=ORG,
    id="gateway-1",
    name="relay",
    host="relay.example.net",
    port=587,
    user_name="u",
    sealed_password=b"",
)

BUSY: Final = Answer.temporary("4.3.2", "Amazon SES: TooManyRequestsException: slow down")
NO_SUCH: Final = Answer.permanent("5.5.4", "Amazon SES: BadRequestException: no such address")


def relayed(result: RelayResult, status: str, text: str, *, code: int = 0, may: bool = False) -> RelayAnswer:
    """Return a gateway's answer to RCPT."""
    return RelayAnswer(result=result, stage=RelayStage.RCPT, text=text, status=status, code=code, may_have_arrived=may)


@dataclass
class Post:
    """The system, and the trace of what was sent last."""

    system: MemoryMailSystem
    trace: str = ""

    def send(self, *recipients: str, content: bytes = MAIL) -> None:
        """Submit a message of ann's; carry nothing out."""
        self.trace = self.system.send("ann", content, *recipients).trace

    def send_by_gateway(self, *recipients: str) -> None:
        """The same, with orders as a rule makes them."""
        self.send(*recipients)
        (order,) = [TransmitOrder.read(body) for body in self.system.queues.queues["transmit"]]
        self.system.queues.queues["transmit"].clear()
        flow = OutboundFlow(
            trace=order.trace,
            organization_id=ORG,
            envelope_from=order.envelope_from,
            author=order.author,
            sender="",
            message_id=order.message_id,
            raw=order.raw,
            size=order.size,
            now=order.since,
        )
        orders = list(flow.transmissions(order.recipients, GATEWAY.id))
        self.system.transit.commit(Commit([SettleIfThere(order)], orders=orders))
        self.system.queues.send(orders)

    def ends(self) -> dict[str, tuple[str, str]]:
        """Return the event and the status of each recipient that has its end."""
        return {
            fact.key.partition(":")[2]: (str(fact.name), fact.event.get("bouncedRecipient", {}).get("status", ""))
            for fact in self.facts()
            if fact.name in (EventName.OUTGOING_EMAIL_SENT, EventName.OUTGOING_EMAIL_BOUNCED)
        }

    def facts(self, name: str | None = None) -> list[Fact]:
        return [fact for fact in self.system.ledger.facts(self.trace) if name is None or fact.name == name]

    def is_clear(self) -> bool:
        return not list(self.system.transit.open_orders(self.trace))

    def waits(self) -> bool:
        return bool(self.system.queues.later["transmit"])


def made() -> Post:
    """Return a system of its own."""
    system = MemoryMailSystem()
    system.user("ann")
    system.directory.commit([Insert(GATEWAY)])
    return Post(system)


@pytest.fixture
def post() -> Post:
    return made()
