"""Why a rule decides about a recipient: what people ask, and the way of a message never does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.model.rule_index import RuleSet, domain_keys, recipient_key, sender_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postroom.model.addresses import Address
    from postroom.model.rules import Pattern, Rule


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that matches, by its most specific patterns. ``sender`` is whose, None for mail without From."""

    rule: Rule
    sender: Address | None
    sender_pattern: Pattern
    recipient_pattern: Pattern


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happens to mail for one recipient.

    Attributes:
        rule: the one that decides; None where mail takes its normal way.
        header: ``Sender`` or ``From``: whose addresses were consulted.
        matches: every rule that matches an address of that header, the one that decides first.
        reason: one sentence for people.
    """

    recipient: Address
    rule: Rule | None
    header: str
    matches: tuple[Match, ...]
    reason: str


def explain(rules: RuleSet, senders: Sequence[Address], froms: Sequence[Address], recipient: Address) -> Explanation:
    """Say which rule decides, which others match, and why this one; the arguments are those of ``decide``."""
    rule = rules.decide(senders, froms, {"": recipient}).get("")
    header, addresses = "Sender", tuple(dict.fromkeys(senders))
    matches = _matches(rules, addresses, recipient)
    if not matches:
        header, addresses = "From", tuple(dict.fromkeys(froms))
        matches = _matches(rules, addresses or (None,), recipient)
    matches.sort(key=lambda match: match.rule is not rule)  # stable: the others stay in their order
    return Explanation(recipient, rule, header, tuple(matches), _reason(rule, header, addresses, matches))


def _matches(rules: RuleSet, addresses: Iterable[Address | None], recipient: Address) -> list[Match]:
    """Return every rule that matches, in the order in which rules of one sender win."""
    recipient_order = [recipient_key(recipient), *domain_keys(recipient.domain)]
    found = []
    for address in addresses:
        sender_order = list(sender_keys(address))
        for rule in rules.rules:
            sender = _best(rule.sender_patterns, sender_order)
            its_recipient = _best(rule.recipient_patterns, recipient_order)
            if sender is not None and its_recipient is not None:
                places = sender_order.index(sender.text), recipient_order.index(its_recipient.text)
                found.append((places, rules.precedence(rule), Match(rule, address, sender, its_recipient)))
    return [match for *_, match in sorted(found, key=lambda each: each[:2])]


def _best(patterns: Iterable[Pattern], order: Sequence[str]) -> Pattern | None:
    """Return the pattern that stands first in an order of texts."""
    known = [pattern for pattern in patterns if pattern.text in order]
    return min(known, key=lambda pattern: order.index(pattern.text), default=None)


def _reason(rule: Rule | None, header: str, addresses: Sequence[Address], matches: Sequence[Match]) -> str:
    if not matches:
        return "no rule matches: mail takes its normal way"
    if rule is None:
        return f"not every {header} address is one of a rule that bypasses the spam check: mail takes its normal way"
    if len(matches) == 1:
        return "no other rule matches" + _sender_first(header)
    first = matches[0]
    if len({match.sender for match in matches}) > 1 and first.sender is not None:
        return f"of {len(addresses)} {header} addresses the most restrictive result wins: {first.sender}'s"
    second = matches[1]
    return _difference(first, second) + _sender_first(header)


def _difference(first: Match, second: Match) -> str:
    """Say what puts a match before the next one of the same sender."""
    if first.sender_pattern != second.sender_pattern:
        return f"sender pattern {first.sender_pattern} is more specific than {second.sender_pattern}"
    if first.recipient_pattern != second.recipient_pattern:
        return f"recipient pattern {first.recipient_pattern} is more specific than {second.recipient_pattern}"
    action, other = first.rule.action.type, second.rule.action.type
    if action is not other:
        return f"equally specific, and {action} is more restrictive than {other}"
    calls = first.rule.action.call, second.rule.action.call
    if calls[0] is not None and calls[1] is not None and calls[0].synchronous is not calls[1].synchronous:
        return "equally specific, and a function that is waited for comes before one that is not"
    return "equally specific, same action: the older rule"


def _sender_first(header: str) -> str:
    return "; a rule matches Sender, so From was not consulted" if header == "Sender" else ""
