"""The calls of rules' functions about one message, in either direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from postroom.contracts.orders import RuleCall
from postroom.model.limits import MAX_EVENT_SUBJECT_CHARACTERS
from postroom.model.rules import ActionType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postroom.contracts.orders import RawLocation
    from postroom.model.rules import Direction, Rule

    ByRule = list[tuple[Rule, list[str]]]
    """Each rule that decides about recipients, with these."""


class About(Protocol):
    """The flow that calls are about. Times are in milliseconds since the epoch."""

    @property
    def trace(self) -> str:
        """Of the flow."""

    @property
    def organization_id(self) -> str:
        """The organization whose rules call."""

    @property
    def envelope_from(self) -> str:
        """Empty for a null sender."""

    @property
    def raw(self) -> RawLocation:
        """The message."""

    @property
    def size(self) -> int:
        """Of it, in bytes."""

    @property
    def received_at(self) -> int:
        """When the message was received or submitted."""

    @property
    def now(self) -> int:
        """When the decision is made."""


def by_rule(decided: Mapping[str, Rule]) -> ByRule:
    """Return each rule that decided about recipients, with all of them."""
    found: dict[str, tuple[Rule, list[str]]] = {}
    for recipient, rule in decided.items():
        found.setdefault(rule.id, (rule, []))[1].append(recipient)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Telling:
    """What calls tell a function about a message.

    Attributes:
        version: of the rules.
        author: the address in From.
        sender: the address in Sender; empty, or the same, if there is no other.
        part: what keys of facts end with, where recipients are added to a flow; else empty.
        message_id: of the Message-ID header of outbound mail.
    """

    direction: Direction
    version: int
    author: str
    sender: str
    subject: str
    part: str = ""
    spam: bool = False
    message_id: str = ""


def rule_calls(flow: About, rules: ByRule, recipients: Iterable[str], telling: Telling) -> list[RuleCall]:
    """Return one call per rule that calls a function, those that the message waits for last.

    Args:
        recipients: all of the flow, in the envelope's order.
    """
    calls = [_call(flow, rule, won, recipients, telling) for rule, won in rules if rule.action.call is not None]
    return sorted(calls, key=lambda call: call.synchronous)


def _call(flow: About, rule: Rule, won: list[str], recipients: Iterable[str], telling: Telling) -> RuleCall:
    call = rule.action.call
    if call is None:
        raise ValueError("the rule calls no function")
    return RuleCall(
        trace=flow.trace,
        organization_id=flow.organization_id,
        rule_id=rule.id,
        rules_version=telling.version,
        rule_name=rule.name,
        part=telling.part,
        direction=telling.direction,
        function_arn=call.function_arn,
        synchronous=call.synchronous,
        fallback=call.fallback or ActionType.DEFAULT,
        gateway_id=rule.action.gateway_id,
        timeout_minutes=call.timeout_minutes,
        mail_from=telling.author,
        sender=telling.sender if telling.sender and telling.sender != telling.author else None,
        subject=telling.subject[:MAX_EVENT_SUBJECT_CHARACTERS],
        recipients=tuple(won),
        others=_others(recipients, won) if call.synchronous else (),
        spam=telling.spam,
        envelope_from=flow.envelope_from,
        raw=flow.raw,
        size=flow.size,
        received_at=flow.received_at,
        since=flow.now,
        message_id=telling.message_id,
    )


def _others(recipients: Iterable[str], won: Iterable[str]) -> tuple[str, ...]:
    known = set(won)
    return tuple(name for name in recipients if name not in known)
