"""Ingest: a message that SES announces becomes a flow per organization.

Whatever stops this halfway, the notification comes again: a flow that is open already is not opened twice, and the
sends that follow are repeated. Deliver knows an order that was carried out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from postroom.contracts.expansions import Expansion
from postroom.contracts.order_list import with_list
from postroom.contracts.orders import RawLocation
from postroom.contracts.outbound_orders import InsideOrder
from postroom.contracts.ses import Notification, read_notification
from postroom.errors import ConflictError, InvalidNotificationError, PermanentError, UnknownOrganizationError
from postroom.inbound import policy
from postroom.inbound.envelope import Arrival, added_key, blocked_fact, received_fact
from postroom.inbound.inside import InsideMail
from postroom.inbound.journal import with_report
from postroom.inbound.policy import InboundSettings
from postroom.mime.excess import excess
from postroom.mime.headers import read_headers
from postroom.model.directory import newest_rules
from postroom.model.facts import RECEIVED
from postroom.ports.transit import Commit, Outcome
from postroom.routing.expansion import expand
from postroom.routing.plan import chunks_of, with_slot_open
from postroom.routing.reached import without_reached
from postroom.routing.resolve import by_organization

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from postroom.model.addresses import Address
    from postroom.model.directory import MailDomain
    from postroom.model.facts import Fact
    from postroom.model.rule_index import RuleSet
    from postroom.ports.directory import Addressees
    from postroom.ports.ledger import Ledger
    from postroom.ports.parking import IngestParking
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.rule_sets import InboundRules
    from postroom.ports.transit import Transit
    from postroom.routing.plan import Plan


FRESH_MS: Final = 60_000
"""Age of a message up to which no former run can have opened a flow of it, in milliseconds: its notification comes
again after the queue's visibility timeout, which is longer. Ours."""


