"""Create-, Update-, Delete-, Describe- and List{Inbound,Outbound}MailFlowRule(s), Test{Inbound,Outbound}MailFlowRules.

A change reads all rules of the organization and writes them as one object with the next version. One transaction then
writes the rule's record, and the version in the organization and its domains (``routing``). Of two concurrent changes
the second conflicts at the organization's row and is decided again, with the rules of the first. An object is never
overwritten. The object of a change that conflicted or was interrupted stays, and no row names its version.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from postroom.admin import idempotency, lookup, pages, routing, rule_actions, rule_calls, smtp_gateways
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import (
    EntityNotFoundException,
    InvalidParameterException,
    LimitExceededException,
    NameAvailabilityException,
)
from postroom.errors import ConflictError, InvalidPatternError
from postroom.model.addresses import Address
from postroom.model.journaling import JOURNALING_KEY, JournalingRules
from postroom.model.limits import MAX_PATTERNS
from postroom.model.records import Insert, Put, Remove, RuleRecord
from postroom.model.rule_explanation import explain
from postroom.model.rule_index import RuleSet, sender_keys
from postroom.model.rules import ActionType, Direction, Pattern, Rule
from postroom.ports.directory import every_item

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import requests
    from postroom.model.journaling import Journaling
    from postroom.model.records import Change, Organization
    from postroom.model.rule_explanation import Explanation, Match

    Create: TypeAlias = requests.CreateInboundMailFlowRuleRequest | requests.CreateOutboundMailFlowRuleRequest
    Update: TypeAlias = requests.UpdateInboundMailFlowRuleRequest | requests.UpdateOutboundMailFlowRuleRequest
    One: TypeAlias = (
        requests.DeleteInboundMailFlowRuleRequest
        | requests.DeleteOutboundMailFlowRuleRequest
        | requests.DescribeInboundMailFlowRuleRequest
        | requests.DescribeOutboundMailFlowRuleRequest
    )
    Page: TypeAlias = requests.ListInboundMailFlowRulesRequest | requests.ListOutboundMailFlowRulesRequest
    Test: TypeAlias = requests.TestInboundMailFlowRulesRequest | requests.TestOutboundMailFlowRulesRequest

MAX_VERSIONS_TRIED: Final = 1000
"""How many versions a change tries until one has no object yet. Each version that has one belongs to an interrupted
change since the last successful one. Ours."""

MAX_MATCHED_RULES: Final = 20
"""Most rules that a test names for one recipient; the deciding rule is the first. Ours."""

MAX_MATCHES: Final = 4000
"""Most rules that a test names for all recipients together. At about 1 KB each they fit into an answer of 6 MB
(Lambda's quota). Ours."""


@dataclass(frozen=True, slots=True)
class RuleOperations:
    """The operations of one direction."""

    direction: Direction

    def create(self, context: Context, request: Create, now: int) -> dict[str, object]:
        """Add a rule. It applies from the next message on."""
        organization = lookup.organization(context, request["OrganizationId"])
        replay = idempotency.look_up(context, f"Create{self._name}", request, now)
        if replay.answer is not None:
            return {"RuleId": replay.answer}
        rule = self._from_request(context, request, context.new_uuid(), created=now, now=now)
        others = _all(context, organization.id)
        _check(context, organization, rule, others)
        record = RuleRecord(organization_id=organization.id, rule=rule)
        _change(context, organization, [*others, rule], [Insert(record), *replay.remember(rule.id)])
        return {"RuleId": rule.id}

    def update(self, context: Context, request: Update, now: int) -> dict[str, object]:
        """Replace a rule. If the new rule is equal, nothing changes."""
        organization = lookup.organization(context, request["OrganizationId"])
        found = self._rule(context, organization, request["RuleId"])
        others = [rule for rule in _all(context, organization.id) if rule.id != found.id]
        rule = self._from_request(context, request, found.id, created=found.created, now=now)
        if replace(rule, modified=found.modified) == found:
            return {}
        _check(context, organization, rule, others)
        _change(context, organization, [*others, rule], [Put(RuleRecord(organization_id=organization.id, rule=rule))])
        return {}

    def delete(self, context: Context, request: One, _now: int) -> dict[str, object]:
        """Delete a rule. It is no error if it does not exist (ours, as with WorkMail's other rules)."""
        organization = lookup.organization(context, request["OrganizationId"])
        record = context.directory.rule(organization.id, self.direction, request["RuleId"])
        if record is not None:
            others = [rule for rule in _all(context, organization.id) if rule.id != record.rule.id]
            _change(context, organization, others, [Remove(record)])
        return {}

    def describe(self, context: Context, request: One, _now: int) -> dict[str, object]:
        """Describe one rule."""
        organization = lookup.organization(context, request["OrganizationId"])
        return _described(self._rule(context, organization, request["RuleId"]))

    def list_(self, context: Context, request: Page, _now: int) -> dict[str, object]:
        """List rules ordered by id."""
        organization = lookup.organization(context, request["OrganizationId"])
        found, token = pages.page(
            context,
            f"List{self._name}s",
            request,
            lambda after: every_item(lambda *at: context.directory.rules(organization.id, self.direction, *at), after),
            lambda record: record.rule.id,
        )
        return present(Rules=[_described(record.rule) for record in found], NextToken=token)

    def test(self, context: Context, request: Test, _now: int) -> dict[str, object]:
        """Return the action for each recipient of a message, and why. The organization need not have them (ours)."""
        organization = lookup.organization(context, request["OrganizationId"])
        froms = [_address(request["From"])]
        senders = [_address(request["Sender"])] if "Sender" in request else []
        recipients = dict.fromkeys(_address(recipient) for recipient in request["Recipients"])
        # rules that match no sender cannot decide, so they are left out before the recipients are checked
        keys = {key for address in (*senders, *froms) for key in sender_keys(address)}
        relevant = [
            rule for rule in _all(context, organization.id) if any(p.text in keys for p in rule.sender_patterns)
        ]
        rules = RuleSet(relevant, self.direction)
        named = min(MAX_MATCHED_RULES, MAX_MATCHES // len(recipients))
        return {"Results": [_result(explain(rules, senders, froms, recipient), named) for recipient in recipients]}

    @property
    def _name(self) -> str:
        """The API's name of a rule."""
        return f"{self.direction.capitalize()}MailFlowRule"

    def _rule(self, context: Context, organization: Organization, rule_id: str) -> Rule:
        record = context.directory.rule(organization.id, self.direction, rule_id)
        if record is None:
            raise EntityNotFoundException(
                f"There is no {self.direction.lower()} mail-flow rule {rule_id} in the organization."
            )
        return record.rule

    def _from_request(
        self, context: Context, request: Create | Update, rule_id: str, *, created: int, now: int
    ) -> Rule:
        """Return the rule of a request.

        Raises:
            InvalidParameterException: a pattern is not valid, or the action's members are not valid together.
        """
        return Rule(
            id=rule_id,
            name=request["Name"],
            direction=self.direction,
            description=request.get("Description", ""),
            sender_patterns=_patterns("SenderPatterns", request["SenderPatterns"]),
            recipient_patterns=_patterns("RecipientPatterns", request["RecipientPatterns"]),
            action=rule_actions.from_request(request["Action"], context.settings),
            created=created,
            modified=now,
        )


INBOUND: Final = RuleOperations(Direction.INBOUND)
OUTBOUND: Final = RuleOperations(Direction.OUTBOUND)


def all_records(context: Context, organization_id: str) -> Iterable[RuleRecord]:
    """Yield the rules of an organization, of both directions."""
    for direction in Direction:
        yield from every_item(
            lambda *at, direction=direction: context.directory.rules(organization_id, direction, *at), None
        )


def _all(context: Context, organization_id: str) -> list[Rule]:
    return [record.rule for record in all_records(context, organization_id)]


def _patterns(member: str, texts: Sequence[str]) -> tuple[Pattern, ...]:
    """Return patterns in the order given. Patterns that mean the same count once, however they are written."""
    try:
        return tuple(dict.fromkeys(map(Pattern.parse, texts)))
    except InvalidPatternError as error:
        raise InvalidParameterException(f"{member}: {error}.") from error


def _check(context: Context, organization: Organization, rule: Rule, others: Sequence[Rule]) -> None:
    """Check a new or changed rule against the other rules, its function and its gateway.

    Raises:
        NameAvailabilityException: another rule of its direction has its name, case-insensitive.
        LimitExceededException: all rules together have too many sender patterns.
        InvalidParameterException: its function cannot be called (for these recipients), or its gateway does not exist.
    """
    rule_calls.check(rule)
    name = rule.name.casefold()
    if any(other.name.casefold() == name for other in others if other.direction is rule.direction):
        raise NameAvailabilityException(f"Another {rule.direction.lower()} mail-flow rule has the name {rule.name}.")
    count = sum(len(other.sender_patterns) for other in (rule, *others))
    if count > MAX_PATTERNS:
        raise LimitExceededException(
            f"The organization's rules would have {count} sender patterns; {MAX_PATTERNS} are allowed."
        )
    smtp_gateways.check_named(context, organization, rule)
    rule_calls.check_permission(context, organization, rule)


def _change(context: Context, organization: Organization, rules: Sequence[Rule], changes: Sequence[Change]) -> None:
    """Make a set of rules apply from the next message on.

    Args:
        rules: all rules that will apply.
        changes: changes of the rules' records that lead to ``rules``.
    """
    found = journaling_rules(context, organization.id)
    version = _publish(context, organization, rules, found.in_force if found else None)
    routing.change(context, replace(organization, rules_version=version), changes)


def change_journaling(context: Context, organization: Organization, journaling: JournalingRules) -> None:
    """Make journaling rules apply from the next message on: they are part of the set of rules."""
    version = _publish(context, organization, _all(context, organization.id), journaling.in_force)
    routing.change(context, replace(organization, rules_version=version), [Put(journaling)])


def journaling_rules(context: Context, organization_id: str) -> JournalingRules | None:
    """Return the journaling rules of an organization; None if they were never set."""
    return context.directory.owned(JournalingRules, organization_id, JOURNALING_KEY)


def _publish(context: Context, organization: Organization, rules: Sequence[Rule], journaling: Journaling | None) -> int:
    """Write a set of rules under an unused version; return the version."""
    first = organization.rules_version + 1
    for version in range(first, first + MAX_VERSIONS_TRIED):
        if context.rule_sets.keep(organization.id, version, rules, journaling):
            return version
    raise ConflictError(f"no version of the rules from {first} on is free")


def _address(text: str) -> Address:
    address = Address.parse(text)
    if address is None or not address.is_bare:
        raise InvalidParameterException(
            f"{text!r} is not an address; give one like ann@example.com, without a display name."
        )
    return address


def _described(rule: Rule) -> dict[str, object]:
    return present(
        RuleId=rule.id,
        Name=rule.name,
        Description=rule.description or None,
        SenderPatterns=[pattern.text for pattern in rule.sender_patterns],
        RecipientPatterns=[pattern.text for pattern in rule.recipient_patterns],
        Action=rule_actions.described(rule.action),
        DateCreated=seconds(rule.created),
        DateModified=seconds(rule.modified),
    )


def _result(explanation: Explanation, named: int) -> dict[str, object]:
    rule = explanation.rule
    return present(
        Recipient=str(explanation.recipient),
        Action=rule_actions.described(rule.action) if rule else {"Type": ActionType.DEFAULT.value},
        RuleId=rule and rule.id,
        RuleName=rule and rule.name,
        MatchedRules=[_matched(match) for match in explanation.matches[:named]],
        Reason=explanation.reason,
    )


def _matched(match: Match) -> dict[str, object]:
    return {
        "RuleId": match.rule.id,
        "Name": match.rule.name,
        "SenderPattern": match.sender_pattern.text,
        "RecipientPattern": match.recipient_pattern.text,
        "Action": {"Type": match.rule.action.type.value},
    }
