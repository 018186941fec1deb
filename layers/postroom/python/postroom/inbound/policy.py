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

from postroom.contracts.orders import Order, RuleCall
from postroom.errors import UnreadableRulesError
from postroom.model.limits import MAX_EVENT_SUBJECT_CHARACTERS
from postroom.model.rules import DELIVERS, STOPS, ActionType, Direction, is_junk
from postroom.model.verdicts import DmarcPolicy, Verdict
from postroom.routing.plan import Plan
from postroom.routing.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

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

    _ByRule = list[tuple[Rule, list[str]]]
    """Each rule that decides about recipients, with these."""


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


def newest_rules(domains: Sequence[MailDomain]) -> int:
    """Return the version of the rules that hold for mail to these domains of one organization."""
    return max(domain.rules_version for domain in domains)


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
    by_rule = _by_rule(decided)
    refusals, wanted, junk = _sorted(flow, by_rule, recipients, spam=spam)
    if excess is not None:
        waiting = (name for name, rule in decided.items() if rule.action.is_asked)
        refusals += [flow.refused(recipient, *excess) for recipient in [*wanted, *waiting]]
        wanted, by_rule = {}, [(rule, won) for rule, won in by_rule if rule.action.call is None]
    found = resolve(flow, wanted, settings.domains, directory, plus_addressing=settings.plus_addressing, junk=junk)
    calls = _calls(flow, by_rule, headers, recipients, settings.rules_version, part, spam=spam)
    entries: tuple[Fact | Order, ...] = (*found.orders.values(), *refusals, *found.refusals, *found.skips.values())
    # calls that are waited for come last: a function's decision finds the orders of all earlier transactions made
    return Plan((*noted, *_applied(flow, by_rule, settings.rules_version, part), *entries, *calls))


def _policy_to_apply(verdicts: Verdicts, *, enforced: bool) -> DmarcPolicy | None:
    """Return the policy that is applied: where DMARC failed and the organization enforces (ZH:1628)."""
    return verdicts.dmarc_policy if enforced and verdicts.dmarc is Verdict.FAIL else None


def _by_rule(decided: Mapping[str, Rule]) -> _ByRule:
    """Return each rule that decided about recipients, with all of them."""
    found: dict[str, tuple[Rule, list[str]]] = {}
    for recipient, rule in decided.items():
        found.setdefault(rule.id, (rule, []))[1].append(recipient)
    return list(found.values())


def _applied(flow: Flow, by_rule: _ByRule, version: int, part: str) -> list[Fact]:
    return [
        flow.rule_applied(rule.id, version, rule.name, rule.action.type, won, part)
        for rule, won in by_rule
        if not rule.action.is_asked
    ]


def _calls(
    flow: Flow, by_rule: _ByRule, headers: Headers, recipients: Iterable[str], version: int, part: str, *, spam: bool
) -> list[RuleCall]:
    """Return one call per rule that calls a function, those that the message waits for last."""
    calling = [(rule, call, won) for rule, won in by_rule if (call := rule.action.call) is not None]
    if not calling:
        return []
    author, sender = headers.address("From"), headers.address("Sender")
    subject = headers.text("Subject")[:MAX_EVENT_SUBJECT_CHARACTERS]
    calls = [
        RuleCall(
            trace=flow.trace,
            organization_id=flow.organization_id,
            rule_id=rule.id,
            rules_version=version,
            rule_name=rule.name,
            part=part,
            direction=Direction.INBOUND,
            function_arn=call.function_arn,
            synchronous=call.synchronous,
            fallback=call.fallback or ActionType.DEFAULT,
            timeout_minutes=call.timeout_minutes,
            mail_from=author,
            sender=sender if sender and sender != author else None,
            subject=subject,
            recipients=tuple(won),
            others=_others(recipients, won) if call.synchronous else (),
            spam=spam,
            envelope_from=flow.envelope_from,
            raw=flow.raw,
            size=flow.size,
            received_at=flow.received_at,
            since=flow.now,
        )
        for rule, call, won in calling
    ]
    return sorted(calls, key=lambda call: call.synchronous)


def _others(recipients: Iterable[str], won: Iterable[str]) -> tuple[str, ...]:
    known = set(won)
    return tuple(name for name in recipients if name not in known)


def _sorted(
    flow: Flow, by_rule: _ByRule, recipients: Mapping[str, Address], *, spam: bool
) -> tuple[list[Fact], Mapping[str, Address], Collection[str]]:
    """Return the refusals, the recipients that get the message, and those that get it as junk."""
    undelivered: dict[str, RuleAction] = {}
    junk = set(recipients) if spam else set()
    for rule, won in by_rule:
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
