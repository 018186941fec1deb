"""The calls of rules' functions about one message, in either direction."""

from __future__ import annotations

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


def rule_calls(
    flow: About,
    rules: ByRule,
    recipients: Iterable[str],
    direction: Direction,
    version: int,
    *,
    author: str,
    sender: str,
    subject: str,
    part: str = "",
    spam: bool = False,
    message_id: str = "",
) -> list[RuleCall]:
    """Return one call per rule that calls a function, those that the message waits for last.

    Args:
        recipients: all of the flow, in the envelope's order.
        version: of the rules.
        author: the address in From.
        sender: the address in Sender; empty, or the same, if there is no other.
        part: what keys of facts end with, where recipients are added to a flow; else empty.
        message_id: of the Message-ID header of outbound mail.
    """
    calls = [
        RuleCall(
            trace=flow.trace,
            organization_id=flow.organization_id,
            rule_id=rule.id,
            rules_version=version,
            rule_name=rule.name,
            part=part,
            direction=direction,
            function_arn=call.function_arn,
            synchronous=call.synchronous,
            fallback=call.fallback or ActionType.DEFAULT,
            gateway_id=rule.action.gateway_id,
            timeout_minutes=call.timeout_minutes,
            mail_from=author,
            sender=sender if sender and sender != author else None,
            subject=subject[:MAX_EVENT_SUBJECT_CHARACTERS],
            recipients=tuple(won),
            others=_others(recipients, won) if call.synchronous else (),
            spam=spam,
            envelope_from=flow.envelope_from,
            raw=flow.raw,
            size=flow.size,
            received_at=flow.received_at,
            since=flow.now,
            message_id=message_id,
        )
        for rule, won in rules
        if (call := rule.action.call) is not None
    ]
    return sorted(calls, key=lambda call: call.synchronous)


def _others(recipients: Iterable[str], won: Iterable[str]) -> tuple[str, ...]:
    known = set(won)
    return tuple(name for name in recipients if name not in known)
