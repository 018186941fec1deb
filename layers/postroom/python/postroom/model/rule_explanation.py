"""Explains why a rule decides about a recipient; for people only, no message needs it."""

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
    """A rule that matches, with its most specific patterns. ``sender`` is the matching address; None without a From."""

    rule: Rule
    sender: Address | None
    sender_pattern: Pattern
    recipient_pattern: Pattern


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happens to mail for one recipient.

    Attributes:
        rule: the rule that decides; None if the message is handled normally.
        header: ``Sender`` or ``From``, the field whose addresses were consulted.
        matches: every rule that matches an address of that field; the deciding rule is the first.
        reason: one sentence for people.
    """

    recipient: Address
    rule: Rule | None
    header: str
    matches: tuple[Match, ...]
    reason: str


def explain(rules: RuleSet, senders: Sequence[Address], froms: Sequence[Address], recipient: Address) -> Explanation:
    """Say which rule decides, which others match, and why; the arguments are those of ``RuleSet.decide``."""
    rule = rules.decide(senders, froms, {"": recipient}).get("")
    header, addresses = "Sender", tuple(dict.fromkeys(senders))
    matches = _matches(rules, addresses, recipient)
    if not matches:
        header, addresses = "From", tuple(dict.fromkeys(froms))
        matches = _matches(rules, addresses or (None,), recipient)
    matches.sort(key=lambda match: match.rule is not rule)  # stable: the other matches keep their order
    return Explanation(recipient, rule, header, tuple(matches), _reason(rule, header, addresses, matches))


def _matches(rules: RuleSet, addresses: Iterable[Address | None], recipient: Address) -> list[Match]:
    """Return every rule that matches, by precedence among the rules of one sender."""
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
    """Return the pattern whose text is first in an order."""
    candidates = [pattern for pattern in patterns if pattern.text in order]
    return min(candidates, key=lambda pattern: order.index(pattern.text), default=None)


def _reason(rule: Rule | None, header: str, addresses: Sequence[Address], matches: Sequence[Match]) -> str:
    if not matches:
        return "no rule matches: the message is handled normally"
    if rule is None:
        return f"not every {header} address has a rule that bypasses the spam check: the message is handled normally"
    if len(matches) == 1:
        return "no other rule matches" + _sender_first(header)
    first = matches[0]
    if len({match.sender for match in matches}) > 1 and first.sender is not None:
        return f"of {len(addresses)} {header} addresses the most restrictive result wins: {first.sender}'s"
    second = matches[1]
    return _difference(first, second) + _sender_first(header)


def _difference(first: Match, second: Match) -> str:
    """Say why a match has precedence over the next one of the same sender."""
    if first.sender_pattern != second.sender_pattern:
        return f"sender pattern {first.sender_pattern} is more specific than {second.sender_pattern}"
    if first.recipient_pattern != second.recipient_pattern:
        return f"recipient pattern {first.recipient_pattern} is more specific than {second.recipient_pattern}"
    action, other = first.rule.action.type, second.rule.action.type
    if action is not other:
        return f"equally specific, and {action} is more restrictive than {other}"
    calls = first.rule.action.call, second.rule.action.call
    if calls[0] is not None and calls[1] is not None and calls[0].synchronous is not calls[1].synchronous:
        return "equally specific, and a synchronous call comes before an asynchronous one"
    return "equally specific, same action: the older rule"


def _sender_first(header: str) -> str:
    return "; a rule matches Sender, so From was not consulted" if header == "Sender" else ""
