"""The changes that make an organization's rules those of a file, their order, and warnings.

Every step applies to the next message. No message may be dropped or bounced in between by a rule whose exceptions are
created later: rules that let messages through are created first, and rules that stop messages are deleted first. A new
rule that calls a function is created before anything is deleted, if no exception is created later: the API is most
likely to refuse this step (a misspelt name, a missing permission), and then the rules before it are still in effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from cli.errors import RefusedError
from postroom.model.limits import MAX_PATTERNS
from postroom.model.rules import MOST_RESTRICTIVE_FIRST, STOPS, ActionType, Direction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cli.rules_file import Key, WrittenRule

ORDER: Final = {
    (direction, action.value): rank
    for direction, actions in MOST_RESTRICTIVE_FIRST.items()
    for rank, action in enumerate(actions)
}
STOPS_MAIL: Final = {action.value for action in STOPS}


class Change(StrEnum):
    """What becomes of a rule."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class KnownRule:
    """A rule as the organization has it. Dates are RFC 3339 in UTC."""

    id: str
    rule: WrittenRule
    created: str
    modified: str


@dataclass(slots=True)
class Step:
    """One rule: as it is (None: does not exist), as it will be (None: deleted), and warnings about the new rule."""

    change: Change
    known: KnownRule | None
    wanted: WrittenRule | None
    warnings: list[str] = field(default_factory=list)
    done: bool = False

    @property
    def before(self) -> WrittenRule | None:
        """The rule as it is."""
        return self.known.rule if self.known else None

    @property
    def direction(self) -> Direction:
        """Of the messages that the rule applies to."""
        rule = self.wanted or self.before
        return rule.direction if rule else Direction.INBOUND

    @property
    def name(self) -> str:
        """The rule's name, the new one where its case changes."""
        rule = self.wanted or self.before
        return rule.name if rule else ""


def plan(known: Sequence[KnownRule], wanted: Sequence[WrittenRule]) -> list[Step]:
    """Return a step for every rule, in the order in which they are to be made; unchanged ones come last.

    Raises:
        RefusedError: together they have more sender patterns than an organization may have.
    """
    count = sum(len(rule.senders) for rule in wanted)
    if count > MAX_PATTERNS:
        raise RefusedError(
            f"the rules of both directions would have {count} sender patterns; {MAX_PATTERNS} are allowed"
        )
    by_key = {each.rule.key: each for each in known}
    keys = {rule.key for rule in wanted}
    steps = [_step(by_key.get(rule.key), rule) for rule in wanted]
    steps += [Step(Change.DELETE, each, None) for each in known if each.rule.key not in keys]
    warned = warnings(wanted)
    for step in steps:
        if step.wanted is not None:
            step.warnings = warned.get(step.wanted.key, [])
    ordered = _gently(steps)
    if _most_patterns(ordered, known) > MAX_PATTERNS:
        ordered = sorted(steps, key=_sparingly)
    return ordered


def _step(known: KnownRule | None, wanted: WrittenRule) -> Step:
    if known is None:
        return Step(Change.CREATE, None, wanted)
    return Step(Change.UNCHANGED if known.rule.says_what(wanted) else Change.CHANGE, known, wanted)


def _gently(steps: Sequence[Step]) -> list[Step]:
    """Order steps so that no message is stopped in between that is stopped neither before nor after."""
    new_exceptions = any(step.change is Change.CHANGE and not _may_stop_mail(step) for step in steps)

    def place(step: Step) -> tuple[int, int, str]:
        rule = step.wanted or step.before
        rank = ORDER[rule.direction, rule.action] if rule else 0
        early = rule is not None and rule.call is not None and not new_exceptions
        phase = {
            (Change.CREATE, False): 0,
            (Change.DELETE, True): 2,
            (Change.CHANGE, False): 3,
            (Change.CHANGE, True): 4,
            (Change.CREATE, True): 1 if early else 5,
            (Change.DELETE, False): 6,
        }.get((step.change, _may_stop_mail(step)), 7)
        return phase, -rank, step.name

    return sorted(steps, key=place)


def _may_stop_mail(step: Step) -> bool:
    """Say whether a step's rule, or its function, may stop a message."""
    rule = step.wanted or step.before
    return rule is not None and (rule.action in STOPS_MAIL or (rule.call is not None and rule.call.synchronous))


