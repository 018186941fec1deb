"""Orders to transmit what users and Postroom itself send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postroom.contracts.orders import DELAYED_PREFIX, BounceOrder
from postroom.model.addresses import a_label
from postroom.model.facts import Fact, OwnFact
from postroom.routing.outbound_flow import refused, sent
from postroom.submission.prepare import LEFT_BEHIND, LEFT_BEHIND_FOR_SES, with_hop, without_fields

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from postroom.contracts.outbound_orders import TransmitOrder
    from postroom.contracts.stored import Order
    from postroom.model.transmissions import Answer
    from postroom.ports.raw_mail import RawMail


@dataclass(frozen=True, slots=True)
class MailCarried:
    """Implements ``Carried``."""

    order: TransmitOrder
    raw: RawMail

    @property
    def name(self) -> str:
        """Of the order."""
        return self.order.name

    @property
    def gateway_id(self) -> str:
        """As the decision named it."""
        return self.order.gateway_id

    @property
    def envelope_from(self) -> str:
        """Of the submission."""
        return self.order.envelope_from

    @property
    def purpose(self) -> str:
        """Empty: it is mail."""
        return ""

    @property
    def since(self) -> int:
        """Of the submission."""
        return self.order.since

    def left(self, recorded: Collection[str]) -> Sequence[str]:
        """One fact ends a recipient, whether it was sent the message or not."""
        return tuple(each for each, key in self.order.ends.items() if key not in recorded)

    def content(self) -> bytes:
        """A plain copy has no Bcc; the sender's own copy, which is sealed, has. A gateway gets one hop more."""
        order = self.order
        if not order.gateway_id:
            return without_fields(self.raw.read(order.raw), LEFT_BEHIND_FOR_SES)
        content = without_fields(self.raw.read(order.raw), LEFT_BEHIND)
        return with_hop(content, domain=a_label(order.author.rpartition("@")[2]), trace=order.trace, at=order.since)

    def inside(self, content: bytes, now: int) -> Answer | None:  # noqa: ARG002
        """Recipients inside have orders of another kind."""
        return None

    def sent(self, recipient: str, answer: Answer, now: int) -> Fact:
        """OUTGOING_EMAIL_SENT: the next server is responsible now."""
        data = {**self._way(answer), "sesMessageId": answer.message_id} if answer.message_id else self._way(answer)
        return sent(self.order, recipient, now, data=data)

    def refused(self, recipient: str, answer: Answer, now: int) -> Fact:
        """OUTGOING_EMAIL_BOUNCED, with the other side's answer as its reason."""
        return refused(self.order, recipient, answer.diagnostic, answer.status, now, data=self._way(answer))

    def reports(self, answers: Mapping[str, Answer], now: int) -> Sequence[Order]:
        """A bounce order, named by the first of them: each is refused once."""
        return [self._report(next(iter(answers)), now)]

    def is_report(self, order: Order) -> bool:
        """Every bounce order: one of another station's may be sent once more, too."""
        return isinstance(order, BounceOrder)

    def late(self, answers: Mapping[str, Answer], now: int, until: int) -> tuple[Sequence[Fact], Sequence[Order]]:
        """TRANSMIT_DELAYED and a bounce order; nothing for the null sender, which cannot be told."""
        order = self.order
        if not order.envelope_from:
            return [], []
        waiting = [_waiting(each, answer) for each, answer in answers.items()]
        data = {"order": order.name, "waiting": waiting, "until": until}
        name, key = OwnFact.TRANSMIT_DELAYED, f"{OwnFact.TRANSMIT_DELAYED}:{order.name}"
        told = Fact(order.trace, order.organization_id, name, key, now, data=data)
        return [told], [self._report(f"{DELAYED_PREFIX}{order.name}", now)]

    def _report(self, name: str, now: int) -> BounceOrder:
        return BounceOrder(trace=self.order.trace, organization_id=self.order.organization_id, name=name, since=now)

    def _way(self, answer: Answer) -> dict[str, Any]:
        """Return by which order and way, and by whose answer."""
        found = {"order": self.order.name, "gatewayId": self.order.gateway_id, "server": answer.server}
        return {name: value for name, value in found.items() if value}


def _waiting(recipient: str, answer: Answer) -> dict[str, str]:
    """Return what the notice of a delay says of a recipient."""
    found = {"address": recipient, "status": answer.status, "diagnostic": answer.diagnostic}
    return {**found, "server": answer.server} if answer.server else found
