"""What a function's answer does to the message: mailboxes, bounces, and the fact that the rule was applied."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from postroom.contracts.event_log import RuleAction, RuleApplied
from postroom.model.addresses import Address
from postroom.model.facts import EventName, Fact
from postroom.model.rules import DELIVERS, ActionType, is_junk
from postroom.routing.plan import Flow, Plan, refused_recipient
from postroom.routing.resolve import UNKNOWN, resolve
from postroom.rules.outcomes import Ignored, Outcomes, Why

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postroom.contracts.orders import RuleCall
    from postroom.model.directory import MailDomain
    from postroom.ports.directory import Addressees
    from postroom.ports.message_contents import Content

MAX_NAMES_BYTES: Final = 32 * 1024
"""How much a fact says of who got what why, and of which names were ignored, in bytes of JSON each: with the actions of
500 recipients, and the longest addresses, it stays below DynamoDB's 400 KB. Ours."""


@dataclass(slots=True)
class Domains:
    """The organization's domains, each read once for a decision."""

    directory: Addressees
    organization_id: str
    _known: dict[str, MailDomain | None] = field(default_factory=dict)

    def get(self, name: str) -> MailDomain | None:
        """Return a domain, if it is this organization's and the organization is active."""
        if name not in self._known:
            domain = self.directory.domain(name)
            ours = domain is not None and domain.organization.id == self.organization_id and domain.organization.active
            self._known[name] = domain if ours else None
        return self._known[name]


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a rule's recipients. ``ignored`` are names in the answer that have no effect, and why."""

    plan: Plan
    outcomes: Outcomes
    ignored: Mapping[str, str]

    def applied(self, call: RuleCall, attempt: int, now: int) -> Fact:
        """Return the fact that the rule has been applied, with every action and who got it."""
        by_action: dict[str, list[str]] = {}
        for recipient, outcome in self.outcomes.by_recipient.items():
            by_action.setdefault(outcome.action.type.value, []).append(recipient)
        actions = tuple(RuleAction(action=action, recipients=tuple(names)) for action, names in by_action.items())
        event = RuleApplied(rule_name=call.rule_name, rule_type=f"{call.direction}_RULE", rule_actions=actions)
        by_reason: dict[str, list[str]] = {}
        told = _fitting(self.outcomes.by_recipient)
        for recipient in told:
            by_reason.setdefault(self.outcomes.by_recipient[recipient].why.value, []).append(recipient)
        ignored = {name: self.ignored[name] for name in _fitting(self.ignored)}
        left_out = len(self.outcomes.by_recipient) - len(told) + len(self.ignored) - len(ignored)
        return Fact(
            trace=call.trace,
            organization_id=call.organization_id,
            name=EventName.RULE_APPLIED,
            key=f"{EventName.RULE_APPLIED}:{call.key.partition(':')[2]}",
            at=now,
            event=event.fields(),
            data={
                "ruleId": call.rule_id,
                "rulesVersion": call.rules_version,
                "functionArn": call.function_arn,
                "attempts": attempt,
                "why": by_reason,
                "ignored": ignored,
                **({"namesLeftOut": left_out} if left_out else {}),
                "final": set(by_action) == {ActionType.DROP.value},
            },
        )


def _fitting(names: Iterable[str]) -> list[str]:
    """Return the first names, as many as fit into ``MAX_NAMES_BYTES``."""
    found, room = [], MAX_NAMES_BYTES
    for name in names:
        room -= len(json.dumps(name, ensure_ascii=False).encode()) + len(f',:"{Ignored.OTHER_ORGANIZATION}"')
        if room < 0:
            break
        found.append(name)
    return found


def decision(
    call: RuleCall, outcomes: Outcomes, content: Content | None, domains: Domains, now: int, *, plus_addressing: bool
) -> Decision:
    """Find the mailboxes of the recipients that get the message, and refuse those that the answer bounces.

    Args:
        content: what the function has put in the message's place; None: the message as it came.
        now: milliseconds since the epoch.
    """
    flow = Flow.of_call(call, now)
    if content is not None:
        flow = replace(flow, raw=content.raw, size=content.size)
    refusals: list[Fact] = []
    wanted: dict[str, Address] = {}
    junk: set[str] = set()
    ours: dict[str, MailDomain] = {}
    for recipient, outcome in outcomes.by_recipient.items():
        action, address = outcome.action, Address.parse(recipient)
        domain = domains.get(address.domain) if address and action.type in DELIVERS else None
        if action.type is ActionType.BOUNCE:
            refusals.append(flow.bounced(recipient, action))
        elif address is not None and domain is not None:
            ours[domain.name], wanted[recipient] = domain, address
            if is_junk(action.type, spam=call.spam):
                junk.add(recipient)
        elif action.type in DELIVERS:  # its domain went away while the function was asked
            refusals.append(flow.refused(recipient, *UNKNOWN))
    found = resolve(flow, wanted, ours.values(), domains.directory, plus_addressing=plus_addressing, junk=junk)
    nowhere = [name for fact in found.refusals if _was_added(outcomes, name := refused_recipient(fact))]
    refusals += [fact for fact in found.refusals if refused_recipient(fact) not in nowhere]
    left = {name: outcome for name, outcome in outcomes.by_recipient.items() if name not in nowhere}
    ignored = {name: reason.value for name, reason in outcomes.ignored.items()}
    return Decision(
        plan=Plan((*found.orders.values(), *refusals, *found.skips.values())),
        outcomes=Outcomes(left, outcomes.ignored),
        ignored=ignored | dict.fromkeys(nowhere, Ignored.NO_MAILBOX.value),
    )


def _was_added(outcomes: Outcomes, recipient: str) -> bool:
    outcome = outcomes.by_recipient.get(recipient)
    return outcome is not None and outcome.why is Why.ADDED
