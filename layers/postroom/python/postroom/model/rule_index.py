"""An index of an organization's rules that finds the rule for a message and a recipient.

A lookup tries the few patterns that can match an address, most specific first; its cost does not depend on the number
of rules. For what the guide does not say (several From addresses, none, tags), docs/parity.md has our choices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from postroom.model.rules import MOST_RESTRICTIVE_FIRST, ActionType, Direction, Rule, Specificity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from postroom.model.addresses import Address
    from postroom.model.journaling import Journaling


class Reading(NamedTuple):
    """One way in which a mail client may read the Sender and From fields of a message: the addresses of each field."""

    senders: tuple[Address, ...]
    froms: tuple[Address, ...]


_Table = dict[str, Rule]
"""Recipient patterns, each with the rule that wins for it."""

MAX_WILDCARDS: Final = 127
"""Most labels of a domain, and so most wildcards that can match one. Source: RFC 1035, 2.3.4."""


class RuleSet:
    """The rules of one direction. ``weight`` measures the size of the index: pairs of patterns, before sharing.

    ``journaling`` holds for both directions; None while it is off.
    """

    def __init__(self, rules: Iterable[Rule], direction: Direction, journaling: Journaling | None = None) -> None:
        order = MOST_RESTRICTIVE_FIRST[direction]
        self._rank = {action: rank for rank, action in enumerate(order)}
        chosen = [rule for rule in rules if rule.direction is direction]
        self.rules: tuple[Rule, ...] = tuple(sorted(chosen, key=self.precedence))
        self.direction = direction
        self.journaling = journaling
        self.weight = sum(len(rule.sender_patterns) * len(rule.recipient_patterns) for rule in self.rules)
        self._tables = _compiled(self.rules)
        self._with_addresses = _domains_with_addresses(self.rules)

    def precedence(self, rule: Rule) -> tuple[int, bool, int, str]:
        """Return the sort key of equally specific rules: the more restrictive first, then the older (ours).

        Of rules that call functions, synchronous ones come first (ours).
        """
        call = rule.action.call
        return self._rank[rule.action.type], call is not None and not call.synchronous, rule.created, rule.id

    def decide_all(self, readings: Sequence[Reading], recipients: Mapping[str, Address]) -> dict[str, Rule]:
        """Find the rule for each recipient of a message whose sender mail clients may read in several ways.

        ``decide`` gives a rule for each reading, and the most restrictive one is taken. A rule that bypasses the spam
        check is taken only if all readings have one (ours).
        """
        answers = [self.decide(*reading, recipients) for reading in readings]
        if len(answers) == 1:
            return answers[0]
        found = ((name, self._most_restrictive([answer.get(name) for answer in answers])) for name in recipients)
        return {name: rule for name, rule in found if rule is not None}

    def decide(
        self, senders: Sequence[Address], froms: Sequence[Address], recipients: Mapping[str, Address]
    ) -> dict[str, Rule]:
        """Find the rule for each recipient.

        If a rule matches an address of the Sender header for a recipient, the From header is not consulted for that
        recipient, however specific the other rules are. A more specific sender pattern wins over a more specific
        recipient pattern. Of equally specific rules the one with the most restrictive action wins. For several
        addresses in one header each address has its own rule, and the most restrictive one is taken; a rule that
        bypasses the spam check is taken only if all addresses have one. A message without From matches ``*`` only.

        Args:
            senders: addresses of the Sender header, usually none; never the envelope sender.
            froms: addresses of the From header.
            recipients: envelope recipients by the caller's names for them.

        Returns:
            An entry for each recipient that a rule matches.
        """
        by_sender, by_from = self._tables_by_sender(senders), self._tables_by_sender(froms or _NO_ADDRESS)
        if not by_sender and len(by_from) == 1:  # nearly all mail; the loop below has the same result
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

    def _tables_by_sender(self, addresses: Sequence[Address | None]) -> list[_SenderTables]:
        """Return the tables for each address; addresses that match the same patterns share theirs."""
        found: dict[tuple[int, ...], _SenderTables] = {}
        for address in dict.fromkeys(addresses):
            tables = [self._tables[key] for key in sender_keys(address) if key in self._tables]
            found.setdefault(tuple(map(id, tables)), _SenderTables(tables, self._with_addresses))
        return list(found.values())

    def _combined(self, senders: Sequence[_SenderTables], recipient: Address) -> tuple[Rule | None, bool]:
        """Return the most restrictive rule of all senders, and whether any rule matches."""
        winners = [sender.winner(recipient) for sender in senders]
        return self._most_restrictive(winners), any(rule is not None for rule in winners)

    def _most_restrictive(self, winners: Sequence[Rule | None]) -> Rule | None:
        """Return the rule that decides among those of several senders; None if the message is handled normally."""
        found = sorted((rule for rule in winners if rule is not None), key=self.precedence)
        others = [rule for rule in found if rule.action.type is not ActionType.BYPASS_SPAM_CHECK]
        if len(others) < len(found) < len(winners) or others:  # a bypass counts only if all have one
            return others[0] if others else None
        return found[0] if found else None


@dataclass(slots=True)
class _SenderTables:
    """The tables of one sender's patterns, most specific first, with a cache of the rules for whole domains.

    ``with_addresses`` are the domains in which single addresses may have another rule than the domain.
    """

    tables: Sequence[_Table]
    with_addresses: Collection[str]
    domains: dict[str, tuple[Sequence[_Table], Rule | None]] = field(default_factory=dict)

    def winner(self, recipient: Address) -> Rule | None:
        """Return the rule with the most specific sender pattern and, among those, recipient pattern."""
        cached = self.domains.get(recipient.domain)
        tables, rule = cached or self._of_domain(recipient.domain)
        if tables:
            key = recipient_key(recipient)
            for table in tables:
                found = table.get(key)
                if found is not None:
                    return found
        return rule

    def _of_domain(self, domain: str) -> tuple[Sequence[_Table], Rule | None]:
        """Return the tables in which single addresses may have a rule, and the rule of the whole domain."""
        keys, tables, rule = list(domain_keys(domain)), [], None
        for table in self.tables:
            tables.append(table)
            rule = next((table[key] for key in keys if key in table), None)
            if rule is not None:
                break
        found = self.domains[domain] = tables if domain in self.with_addresses else (), rule
        return found


_NO_ADDRESS: Final = (None,)


def sender_keys(sender: Address | None) -> Iterator[str]:
    """Yield the patterns that match a sender, most specific first; only ``*`` for None."""
    if sender is None:
        yield "*"
        return
    yield f"{sender.local}@{sender.domain}"
    yield from domain_keys(sender.domain)


def recipient_key(recipient: Address) -> str:
    """Return the address pattern that matches a recipient: without its tag, because no pattern can have one (ours)."""
    local = recipient.local
    if "+" in local:
        local = recipient.without_tag().local
    return f"{local}@{recipient.domain}"


def domain_keys(domain: str) -> Iterator[str]:
    """Yield the patterns that match every address of a domain, most specific first."""
    yield domain
    # a header may contain a name that is too long for the DNS; its last labels count
    _, *rest = f".{domain}".rsplit(".", MAX_WILDCARDS)
    for at in range(len(rest)):
        yield f"*.{'.'.join(rest[at:])}"
    yield "*"


def _compiled(rules: Sequence[Rule]) -> dict[str, _Table]:
    """Return a table for each sender pattern; patterns of the same rules share one table.

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
"""The inbound rules of an organization without rules."""

NO_OUTBOUND_RULES: Final = RuleSet((), Direction.OUTBOUND)
"""Its outbound rules."""