def _sparingly(step: Step) -> tuple[int, int, str]:
    """Order steps so that the number of patterns is never above what it is before and after: losses first."""
    gained = len(step.wanted.senders if step.wanted else ()) - len(step.before.senders if step.before else ())
    return int(step.change is Change.UNCHANGED), gained, step.name


def _most_patterns(steps: Iterable[Step], known: Iterable[KnownRule]) -> int:
    """Return the largest number of sender patterns there would be at once."""
    count = most = sum(len(each.rule.senders) for each in known)
    for step in steps:
        count += len(step.wanted.senders if step.wanted else ()) - len(step.before.senders if step.before else ())
        most = max(most, count)
    return most


def warnings(rules: Sequence[WrittenRule]) -> Mapping[Key, list[str]]:
    """Return warnings by rule: what is probably not meant."""
    found: dict[Key, list[str]] = {}
    for rule in rules:
        said = list(_alone(rule))
        if said:
            found[rule.key] = said
    for loser, text in _never_decide(rules):
        found.setdefault(loser.key, []).append(text)
    return found


def _alone(rule: WrittenRule) -> Iterator[str]:
    if "*" in rule.senders and "*" in rule.recipients and rule.action in STOPS_MAIL:
        yield f"{rule.action} applies to every message that no rule with a more specific sender matches"
    if "*" in rule.senders and rule.action == ActionType.BYPASS_SPAM_CHECK:
        yield "spam from every sender goes to the inbox"
    if rule.call is not None and rule.call.fallback in STOPS_MAIL:
        yield f"if its function fails, the action is {rule.call.fallback} for every message that the rule matches"


def _never_decide(rules: Sequence[WrittenRule]) -> Iterator[tuple[WrittenRule, str]]:
    """Yield rules that never decide: another rule has the same two patterns, and its action wins.

    One line for each pair of rules, with the first pair of patterns. Source: guide, ZH:3865 ("the most restrictive").
    """
    holders: dict[tuple[Direction, str, str], list[WrittenRule]] = {}
    for rule in rules:
        for sender in rule.senders:
            for recipient in rule.recipients:
                holders.setdefault((rule.direction, sender, recipient), []).append(rule)
    warned: set[tuple[Key, Key]] = set()
    for (_, sender, recipient), sharing in holders.items():
        if len(sharing) == 1:
            continue
        winner, *losers = sorted(sharing, key=_precedence)
        for loser in losers:
            if (winner.key, loser.key) in warned:
                continue
            warned.add((winner.key, loser.key))
            yield loser, _shadow(winner, loser, f"{sender} → {recipient}")


def _precedence(rule: WrittenRule) -> tuple[int, bool]:
    """Order rules that say something of the same patterns, the one that decides first; see ``RuleSet.precedence``."""
    return ORDER[rule.direction, rule.action], rule.call is not None and not rule.call.synchronous


def _shadow(winner: WrittenRule, loser: WrittenRule, patterns: str) -> str:
    if _precedence(winner) == _precedence(loser):
        return f"has the patterns {patterns} of {winner.name!r}; the older of the two decides"
    same = winner.action == loser.action
    why = "it waits for its function" if same else f"{winner.action} is more restrictive"
    said = f"never decides about {patterns}: {winner.name!r} matches the same, and {why}"
    if loser.direction is Direction.OUTBOUND and loser.action == ActionType.DEFAULT:
        return f"{said} here; WorkMail's documentation puts DEFAULT first for outbound mail"
    return said


def differences(step: Step) -> Iterator[tuple[str, Any, Any]]:
    """Yield the members of a changed rule that differ: their name, value before and after; calls in words."""
    before, after = _shown(step.before), _shown(step.wanted)
    for name in dict.fromkeys([*after, *before]):
        one, other = before.get(name, ""), after.get(name, "")
        same = set(one) == set(other) if isinstance(one, list) else one == other
        if not same:
            yield name, one, other


def _shown(rule: WrittenRule | None) -> dict[str, Any]:
    if rule is None:
        return {}
    return rule.members() | ({"lambda": str(rule.call)} if rule.call else {})
