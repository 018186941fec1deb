"""An organization's rules as an index: which rule decides about a message and a recipient.

A lookup tries the few patterns that can mean an address, most specific first, and costs the same with one rule as with
a thousand. Where the guide is silent (several From addresses, none, tags), docs/parity.md says what is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from postroom.model.rules import MOST_RESTRICTIVE_FIRST, ActionType, Direction, Rule, Specificity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from postroom.model.addresses import Address


class Reading(NamedTuple):
    """One way in which a reader of mail takes the Sender and From fields of a message: the addresses of each."""

    senders: tuple[Address, ...]
    froms: tuple[Address, ...]


_Table = dict[str, Rule]
"""Recipient patterns, and the rule that wins at each."""

MAX_WILDCARDS: Final = 127
"""Most labels that a domain has, and so most wildcards that can mean one. Source: RFC 1035, 2.3.4."""


class RuleSet:
    """The rules of one direction. ``weight`` says how large the index is: pairs of patterns, before sharing."""

    def __init__(self, rules: Iterable[Rule], direction: Direction) -> None:
        order = MOST_RESTRICTIVE_FIRST[direction]
        self._rank = {action: rank for rank, action in enumerate(order)}
        chosen = [rule for rule in rules if rule.direction is direction]
        self.rules: tuple[Rule, ...] = tuple(sorted(chosen, key=self.precedence))
        self.direction = direction
        self.weight = sum(len(rule.sender_patterns) * len(rule.recipient_patterns) for rule in self.rules)
        self._tables = _compiled(self.rules)
        self._with_addresses = _domains_with_addresses(self.rules)

    def precedence(self, rule: Rule) -> tuple[int, bool, int, str]:
        """Order rules that are equally specific: the more restrictive first, then the older (ours).

        Between rules that call functions those come first that wait for the answer (ours).
        """
        call = rule.action.call
        return self._rank[rule.action.type], call is not None and not call.synchronous, rule.created, rule.id

    def decide_all(self, readings: Sequence[Reading], recipients: Mapping[str, Address]) -> dict[str, Rule]:
        """Find the rule that decides about each recipient of a message that readers may take in several ways.

        Each reading gets its own answer, as ``decide`` gives it, and the most restrictive is taken; but mail passes the
        spam check by only if it does in all readings (ours).
        """
        answers = [self.decide(*reading, recipients) for reading in readings]
        if len(answers) == 1:
            return answers[0]
        found = ((name, self._most_restrictive([answer.get(name) for answer in answers])) for name in recipients)
        return {name: rule for name, rule in found if rule is not None}

    def decide(
        self, senders: Sequence[Address], froms: Sequence[Address], recipients: Mapping[str, Address]
    ) -> dict[str, Rule]:
        """Find the rule that decides about each recipient.

        If a rule matches the Sender header's address for a recipient, the From header is not consulted for it, however
        specific the other rules are. A more specific sender pattern wins over a more specific recipient pattern;
        between rules that are equally specific the most restrictive action wins. Of several addresses in one header
        each gets its own answer, and the most restrictive is taken; but mail passes the spam check by only
        if all of them do. A message without From matches ``*`` alone.

        Args:
            senders: addresses of the Sender header, commonly none; never the envelope's.
            froms: addresses of the From header.
            recipients: envelope recipients, by whatever the caller calls them.

        Returns:
            An entry for each recipient that a rule matches.
        """
        by_sender, by_from = self._ways(senders), self._ways(froms or _NOBODY)
        if not by_sender and len(by_from) == 1:  # nearly all mail; the loop below would say the same
            winner = by_from[0].winner
            return {name: rule for name, address in recipients.items() if (rule := winner(address)) is not None}
        decided = {}
        for name, address in recipients.items():
            rule, matched = self._combined(by_sender, address)
            if not matched:
                rule, _ = self._combined(by_from, address)
            if rule is not None:
                decided[name] = rule
        return decided

    def _ways(self, addresses: Sequence[Address | None]) -> list[_Way]:
        """Return a way for each address; addresses that the same patterns mean share one."""
        ways: dict[tuple[int, ...], _Way] = {}
        for address in dict.fromkeys(addresses):
            tables = [self._tables[key] for key in sender_keys(address) if key in self._tables]
            ways.setdefault(tuple(map(id, tables)), _Way(tables, self._with_addresses))
        return list(ways.values())

    def _combined(self, ways: Sequence[_Way], recipient: Address) -> tuple[Rule | None, bool]:
        """Return the most restrictive rule of all ways, and whether there was any."""
        winners = [way.winner(recipient) for way in ways]
        return self._most_restrictive(winners), any(rule is not None for rule in winners)

    def _most_restrictive(self, winners: Sequence[Rule | None]) -> Rule | None:
        """Return the rule of one of several senders that decides; None where mail takes its normal way."""
        found = sorted((rule for rule in winners if rule is not None), key=self.precedence)
        others = [rule for rule in found if rule.action.type is not ActionType.BYPASS_SPAM_CHECK]
        if len(others) < len(found) < len(winners) or others:  # a bypass holds only if all have one
            return others[0] if others else None
        return found[0] if found else None


@dataclass(slots=True)
class _Way:
    """The tables that one sender's patterns lead to, the most specific first, and what they say of whole domains.

    ``with_addresses`` are the domains of which single addresses may get another rule than the domain.
    """

    tables: Sequence[_Table]
    with_addresses: Collection[str]
    domains: dict[str, tuple[Sequence[_Table], Rule | None]] = field(default_factory=dict)

    def winner(self, recipient: Address) -> Rule | None:
        """Return the rule of the most specific sender pattern, and among its own, recipient pattern."""
        known = self.domains.get(recipient.domain)
        tables, rule = known or self._of_domain(recipient.domain)
        if tables:
            key = recipient_key(recipient)
            for table in tables:
                found = table.get(key)
                if found is not None:
                    return found
        return rule

    def _of_domain(self, domain: str) -> tuple[Sequence[_Table], Rule | None]:
        """Find out what the whole domain gets, and the tables where single addresses may still get another rule."""
        keys, tables, rule = list(domain_keys(domain)), [], None
        for table in self.tables:
            tables.append(table)
            rule = next((table[key] for key in keys if key in table), None)
            if rule is not None:
                break
        found = self.domains[domain] = tables if domain in self.with_addresses else (), rule
        return found


_NOBODY: Final = (None,)


def sender_keys(sender: Address | None) -> Iterator[str]:
    """Yield the patterns that mean a sender, most specific first; for nobody in particular, ``*``."""
    if sender is None:
        yield "*"
        return
    yield f"{sender.local}@{sender.domain}"
    yield from domain_keys(sender.domain)


def recipient_key(recipient: Address) -> str:
    """Return the address pattern that means a recipient: without its tag, since no pattern can name one (ours)."""
    local = recipient.local
    if "+" in local:
        local = recipient.without_tag().local
    return f"{local}@{recipient.domain}"


def domain_keys(domain: str) -> Iterator[str]:
    """Yield the patterns that mean every address of a domain, most specific first."""
    yield domain
    # of a name that is too long for the DNS, the last labels count: a header may hold any
    _, *rest = f".{domain}".rsplit(".", MAX_WILDCARDS)
    for at in range(len(rest)):
        yield f"*.{'.'.join(rest[at:])}"
    yield "*"


def _compiled(rules: Sequence[Rule]) -> dict[str, _Table]:
    """Return a table for each sender pattern; patterns that stand in the same rules share theirs.

    Args:
        rules: in their order of precedence.
    """
    by_sender: dict[str, dict[int, Rule]] = {}
    for number, rule in enumerate(rules):
        for pattern in rule.sender_patterns:
            by_sender.setdefault(pattern.text, {})[number] = rule
    tables: dict[tuple[int, ...], _Table] = {}
    compiled = {}
    for sender, its_rules in by_sender.items():
        key = tuple(its_rules)
        if key not in tables:
            table = tables[key] = {}
            for rule in its_rules.values():
                for pattern in rule.recipient_patterns:
                    table.setdefault(pattern.text, rule)
        compiled[sender] = tables[key]
    return compiled


def _domains_with_addresses(rules: Iterable[Rule]) -> frozenset[str]:
    """Return the domains of which a rule names single recipients."""
    patterns = (pattern for rule in rules for pattern in rule.recipient_patterns)
    return frozenset(
        pattern.text.rpartition("@")[2] for pattern in patterns if pattern.specificity is Specificity.ADDRESS
    )


NO_RULES: Final = RuleSet((), Direction.INBOUND)
"""The inbound rules of an organization that has none."""