@dataclass(frozen=True, slots=True)
class Ingest:
    """Accepts received messages. ``bucket`` is where SES stores them; ``now`` gives milliseconds since the epoch.

    ``lone``: new flows get traces in the form of earlier versions, which read no other; for an upgrade.
    """

    directory: Addressees
    rule_sets: InboundRules
    raw: RawMail
    transit: Transit
    ledger: Ledger
    queues: Queues
    parking: IngestParking
    now: Callable[[], int]
    bucket: str
    plus_addressing: bool = True
    lone: bool = False

    def accept(self, body: str) -> None:
        """Accept one notification: a flow for each organization among its recipients, or a parked arrival.

        Args:
            body: the SQS message's body: the notification itself, SNS's envelope around it, or an ``InsideOrder``.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is an order, and malformed; after some attempts park reads it.
        """
        order = InsideOrder.read_if_own(body)
        if order is not None:
            self._inside.accept(order)
            return
        try:
            self._accept(body, read_notification(body))
        except PermanentError as error:
            self.parking.park_arrival(body, error.cause)

    @property
    def _inside(self) -> InsideMail:
        return InsideMail(
            directory=self.directory,
            rule_sets=self.rule_sets,
            raw=self.raw,
            transit=self.transit,
            ledger=self.ledger,
            queues=self.queues,
            parking=self.parking,
            now=self.now,
            plus_addressing=self.plus_addressing,
        )

    def _accept(self, body: str, notification: Notification) -> None:
        arrival = self._arrival(notification)
        groups, unknown_domains = by_organization(notification.receipt.recipients, self.directory)
        arrival = replace(arrival, lone=self._is_lone(arrival, [domains[0].organization.id for domains, _ in groups]))
        refused: list[PermanentError] = []
        for domains, recipients in groups:
            try:
                self._flow(body, arrival, domains, recipients)
            except PermanentError as error:  # one organization's trouble is no concern of another's
                refused.append(error)
        if unknown_domains:
            refused.append(UnknownOrganizationError(f"no organization has {', '.join(sorted(unknown_domains))}"))
        if refused:
            raise refused[0]

    def _is_lone(self, arrival: Arrival, organizations: Sequence[str]) -> bool:
        """Say which form the traces of a message's flows have: that of flows that are open, or the settings' one.

        A former version, or the same one with other settings, may have opened a flow and stopped: its notification
        comes again, and the same flow must be found.
        """
        if self.now() - arrival.at <= FRESH_MS:
            return self.lone
        other = replace(arrival, lone=not self.lone)
        is_open = any(self.ledger.fact(other.trace(each), RECEIVED) is not None for each in organizations)
        return self.lone != is_open

    def _arrival(self, notification: Notification) -> Arrival:
        action = notification.receipt.action
        if action.bucket_name != self.bucket or not action.object_key.startswith("inbound/"):
            raise InvalidNotificationError("the message does not lie where SES stores mail for us")
        raw = RawLocation(bucket=action.bucket_name, key=action.object_key)
        seen = read_headers(partial(self.raw.head, raw))
        too_much = None
        if not notification.verdicts.has_virus:
            too_much = excess(seen, len(notification.receipt.recipients), lambda: self.raw.read(raw))
        return Arrival(notification, raw, seen.headers, seen.size, too_much)

    def _flow(self, body: str, arrival: Arrival, domains: list[MailDomain], recipients: Mapping[str, Address]) -> None:
        """Open the flow of one organization, or take up one that is open."""
        organization_id = domains[0].organization.id
        received = received_fact(arrival, organization_id, list(recipients), self.now())
        if self._open(body, arrival, received, domains, recipients):
            return
        self._take_up(received.trace)
        more = self._more(received, recipients)
        if more:
            added = received_fact(arrival, organization_id, list(more), self.now(), key=added_key(list(more)))
            if not self._open(body, arrival, added, domains, more):
                self._take_up(added.trace)
                if self.ledger.fact(added.trace, added.key) is None:
                    raise ConflictError("recipients were refused, and no other run took them")

    def _more(self, received: Fact, recipients: Mapping[str, Address]) -> Mapping[str, Address]:
        """Return the recipients that an open flow does not know yet.

        SES announces a message once for each receipt rule that matches, and an organization's domains may stand in
        several; a parked arrival comes again when one more of its domains is registered.
        """
        first = self.ledger.fact(received.trace, received.key)
        known = set(first.event.get("recipients", ())) if first else set()
        if known.issuperset(recipients):
            return {}
        for fact in self.ledger.facts(received.trace):
            if fact.name is received.name:
                known |= set(fact.event.get("recipients", ()))
        return {name: address for name, address in recipients.items() if name not in known}

    def _open(
        self,
        body: str,
        arrival: Arrival,
        received: Fact,
        domains: list[MailDomain],
        recipients: Mapping[str, Address],
    ) -> bool:
        """Open a flow, or add recipients to one; ``False`` if that was done, and its sends may be due."""
        verdicts = arrival.notification.verdicts
        if verdicts.has_virus:
            return self._committed(Commit(facts=[received, blocked_fact(received, list(recipients))]))
        settings = InboundSettings(domains, self._rules(domains), self.plus_addressing)
        part = received.key.removeprefix(RECEIVED)
        plan = policy.decide(
            arrival.flow(received),
            arrival.headers,
            verdicts,
            recipients,
            settings,
            self.directory,
            part,
            excess=arrival.excess,
        )
        if part:
            plan = without_reached(plan, received.trace, self.transit, self.ledger)
        plan = with_report(plan, arrival, received, recipients, settings, self.directory, part)
        if plan.chunks > 1:
            return self._open_in_chunks(body, received, plan)
        orders = plan.orders(received.at)
        if not part:  # recipients that are added to a flow may meet others' decisions about them: they have rows
            received, orders = with_list(received, list(map(with_slot_open, orders)))
        rows = [order for order in orders if order.has_row]
        opened = self._committed(Commit(facts=[received, *plan.facts], orders=rows))
        if opened:
            self.queues.send(orders)
        return opened

    def _open_in_chunks(self, body: str, received: Fact, plan: Plan) -> bool:
        """Open a flow whose plan takes more than one transaction: keep the plan first, then expand it."""
        part = received.key.removeprefix(RECEIVED)
        kept = self.raw.keep(f"transit/{received.trace}/plan{part.replace(':', '-')}", plan.freeze())
        expansion = Expansion(
            trace=received.trace,
            organization_id=received.organization_id,
            plan=kept,
            chunks=chunks_of(self.raw.read(kept)),  # another attempt may have frozen its own before us
            done=0,
            notification=body,
        )
        opened = self._committed(Commit(facts=[received], expansion=expansion))
        if opened:
            self._take_up(received.trace)
        return opened

    def _committed(self, commit: Commit) -> bool:
        return self.transit.commit(commit) is Outcome.DONE

    def _rules(self, domains: Sequence[MailDomain]) -> RuleSet:
        return self.rule_sets.inbound(domains[0].organization.id, newest_rules(domains))

    def _take_up(self, trace: str) -> None:
        """Continue a flow that is open: send what may not have been sent, expand what is not expanded."""
        expansion = self.transit.expansion(trace)
        self.queues.send(self.transit.open_orders(trace))
        if expansion is not None:
            expand(expansion, self.raw, self.transit, self.ledger, self.queues, self.now)
