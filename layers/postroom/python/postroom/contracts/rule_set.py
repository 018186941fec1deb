"""All mail-flow rules of an organization at one version, and its journaling: one stored object.

It is written once, and read by the stations. Source: ours. One JSON object; patterns in their normal form, dates in
milliseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, ValidationError, model_validator

from postroom.contracts.base import Received
from postroom.errors import UnreadableRulesError
from postroom.model.journaling import Journaling
from postroom.model.rule_index import RuleSet
from postroom.model.rules import MOST_RESTRICTIVE_FIRST, ActionType, Direction, LambdaCall, Pattern, Rule, RuleAction

if TYPE_CHECKING:
    from collections.abc import Iterable


class StoredCall(Received):
    """The call of a rule's function."""

    function_arn: str = Field(alias="functionArn")
    synchronous: bool
    fallback: ActionType | None = None
    timeout_minutes: int = Field(alias="timeoutMinutes", default=0)


class StoredRule(Received):
    """One rule."""

    id: str
    name: str
    direction: Direction
    description: str = ""
    senders: tuple[str, ...] = Field(min_length=1)
    recipients: tuple[str, ...] = Field(min_length=1)
    action: ActionType
    bounce_message: str | None = Field(alias="bounceMessage", default=None)
    call: StoredCall | None = None
    gateway_id: str | None = Field(alias="gatewayId", default=None)
    created: int
    modified: int

    @model_validator(mode="after")
    def _actions_are_of_the_direction(self) -> Self:
        actions = {self.action}
        if self.call is not None and self.call.fallback is not None:
            actions.add(self.call.fallback)
        if unknown := actions - {*MOST_RESTRICTIVE_FIRST[self.direction]}:
            raise ValueError(f"{', '.join(sorted(unknown))} is not an action of {self.direction} rules")
        if ActionType.SMTP_GATEWAY in actions and self.gateway_id is None:
            raise ValueError("a rule with SMTP_GATEWAY must name its gateway")
        return self

    @property
    def rule(self) -> Rule:
        """The rule itself."""
        call = self.call
        return Rule(
            id=self.id,
            name=self.name,
            direction=self.direction,
            description=self.description,
            sender_patterns=tuple(map(Pattern.stored, self.senders)),
            recipient_patterns=tuple(map(Pattern.stored, self.recipients)),
            action=RuleAction(
                self.action,
                self.bounce_message,
                None if call is None else LambdaCall(**call.model_dump()),
                self.gateway_id,
            ),
            created=self.created,
            modified=self.modified,
        )

    @classmethod
    def of(cls, rule: Rule) -> StoredRule:
        """Return the stored form of a rule."""
        return cls(
            id=rule.id,
            name=rule.name,
            direction=rule.direction,
            description=rule.description,
            senders=tuple(pattern.text for pattern in rule.sender_patterns),
            recipients=tuple(pattern.text for pattern in rule.recipient_patterns),
            action=rule.action.type,
            bounce_message=rule.action.bounce_message,
            call=None if rule.action.call is None else StoredCall(**asdict(rule.action.call)),
            gateway_id=rule.action.gateway_id,
            created=rule.created,
            modified=rule.modified,
        )


class StoredJournaling(Received):
    """Where journal reports go."""

    address: str
    report_address: str = Field(alias="reportAddress")
    author: str


class StoredRules(Received):
    """The stored object. A version that does not know ``journaling`` ignores it."""

    format: Literal[1] = 1
    rules: tuple[StoredRule, ...]
    journaling: StoredJournaling | None = None


def dump_rules(rules: Iterable[Rule], journaling: Journaling | None = None) -> bytes:
    """Return the object for an organization's rules of both directions; the order of ``rules`` does not matter.

    Args:
        journaling: ``None`` while it is off.
    """
    stored = sorted(map(StoredRule.of, rules), key=lambda rule: rule.id)
    journal = None
    if journaling is not None:
        given = {"address": journaling.address, "reportAddress": journaling.report_address}
        journal = StoredJournaling(**given, author=journaling.author)
    whole = StoredRules(rules=tuple(stored), journaling=journal)
    return whole.model_dump_json(by_alias=True, exclude_none=True).encode()


def load_rules(content: bytes) -> tuple[Rule, ...]:
    """Read the rules of an object of ``dump_rules``; they are ordered by id.

    Raises:
        UnreadableRulesError: the content is no such object.
    """
    return tuple(stored.rule for stored in _read(content).rules)


def load_rule_set(content: bytes, direction: Direction) -> RuleSet:
    """Read an object of ``dump_rules``: the rules of one direction, and journaling.

    Raises:
        UnreadableRulesError: the content is no such object.
    """
    whole = _read(content)
    journal = whole.journaling
    journaling = None if journal is None else Journaling(journal.address, journal.report_address, journal.author)
    return RuleSet((stored.rule for stored in whole.rules), direction, journaling)


def _read(content: bytes) -> StoredRules:
    try:
        return StoredRules.model_validate_json(content)
    except ValidationError as error:
        raise UnreadableRulesError("the rule set is damaged") from error
