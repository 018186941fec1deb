"""What the policy says of a message: DMARC first, then the organization's rules, recipient by recipient.

A virus ends a message before it comes here. A policy of REJECT ends it for everybody, and no rule is asked; QUARANTINE
counts as spam. Then each envelope recipient, groups not expanded, gets the action of the one rule that decides about
it, or mail takes its normal way: Junk for spam, else the inbox.

Verdicts are SES's; whose message it is, the headers say, never the envelope. Source: guide, ZH:3783-3869, ZH:4528-4566.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.errors import UnreadableRulesError
from postroom.model.limits import MAX_EVENT_SUBJECT_CHARACTERS
from postroom.model.rules import ActionType
from postroom.model.verdicts import DmarcPolicy, Verdict
from postroom.routing.actions import DELIVERS, STOPS, is_junk, refusal
from postroom.routing.plan import Applied, Call, Plan, Policy
from postroom.routing.resolve import Refusal, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.inbound.excess import Excess
    from postroom.mime.headers import Headers
    from postroom.model.addresses import Address
    from postroom.model.directory import MailDomain
    from postroom.model.rule_index import RuleSet
    from postroom.model.rules import Rule
    from postroom.model.verdicts import Verdicts
    from postroom.ports.directory import Addressees
    from postroom.routing.plan import Entry


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


def plan(
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
        excess: what is too much of the message, so that whoever would get it does not.
    """
    policy = applied_policy(verdicts, enforced=settings.dmarc_enforced)
    noted: tuple[Entry, ...] = (
        () if policy is None else (Policy(headers.address("From"), policy.value, tuple(recipients), part),)
    )
    if policy is DmarcPolicy.REJECT:
        return Plan(noted)
    spam = verdicts.is_spam or policy is DmarcPolicy.QUARANTINE
    decided: Mapping[str, Rule] = {}
    if settings.rules.rules:
        decided = settings.rules.decide_all(headers.authors.readings, recipients)
    waiting = _waiting(decided)
    refusals, wanted, junk = _sorted(decided, recipients, waiting, spam=spam)
    if excess is not None:
        refusals += [Refusal(recipient, *excess) for recipient in [*wanted, *waiting]]
        wanted, decided = {}, {name: rule for name, rule in decided.items() if rule.action.call is None}
    found = resolve(wanted, settings.domains, directory, plus_addressing=settings.plus_addressing, junk=junk)
    entries: tuple[Entry, ...] = (*found.targets.values(), *refusals, *found.refusals, *found.skips.values())
    calls = _calls(decided, headers, recipients, settings.rules_version, part, spam=spam)
    applied = {name: rule for name, rule in decided.items() if name not in waiting}
    told = [call for call in calls if not call.synchronous]
    asked = [call for call in calls if call.synchronous]
    # who asks comes last: a function's verdict finds the orders of all earlier transactions made
    return Plan((*noted, *applied_rules(applied, settings.rules_version, part), *entries, *told, *asked))


def applied_policy(verdicts: Verdicts, *, enforced: bool) -> DmarcPolicy | None:
    """Return the policy that is applied: where DMARC failed and the organization enforces (ZH:1628)."""
    return verdicts.dmarc_policy if enforced and verdicts.dmarc is Verdict.FAIL else None


def applied_rules(decided: Mapping[str, Rule], version: int, part: str) -> list[Applied]:
    """Return one entry for each rule that decided about somebody, with all whom it decided about."""
    by_rule: dict[str, tuple[Rule, list[str]]] = {}
    for recipient, rule in decided.items():
        by_rule.setdefault(rule.id, (rule, []))[1].append(recipient)
    return [
        Applied(rule.id, version, rule.name, rule.action.type.value, tuple(whom), part)
        for rule, whom in by_rule.values()
    ]


def _waiting(decided: Mapping[str, Rule]) -> frozenset[str]:
    """Return the recipients about whom a function decides."""
    return frozenset(
        name for name, rule in decided.items() if rule.action.call is not None and rule.action.call.synchronous
    )


def _calls(
    decided: Mapping[str, Rule],
    headers: Headers,
    recipients: Mapping[str, Address],
    version: int,
    part: str,
    *,
    spam: bool,
) -> list[Call]:
    """Return one entry for each rule that calls a function, with all whom it won."""
    by_rule: dict[str, tuple[Rule, dict[str, None]]] = {}
    for recipient, rule in decided.items():
        if rule.action.call is not None:
            by_rule.setdefault(rule.id, (rule, {}))[1][recipient] = None
    if not by_rule:
        return []
    author, sender = headers.address("From"), headers.address("Sender")
    subject = headers.text("Subject")[:MAX_EVENT_SUBJECT_CHARACTERS]
    return [
        Call(
            rule_id=rule.id,
            rules_version=version,
            name=rule.name,
            function_arn=call.function_arn,
            synchronous=call.synchronous,
            fallback=(call.fallback or ActionType.DEFAULT).value,
            timeout_minutes=call.timeout_minutes,
            mail_from=author,
            sender=sender if sender and sender != author else None,
            subject=subject,
            recipients=tuple(won),
            others=tuple(name for name in recipients if name not in won) if call.synchronous else (),
            spam=spam,
            part=part,
        )
        for rule, won in by_rule.values()
        if (call := rule.action.call) is not None
    ]


def _sorted(
    decided: Mapping[str, Rule], recipients: Mapping[str, Address], waiting: frozenset[str], *, spam: bool
) -> tuple[list[Refusal], Mapping[str, Address], frozenset[str]]:
    """Return the bounces, the recipients whose mailboxes are wanted, and those among them who get it as junk."""
    if not decided:
        return [], recipients, frozenset(recipients) if spam else frozenset()
    refusals: list[Refusal] = []
    wanted: dict[str, Address] = {}
    junk: set[str] = set()
    for recipient, address in recipients.items():
        rule = decided.get(recipient)
        action = ActionType.DEFAULT if rule is None else rule.action.type
        if action is ActionType.RUN_LAMBDA and rule is not None and rule.action.call is not None:
            if recipient in waiting:
                continue
            action = ActionType.DEFAULT  # the function is told, and the delivery goes on
        if action in DELIVERS:
            wanted[recipient] = address
            if is_junk(action, spam=spam):
                junk.add(recipient)
        elif action not in STOPS:
            raise UnreadableRulesError(f"nobody here knows how to apply {action} to inbound mail")
        elif rule is not None and action is ActionType.BOUNCE:
            refusals.append(refusal(recipient, rule.action))
    return refusals, wanted, frozenset(junk)
