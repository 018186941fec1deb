"""What becomes of a submitted message, recipient by recipient: orders, and facts of what is final at once.

Each envelope recipient, groups not expanded, gets the action of the one outbound rule that decides about it. Without
one, and with DEFAULT, the message goes to recipients of the own organization by its inbound flow, to others by SES.
SMTP_GATEWAY sends it to the gateway, recipients inside included: a rule for all recipients means all of them (ours).

The sender is taken from the headers. Source: guide, ZH:3807-3869.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.journal_orders import JournalOrder
from postroom.contracts.outbound_orders import AcceptOrder, TransmitOrder
from postroom.model.directory import newest_rules
from postroom.model.facts import Fact
from postroom.model.rule_index import NO_OUTBOUND_RULES
from postroom.model.rules import ActionType, Direction
from postroom.routing.journal import journal_orders
from postroom.routing.plan import Plan, with_slot_open
from postroom.routing.rule_calls import Telling, by_rule, rule_calls

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from postroom.contracts.orders import Order
    from postroom.mime.headers import Headers
    from postroom.model.addresses import Address
    from postroom.model.directory import MailDomain
    from postroom.model.rule_index import RuleSet
    from postroom.model.rules import RuleAction
    from postroom.ports.raw_mail import RawMail
    from postroom.routing.outbound_flow import OutboundFlow


@dataclass(frozen=True, slots=True)
class OutboundSettings:
    """What the organization says of outbound mail at this moment.

    Attributes:
        domains: those of its domains that the author and the recipients have.
        rules: the outbound rules of ``rules_version``.
    """

    domains: Sequence[MailDomain]
    rules: RuleSet = NO_OUTBOUND_RULES

    @property
    def rules_version(self) -> int:
        """The newest that one of its domains names: they differ only while a change spreads."""
        return newest_rules(self.domains)


def decide(
    flow: OutboundFlow,
    headers: Headers,
    recipients: Mapping[str, Address],
    inside: Collection[str],
    settings: OutboundSettings,
    *,
    journaled: bool = True,
) -> Plan:
    """Decide what becomes of a message for every one of its recipients, and whether it is reported to the journal.

    Args:
        headers: of the message as it was submitted.
        recipients: envelope recipients, lower-case, by their names in the flow (``model.recipient_names``); order
            matters.
        inside: those of them that are in a domain of the sender's organization.
        journaled: False for what no user sends.
    """
    plan = _by_rules(flow, headers, recipients, inside, settings)
    domains = {recipients[name].domain for name in inside}
    journaling = settings.rules.journaling if journaled else None
    return Plan((*journal_orders(journaling, flow, recipients, domains, submitted=True), *plan.entries))


def _by_rules(
    flow: OutboundFlow,
    headers: Headers,
    recipients: Mapping[str, Address],
    inside: Collection[str],
    settings: OutboundSettings,
) -> Plan:
    """Return what becomes of a message."""
    if not settings.rules.rules:
        return Plan(tuple(_by_default(flow, list(recipients), inside)))
    decided = settings.rules.decide_all(headers.authors.readings, recipients)
    rules, version = by_rule(decided), settings.rules_version
    applied = [
        flow.rule_applied(rule.id, version, rule.name, rule.action.type, won)
        for rule, won in rules
        if not rule.action.is_asked
    ]
    actions = {name: decided[name].action for name in recipients if name in decided}
    subject = headers.text("Subject")
    telling = Telling(Direction.OUTBOUND, version, flow.author, flow.sender, subject, message_id=flow.message_id)
    calls = rule_calls(flow, rules, recipients, telling)
    return Plan((*applied, *_by_action(flow, list(recipients), inside, actions), *calls))


def needs_plain_copy(plan: Plan) -> bool:
    """Say whether an order of a plan is carried out by a station that reads no sealed mail, or the plan is frozen."""
    return plan.chunks > 1 or any(not isinstance(entry, Fact | TransmitOrder | JournalOrder) for entry in plan.entries)


def opening(flow: OutboundFlow, plan: Plan, raw: RawMail) -> tuple[list[Fact], list[Order]]:
    """Return what the transaction of a submission has of its plan: all of it, or one order to accept it in chunks.

    Raises:
        StoreUnavailableError: the plan could not be kept.
    """
    if plan.chunks == 1:
        return plan.facts, list(map(with_slot_open, plan.orders(flow.now)))
    kept = plan.keep(raw, f"transit/{flow.trace}/plan")
    return [], [AcceptOrder(trace=flow.trace, organization_id=flow.organization_id, plan=kept, chunks=plan.chunks)]


def _by_action(
    flow: OutboundFlow, recipients: Sequence[str], inside: Collection[str], actions: Mapping[str, RuleAction]
) -> Iterator[Fact | Order]:
    """Yield what becomes of recipients at once; those that a function is asked about have their call alone."""
    usual: list[str] = []
    by_gateway: dict[str, list[str]] = {}
    for recipient in recipients:
        action = actions.get(recipient)
        if action is None or action.type is ActionType.DEFAULT or (action.call is not None and not action.is_asked):
            usual.append(recipient)
        elif action.type is ActionType.BOUNCE:
            yield flow.bounced(recipient, action)
        elif action.type is ActionType.SMTP_GATEWAY and action.gateway_id is not None:
            by_gateway.setdefault(action.gateway_id, []).append(recipient)
    yield from _by_default(flow, usual, inside)
    for gateway_id, its_recipients in by_gateway.items():
        yield from flow.transmissions(its_recipients, gateway_id)


def _by_default(flow: OutboundFlow, recipients: Sequence[str], inside: Collection[str]) -> Iterator[Order]:
    """Yield the orders of the usual ways."""
    yield from flow.transmissions([each for each in recipients if each not in inside])
    if own := [each for each in recipients if each in inside]:
        yield flow.inside(own)
