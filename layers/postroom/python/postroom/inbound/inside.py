"""Ingest, for mail that stays inside: a submission's recipients in its own organization get it by an inbound flow.

The flow has the submission's Message-ID and a trace of its own. Inbound rules and group expansion apply as to mail from
outside; the checks of SES do not, because the message never left. The transaction that ends the order records that the
message was sent to its recipients, in the submission's flow. Whatever stops this halfway, the order comes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from postroom.contracts.expansions import Expansion
from postroom.contracts.outbound_orders import end_key
from postroom.errors import ConflictError, PermanentError
from postroom.inbound import policy
from postroom.inbound.envelope import added_key
from postroom.inbound.policy import InboundSettings
from postroom.mime.headers import read_headers
from postroom.model.directory import newest_rules
from postroom.model.facts import RECEIVED, inside_trace
from postroom.model.recipient_names import folded
from postroom.model.verdicts import Verdicts
from postroom.ports.transit import Commit, Outcome, Settle
from postroom.routing.expansion import expand
from postroom.routing.inside import Inside, received_inside
from postroom.routing.outbound_flow import refused, sent
from postroom.routing.plan import Flow, Plan, with_slot_open
from postroom.routing.reached import without_reached
from postroom.routing.resolve import UNKNOWN, by_organization

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from postroom.contracts.outbound_orders import InsideOrder
    from postroom.model.addresses import Address
    from postroom.model.directory import MailDomain
    from postroom.model.facts import Fact
    from postroom.ports.directory import Addressees
    from postroom.ports.ledger import Ledger
    from postroom.ports.parking import OrderParking
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.rule_sets import InboundRules
    from postroom.ports.transit import Transit


@dataclass(frozen=True, slots=True)
class InsideMail:
    """Carries out orders for recipients inside. ``now`` returns milliseconds since the epoch."""

    directory: Addressees
    rule_sets: InboundRules
    raw: RawMail
    transit: Transit
    ledger: Ledger
    queues: Queues
    parking: OrderParking
    now: Callable[[], int]
    plus_addressing: bool

    def accept(self, order: InsideOrder) -> None:
        """Open the inbound flow, add recipients to it, or park the order.

        Raises:
            TemporaryError: give it back to the queue.
        """
        try:
            self._accept(order)
        except PermanentError as error:
            self.parking.park_order(order, error.cause)

    def _accept(self, order: InsideOrder) -> None:
        if self._open(order, order.recipients, RECEIVED):
            return
        self._take_up(order)
        if self.transit.order(order.trace, order.key) is None:
            return
        ended = {fact.key for fact in self.ledger.facts(order.trace)}
        left = tuple(each for each in order.recipients if end_key(each) not in ended)
        if self._open(order, left, added_key(left)):
            return
        self._take_up(order)
        if self.transit.order(order.trace, order.key) is not None:
            raise ConflictError("recipients were refused, and no other run took them")

    def _open(self, order: InsideOrder, recipients: Sequence[str], key: str) -> bool:
        """End the order: open the flow, or add recipients to it; ``False`` if that, or a part of it, was done."""
        now = self.now()
        groups, _ = by_organization(recipients, self.directory)
        found = next((group for group in groups if group[0][0].organization.id == order.organization_id), None)
        if found is None:  # the organization is deleted, or has none of these domains any more
            return self._commit(order, [], Plan(tuple(refused(order, each, *UNKNOWN, now) for each in recipients)))
        domains, ours = found
        received, decided = self._decided(order, domains, ours, key)
        ends = [
            # folded: it was named when its domain was not the organization's yet
            sent(order, each, now) if folded(each) in ours else refused(order, each, *UNKNOWN, now)
            for each in recipients
        ]
        return self._commit(order, [received], Plan((*ends, *decided.entries)))

    def _decided(
        self, order: InsideOrder, domains: Sequence[MailDomain], recipients: Mapping[str, Address], key: str
    ) -> tuple[Fact, Plan]:
        """Return the fact that the message was received, and what becomes of it."""
        headers = read_headers(partial(self.raw.head, order.raw)).headers
        trace, now = inside_trace(order.trace), self.now()
        message = Inside(
            trace=trace,
            organization_id=order.organization_id,
            caused_by=order.trace,
            recipients=tuple(recipients),
            author=order.author,
            sender=order.sender,
            subject=headers.text("Subject"),
            message_id=order.message_id,
            envelope_from=order.envelope_from,
            raw=order.raw,
            size=order.size,
            received_at=order.since,
        )
        flow = Flow(trace, order.organization_id, order.envelope_from, order.raw, order.size, order.since, now)
        rules = self.rule_sets.inbound(order.organization_id, newest_rules(domains))
        settings = InboundSettings(domains, rules, self.plus_addressing)
        part = key.removeprefix(RECEIVED)
        plan = policy.decide(flow, headers, Verdicts(), recipients, settings, self.directory, part)
        if part:
            plan = without_reached(plan, trace, self.transit, self.ledger)
        return received_inside(message, now, key=key), plan

    def _commit(self, order: InsideOrder, received: Sequence[Fact], plan: Plan) -> bool:
        """Commit a plan with the end of the order, and send its orders; ``False`` if it was refused."""
        now = self.now()
        if plan.chunks == 1:
            orders = plan.orders(now)
            if all(fact.key == RECEIVED for fact in received):
                orders = list(map(with_slot_open, orders))
            if not self._is_done(Commit([Settle(order)], [*received, *plan.facts], orders)):
                return False
            self.queues.send(orders)
            return True
        trace = inside_trace(order.trace)
        expansion = Expansion(
            trace=trace,
            organization_id=order.organization_id,
            plan=plan.keep(self.raw, f"transit/{trace}/plan"),
            chunks=plan.chunks,
            done=0,
            notification=order.model_dump_json(),
        )
        if not self._is_done(Commit([Settle(order)], received, expansion=expansion)):
            return False
        self._take_up(order)
        return True

    def _is_done(self, commit: Commit) -> bool:
        return self.transit.commit(commit) is Outcome.DONE

    def _take_up(self, order: InsideOrder) -> None:
        """Continue a flow that is open: send what may not have been sent, expand what is not expanded."""
        trace = inside_trace(order.trace)
        expansion = self.transit.expansion(trace)
        self.queues.send(self.transit.open_orders(trace))
        self.queues.send(each for each in self.transit.open_orders(order.trace) if each.station == "bounce")
        if expansion is not None:
            expand(expansion, self.raw, self.transit, self.ledger, self.queues, self.now)
