"""DMARC and the organization's rules, applied to a message recipient by recipient.

A virus ends a message before this. A DMARC policy of REJECT ends it for all recipients, and no rule is applied;
QUARANTINE counts as spam. Then each envelope recipient, groups not expanded, gets the action of the one rule that
decides about it; without one it is delivered: to Junk if the message is spam, else to the inbox.

Verdicts are SES's. The sender is taken from the headers, never from the envelope. Source: guide, ZH:3783-3869,
ZH:4528-4566.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.errors import UnreadableRulesError
from postroom.model.directory import newest_rules
from postroom.model.rules import DELIVERS, STOPS, ActionType, Direction, is_junk
from postroom.model.verdicts import DmarcPolicy, Verdict
from postroom.routing.plan import Plan
from postroom.routing.resolve import resolve
from postroom.routing.rule_calls import Telling, by_rule, rule_calls

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from postroom.contracts.orders import Order
    from postroom.mime.excess import Excess
    from postroom.mime.headers import Headers
    from postroom.model.addresses import Address
    from postroom.model.directory import MailDomain
    from postroom.model.facts import Fact
    from postroom.model.rule_index import RuleSet
    from postroom.model.rules import Rule, RuleAction
    from postroom.model.verdicts import Verdicts
    from postroom.ports.directory import Addressees
    from postroom.routing.plan import Flow
    from postroom.routing.rule_calls import ByRule


@dataclass(frozen=True, slots=True)
class InboundSettings:
    """What the organization says of inbound mail at this moment.

    Attributes:
        domains: those of its domains that the envelope names.
        rules: the rules of ``rules_version``.
        plus_addressing: ``user+tag`` leads to ``user``.
    """

    domains: Sequence[MailDomain]
    rules: RuleSet
    plus_addressing: bool

    @property
    def rules_version(self) -> int:
        """The newest that one of its domains names: they differ only while a change spreads."""
        return newest_rules(self.domains)

    @property
    def dmarc_enforced(self) -> bool:
        """Whether the policy of the sender's domain is applied."""
        return any(domain.dmarc_enforced for domain in self.domains)


def decide(
    flow: Flow,
    headers: Headers,
    verdicts: Verdicts,
    recipients: Mapping[str, Address],
    settings: InboundSettings,
    directory: Addressees,
    part: str,
    *,
    excess: Excess | None = None,
) -> Plan:
    """Decide what becomes of a message for every one of its recipients.

    Args:
        recipients: envelope recipients of one organization by what the event log calls them; order matters.
        part: what keys of facts end with, where recipients are added to a flow; else empty.
        excess: what is too much of the message: recipients that would get it are refused.
    """
    policy = _policy_to_apply(verdicts, enforced=settings.dmarc_enforced)
    noted: tuple[Fact, ...] = ()
    if policy is not None:
        noted = (flow.policy_applied(headers.address("From"), policy, tuple(recipients), part),)
    if policy is DmarcPolicy.REJECT:
        return Plan(noted)
    spam = verdicts.is_spam or policy is DmarcPolicy.QUARANTINE
    decided: Mapping[str, Rule] = {}
    if settings.rules.rules:
        decided = settings.rules.decide_all(headers.authors.readings, recipients)
    rules = by_rule(decided)
    refusals, wanted, junk = _sorted(flow, rules, recipients, spam=spam)
    if excess is not None:
        waiting = (name for name, rule in decided.items() if rule.action.is_asked)
        refusals += [flow.refused(recipient, *excess) for recipient in [*wanted, *waiting]]
        wanted, rules = {}, [(rule, won) for rule, won in rules if rule.action.call is None]
    found = resolve(flow, wanted, settings.domains, directory, plus_addressing=settings.plus_addressing, junk=junk)
    calls = rule_calls(flow, rules, recipients, _telling(headers, settings, part, spam=spam)) if rules else []
    entries: tuple[Fact | Order, ...] = (*found.orders.values(), *refusals, *found.refusals, *found.skips.values())
    # calls that are waited for come last: a function's decision finds the orders of all earlier transactions made
    return Plan((*noted, *_applied(flow, rules, settings.rules_version, part), *entries, *calls))


def _telling(headers: Headers, settings: InboundSettings, part: str, *, spam: bool) -> Telling:
    """Return what functions are told about the message."""
    return Telling(
        Direction.INBOUND,
        settings.rules_version,
        headers.address("From"),
        headers.address("Sender"),
        headers.text("Subject"),
        part,
        spam,
    )


def _policy_to_apply(verdicts: Verdicts, *, enforced: bool) -> DmarcPolicy | None:
    """Return the policy that is applied: where DMARC failed and the organization enforces (ZH:1628)."""
    return verdicts.dmarc_policy if enforced and verdicts.dmarc is Verdict.FAIL else None


def _applied(flow: Flow, rules: ByRule, version: int, part: str) -> list[Fact]:
    return [
        flow.rule_applied(rule.id, version, rule.name, rule.action.type, won, part)
        for rule, won in rules
        if not rule.action.is_asked
    ]


def _sorted(
    flow: Flow, rules: ByRule, recipients: Mapping[str, Address], *, spam: bool
) -> tuple[list[Fact], Mapping[str, Address], Collection[str]]:
    """Return the refusals, the recipients that get the message, and those that get it as junk."""
    undelivered: dict[str, RuleAction] = {}
    junk = set(recipients) if spam else set()
    for rule, won in rules:
        # a function that is told does not hold up the delivery
        action = rule.action.type if rule.action.call is None else ActionType.DEFAULT
        if rule.action.is_asked or action in STOPS:
            undelivered.update(dict.fromkeys(won, rule.action))
        elif action not in DELIVERS:
            raise UnreadableRulesError(f"{action} cannot be applied to inbound mail")
        elif is_junk(action, spam=spam):
            junk.update(won)
        else:
            junk.difference_update(won)
    if not undelivered:
        return [], recipients, junk
    bounced = (name for name in recipients if name in undelivered and undelivered[name].type is ActionType.BOUNCE)
    wanted = {name: address for name, address in recipients.items() if name not in undelivered}
    return [flow.bounced(name, undelivered[name]) for name in bounced], wanted, junk
