"""What a function's answer does to outbound mail: transmissions, mail for recipients inside, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from postroom.errors import SubmissionRefusedError
from postroom.model.addresses import Address
from postroom.model.recipient_names import name_of
from postroom.model.rules import ActionType
from postroom.routing.outbound_flow import OutboundFlow
from postroom.routing.plan import Plan
from postroom.rules.decision import Decision
from postroom.rules.outcomes import Why
from postroom.submission.recipients import checked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.contracts.orders import Order, RuleCall
    from postroom.contracts.outbound_orders import InsideOrder, TransmitOrder
    from postroom.model.facts import Fact
    from postroom.ports.message_contents import Content
    from postroom.rules.decision import Domains
    from postroom.rules.outcomes import Outcomes


def added_as(address: Address, domains: Domains) -> str | None:
    """Return the name of a recipient that an answer adds: any that mail can be sent to. Source: guide, ZH:4119-4123."""
    try:
        checked(address)
    except SubmissionRefusedError:
        return None
    return name_of(address, inside=domains.get(address.domain) is not None)


def decision(call: RuleCall, outcomes: Outcomes, content: Content | None, domains: Domains, now: int) -> Decision:
    """Give each recipient its way; DEFAULT leads inside where its domain is the organization's, else to SES.

    Args:
        content: what the function has put in the message's place; None: the message as it was submitted.
        now: milliseconds since the epoch.
    """
    flow = OutboundFlow.of_call(call, now)
    if content is not None:
        flow = replace(flow, raw=content.raw, size=content.size)
    plan = Plan((*_of_the_rule(flow, call.rule_id, outcomes, domains), *_of_added(flow, outcomes, domains)))
    return Decision(plan, outcomes, {name: reason.value for name, reason in outcomes.ignored.items()})


def refusals(call: RuleCall, reason: str, status: str, now: int) -> Plan:
    """Return the refusals of all recipients of a call. ``status`` is an enhanced status code (RFC 3463)."""
    flow = OutboundFlow.of_call(call, now)
    return Plan(tuple(flow.refused(recipient, reason, status) for recipient in call.recipients))


def _of_the_rule(flow: OutboundFlow, rule_id: str, outcomes: Outcomes, domains: Domains) -> Iterator[Fact | Order]:
    """Yield what becomes of the rule's own recipients, joined by their way."""
    ways: dict[str | None, list[str]] = {}
    for recipient, outcome in outcomes.by_recipient.items():
        action = outcome.action
        if action.type is ActionType.BOUNCE:
            yield flow.bounced(recipient, action)
        elif action.type is not ActionType.DROP and outcome.why is not Why.ADDED:
            gateway_id = action.gateway_id if action.type is ActionType.SMTP_GATEWAY else None
            ways.setdefault(gateway_id, []).append(recipient)
    for gateway_id, recipients in ways.items():
        if gateway_id is not None:
            yield from flow.transmissions(recipients, gateway_id, part=rule_id)
            continue
        inside = [each for each in recipients if _is_inside(each, domains)]
        yield from flow.transmissions([each for each in recipients if each not in inside], part=rule_id)
        if inside:
            yield flow.inside(inside, part=rule_id)


def _of_added(flow: OutboundFlow, outcomes: Outcomes, domains: Domains) -> Iterator[TransmitOrder | InsideOrder]:
    """Yield an order for each recipient that the answer adds, named by it: functions of two rules may add the same."""
    for recipient, outcome in outcomes.by_recipient.items():
        if outcome.why is not Why.ADDED:
            continue
        name, gateway_id = f"added:{recipient}", outcome.action.gateway_id
        if gateway_id is None and _is_inside(recipient, domains):
            yield flow.inside([recipient], part=name)
        else:
            (order,) = flow.transmissions([recipient], gateway_id or "")
            yield order.model_copy(update={"name": name})


def _is_inside(recipient: str, domains: Domains) -> bool:
    address = Address.parse(recipient)
    return address is not None and domains.get(address.domain) is not None
