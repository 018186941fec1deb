"""Create-, Update-, Delete-, Describe- and ListInboundMailFlowRule(s), TestInboundMailFlowRules.

A change decides over all rules of the organization, writes them as one object of the next version, and then, in one
transaction, the rule's record and the version on the organization and its domains (``routing``). The organization's own
version keeps two administrators apart: whoever is second finds a conflict and decides anew, on the other's rules. An
object is never written over: the loser's, or one whose change was cut short, stays behind with nobody pointing at it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from postroom.admin import idempotency, lookup, pages, routing, rule_calls
from postroom.admin.office import known, seconds
from postroom.contracts.admin.exceptions import (
    EntityNotFoundException,
    InvalidParameterException,
    LimitExceededException,
    NameAvailabilityException,
)
from postroom.errors import ConflictError, InvalidPatternError
from postroom.model.addresses import Address
from postroom.model.limits import MAX_PATTERNS
from postroom.model.records import Insert, Put, Remove, RuleRecord
from postroom.model.rule_explanation import explain
from postroom.model.rule_index import RuleSet, sender_keys
from postroom.model.rules import ActionType, Direction, Pattern, Rule, RuleAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postroom.admin.office import Office
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Change, Organization
    from postroom.model.rule_explanation import Explanation, Match
    from postroom.model.rules import LambdaCall

INBOUND: Final = Direction.INBOUND

VERSIONS_TRIED: Final = 1000
"""Versions that are looked at for one that nobody has written yet. Each that is not free was left by a change that did
not come to its end since the last that did. Ours."""

MAX_MATCHED_RULES: Final = 20
"""Most rules that a test names for one recipient, the one that decides first. Ours."""

MAX_MATCHES: Final = 4000
"""Most rules that a test names for all of its recipients together: at about 1 KB each they fit into an answer of 6 MB
(Lambda's quota). Ours."""


def create(
    office: Office, request: requests.CreateInboundMailFlowRuleRequest, now: int
) -> answers.CreateInboundMailFlowRuleResponse:
    """Add a rule; it holds for the next message."""
    organization = lookup.organization(office, request["OrganizationId"])
    replay = idempotency.look_up(office, "CreateInboundMailFlowRule", request, now)
    if replay.answer is not None:
        return {"RuleId": replay.answer}
    rule = _as_said(office, request, office.new_uuid(), created=now, now=now)
    others = _all(office, organization.id)
    _check(rule, others)
    rule_calls.check_permission(office, organization, rule)
    record = RuleRecord(organization_id=organization.id, rule=rule)
    _change(office, organization, [*others, rule], [Insert(record), *replay.remember(rule.id)])
    return {"RuleId": rule.id}


def update(
    office: Office, request: requests.UpdateInboundMailFlowRuleRequest, now: int
) -> answers.UpdateInboundMailFlowRuleResponse:
    """Replace all that a rule says; where it says so already, nothing changes."""
    organization = lookup.organization(office, request["OrganizationId"])
    found = _rule(office, organization, request["RuleId"])
    others = [rule for rule in _all(office, organization.id) if rule.id != found.id]
    rule = _as_said(office, request, found.id, created=found.created, now=now)
    if replace(rule, modified=found.modified) == found:
        return {}
    _check(rule, others)
    rule_calls.check_permission(office, organization, rule)
    _change(office, organization, [*others, rule], [Put(RuleRecord(organization_id=organization.id, rule=rule))])
    return {}


def delete(
    office: Office, request: requests.DeleteInboundMailFlowRuleRequest, _now: int
) -> answers.DeleteInboundMailFlowRuleResponse:
    """Take a rule away; one that is not there is no error (ours, as WorkMail's other rules)."""
    organization = lookup.organization(office, request["OrganizationId"])
    record = office.directory.rule(organization.id, INBOUND, request["RuleId"])
    if record is not None:
        others = [rule for rule in _all(office, organization.id) if rule.id != record.rule.id]
        _change(office, organization, others, [Remove(record)])
    return {}


def describe(
    office: Office, request: requests.DescribeInboundMailFlowRuleRequest, _now: int
) -> answers.DescribeInboundMailFlowRuleResponse:
    """Describe one rule."""
    organization = lookup.organization(office, request["OrganizationId"])
    described = _described(_rule(office, organization, request["RuleId"]))
    return cast("answers.DescribeInboundMailFlowRuleResponse", described)


def list_(
    office: Office, request: requests.ListInboundMailFlowRulesRequest, _now: int
) -> answers.ListInboundMailFlowRulesResponse:
    """List rules by id."""
    organization = lookup.organization(office, request["OrganizationId"])
    found, token = pages.page(
        office,
        "ListInboundMailFlowRules",
        request,
        lambda after: pages.everything(lambda *at: office.directory.rules(organization.id, INBOUND, *at), after),
        lambda record: record.rule.id,
    )
    answer = known(Rules=[_described(record.rule) for record in found], NextToken=token)
    return cast("answers.ListInboundMailFlowRulesResponse", answer)


def test(
    office: Office, request: requests.TestInboundMailFlowRulesRequest, _now: int
) -> answers.TestInboundMailFlowRulesResponse:
    """Say what would become of a message, and why. Recipients need not exist, nor be of the organization (ours)."""
    organization = lookup.organization(office, request["OrganizationId"])
    froms = [_address(request["From"])]
    senders = [_address(request["Sender"])] if "Sender" in request else []
    recipients = dict.fromkeys(_address(recipient) for recipient in request["Recipients"])
    # what no sender matches decides nothing, and need not be looked at for each recipient
    keys = {key for address in (*senders, *froms) for key in sender_keys(address)}
    about = [rule for rule in _all(office, organization.id) if any(p.text in keys for p in rule.sender_patterns)]
    rules = RuleSet(about, INBOUND)
    named = min(MAX_MATCHED_RULES, MAX_MATCHES // len(recipients))
    results = [_result(explain(rules, senders, froms, recipient), named) for recipient in recipients]
    return cast("answers.TestInboundMailFlowRulesResponse", {"Results": results})


def all_records(office: Office, organization_id: str) -> Iterable[RuleRecord]:
    """Yield the rules of an organization, of both directions."""
    for direction in Direction:
        yield from pages.everything(
            lambda *at, direction=direction: office.directory.rules(organization_id, direction, *at), None
        )


def _all(office: Office, organization_id: str) -> list[Rule]:
    return [record.rule for record in all_records(office, organization_id)]


def _rule(office: Office, organization: Organization, rule_id: str) -> Rule:
    record = office.directory.rule(organization.id, INBOUND, rule_id)
    if record is None:
        raise EntityNotFoundException(f"There is no inbound mail-flow rule {rule_id} in the organization.")
    return record.rule


def _as_said(
    office: Office,
    request: requests.CreateInboundMailFlowRuleRequest | requests.UpdateInboundMailFlowRuleRequest,
    rule_id: str,
    *,
    created: int,
    now: int,
) -> Rule:
    """Return the rule that a request describes.

    Raises:
        InvalidParameterException: a pattern means no addresses, or the action's members do not go together.
    """
    action = request["Action"]
    if "BounceMessage" in action and action["Type"] != ActionType.BOUNCE:
        raise InvalidParameterException(f"BounceMessage goes with BOUNCE, not with {action['Type']}.")
    return Rule(
        id=rule_id,
        name=request["Name"],
        direction=INBOUND,
        description=request.get("Description", ""),
        sender_patterns=_patterns("SenderPatterns", request["SenderPatterns"]),
        recipient_patterns=_patterns("RecipientPatterns", request["RecipientPatterns"]),
        action=RuleAction(
            ActionType(action["Type"]), action.get("BounceMessage"), rule_calls.said(action, office.settings)
        ),
        created=created,
        modified=now,
    )


def _patterns(member: str, texts: Sequence[str]) -> tuple[Pattern, ...]:
    """Return patterns in the order given; one that is given twice, however it is written, counts once."""
    try:
        return tuple(dict.fromkeys(map(Pattern.parse, texts)))
    except InvalidPatternError as error:
        raise InvalidParameterException(f"{member}: {error}.") from error


def _check(rule: Rule, others: Sequence[Rule]) -> None:
    """Hold a new or changed rule against the others.

    Raises:
        NameAvailabilityException: another has its name, whatever the case.
        LimitExceededException: together they have too many sender patterns.
        InvalidParameterException: its function cannot be called for these recipients.
    """
    rule_calls.check(rule)
    name = rule.name.casefold()
    if any(other.name.casefold() == name for other in others if other.direction is rule.direction):
        raise NameAvailabilityException(f"Another inbound mail-flow rule has the name {rule.name}.")
    count = sum(len(other.sender_patterns) for other in (rule, *others))
    if count > MAX_PATTERNS:
        raise LimitExceededException(
            f"The organization's rules would have {count} sender patterns; {MAX_PATTERNS} are allowed."
        )


def _change(office: Office, organization: Organization, rules: Sequence[Rule], changes: Sequence[Change]) -> None:
    """Let other rules hold from the next message on.

    Args:
        rules: all that will hold.
        changes: of the records, so that these are the rules.
    """
    version = _published(office, organization, rules)
    routing.change(office, replace(organization, rules_version=version), changes)


def _published(office: Office, organization: Organization, rules: Sequence[Rule]) -> int:
    """Write a set of rules under a version that nobody has used, and return that."""
    first = organization.rules_version + 1
    for version in range(first, first + VERSIONS_TRIED):
        if office.rule_sets.keep(organization.id, version, rules):
            return version
    raise ConflictError(f"no version of the rules from {first} on is free")


def _address(text: str) -> Address:
    address = Address.parse(text)
    if address is None:
        raise InvalidParameterException(f"{text!r} is no address.")
    return address


def _described(rule: Rule) -> dict[str, object]:
    return known(
        RuleId=rule.id,
        Name=rule.name,
        Description=rule.description or None,
        SenderPatterns=[pattern.text for pattern in rule.sender_patterns],
        RecipientPatterns=[pattern.text for pattern in rule.recipient_patterns],
        Action=_action(rule.action),
        DateCreated=seconds(rule.created),
        DateModified=seconds(rule.modified),
    )


def _action(action: RuleAction) -> dict[str, object]:
    return known(Type=action.type.value, BounceMessage=action.bounce_message, Lambda=_call(action.call))


def _call(call: LambdaCall | None) -> dict[str, object] | None:
    if call is None:
        return None
    if not call.synchronous:
        return {"FunctionArn": call.function_arn, "Synchronous": False}
    return known(
        FunctionArn=call.function_arn,
        Synchronous=True,
        FallbackAction=call.fallback,
        RuleTimeoutMinutes=call.timeout_minutes,
    )


def _result(explanation: Explanation, named: int) -> dict[str, object]:
    rule = explanation.rule
    return known(
        Recipient=str(explanation.recipient),
        Action=_action(rule.action) if rule else {"Type": ActionType.DEFAULT.value},
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
