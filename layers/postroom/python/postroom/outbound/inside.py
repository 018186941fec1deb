"""Journal reports and notices to addresses of the organization itself: they never leave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.model.addresses import Address
from postroom.model.limits import CHUNK_RECIPIENTS
from postroom.model.relay_answers import RelayResult
from postroom.model.transmissions import Answer
from postroom.ports.transit import Commit, Outcome
from postroom.routing.inside import report_inside
from postroom.routing.resolve import resolve

if TYPE_CHECKING:
    from postroom.contracts.journal_orders import JournalOrder
    from postroom.contracts.orders import DeliveryOrder
    from postroom.model.facts import Fact
    from postroom.ports.directory import Addressees
    from postroom.ports.ledger import Ledger
    from postroom.ports.mailboxes import MailboxHeads
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.transit import Transit
    from postroom.routing.plan import Flow

FULL: Final = Answer.permanent("5.2.2", "mailbox full")
TOO_MANY: Final = Answer.permanent("5.2.4", f"the address is a group of more than {CHUNK_RECIPIENTS} mailboxes")


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """Delivers to mailboxes of an organization. Mail-flow rules are not applied (ours)."""

    directory: Addressees
    mailboxes: MailboxHeads
    raw: RawMail
    transit: Transit
    ledger: Ledger
    queues: Queues

    def deliver(self, order: JournalOrder, content: bytes, now: int) -> Answer | None:
        """Open the inbound flow of a report or notice; a repeated call finds it open, and sends its deliveries again.

        A flow that no mailbox has room for is not opened, so that the failure is told. One that is open may have
        filled the mailbox itself.

        Args:
            now: milliseconds since the epoch.

        Returns:
            ``None`` if the address is none of the organization.

        Raises:
            StoreUnavailableError, ConflictError: it may have been delivered; a retry may succeed.
        """
        address = Address.parse(order.to)
        domain = self.directory.domain(address.domain) if address else None
        if address is None or domain is None or domain.organization.id != order.organization_id:
            return None
        to = str(address)
        flow, received = self._opened(order, to, content, now)
        found = resolve(flow, {to: address}, [domain], self.directory, plus_addressing=True, junk=())
        if found.refusals:
            refused = found.refusals[0].event["bouncedRecipient"]
            return Answer.permanent(str(refused["status"]), str(refused["reason"]))
        deliveries = list(found.orders.values())
        if len(deliveries) > CHUNK_RECIPIENTS:
            return TOO_MANY
        if not self._has_room(deliveries, len(content)) and self.ledger.fact(flow.trace, received.key) is None:
            return FULL
        self._commit(flow.trace, received, deliveries)
        return Answer(RelayResult.ACCEPTED)

    def _has_room(self, deliveries: list[DeliveryOrder], size: int) -> bool:
        """Say whether one of the mailboxes takes the message; one that is not there is the delivery's to report."""
        heads = (self.mailboxes.head(order.mailbox_id) for order in deliveries)
        return any(head is None or head.size + size <= head.quota_bytes for head in heads)

    def _commit(self, trace: str, received: Fact, deliveries: list[DeliveryOrder]) -> None:
        if self.transit.commit(Commit(facts=[received], orders=deliveries)) is Outcome.DONE:
            self.queues.send(deliveries)
        else:
            self.queues.send(self.transit.open_orders(trace))

    def _opened(self, order: JournalOrder, to: str, content: bytes, now: int) -> tuple[Flow, Fact]:
        name = order.key.replace(":", "-")
        return report_inside(order, name, content, self.raw, author=order.author, to=to, now=now)
