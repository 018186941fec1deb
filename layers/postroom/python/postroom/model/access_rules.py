"""Access control rules: which protocols, addresses, users and impersonation roles may use an organization's mailboxes.

A rule matches if each of its conditions holds. A condition that lists values holds for these values, a negated one for
all others; so it also holds where there is no such value: a rule about impersonation roles alone matches no user, and
one that excludes roles matches every user. Source: guide, "Working with access control rules" (ZH:4612-4720), and
botocore's model of WorkMail; for what they do not say, docs/parity.md.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from postroom.model.access_effect import AccessEffect
from postroom.model.ip_ranges import IpRange, ip_number
from postroom.model.owned import Owned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class AccessAction(StrEnum):
    """The protocols of rules. Source: botocore's model of WorkMail, AccessControlRule.Actions."""

    ACTIVE_SYNC = "ActiveSync"
    AUTO_DISCOVER = "AutoDiscover"
    EWS = "EWS"
    IMAP = "IMAP"
    SMTP = "SMTP"
    WINDOWS_OUTLOOK = "WindowsOutlook"
    WEB_MAIL = "WebMail"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRule(Owned):
    """An access control rule. Each write also replaces the organization, whose ``access_version`` it adds one to.

    Attributes:
        name: unique in its organization, case-sensitive.
        ip_ranges: in CIDR notation, in the form of ``model.ip_ranges``.
        created: milliseconds since the epoch, as ``modified``.
    """

    family: ClassVar[str] = "ACCESS_RULE"
    name: str
    effect: AccessEffect
    description: str = ""
    ip_ranges: tuple[str, ...] = ()
    not_ip_ranges: tuple[str, ...] = ()
    actions: tuple[AccessAction, ...] = ()
    not_actions: tuple[AccessAction, ...] = ()
    user_ids: tuple[str, ...] = ()
    not_user_ids: tuple[str, ...] = ()
    impersonation_role_ids: tuple[str, ...] = ()
    not_impersonation_role_ids: tuple[str, ...] = ()
    created: int
    modified: int

    @property
    def key(self) -> str:
        """Its name."""
        return self.name


DEFAULT_RULE_NAME: Final = "default"


def default_rule(organization_id: str) -> AccessRule:
    """Return the rule of an organization whose rules were never changed. Source: contracts 7.7 (AWS CLI's example)."""
    return AccessRule(
        organization_id=organization_id,
        name=DEFAULT_RULE_NAME,
        effect=AccessEffect.ALLOW,
        description="Default WorkMail Rule",
        created=0,
        modified=0,
    )


@dataclass(frozen=True, slots=True)
class AccessDecision:
    """What the rules say of one access."""

    effect: AccessEffect
    _deciding: int
    _names: tuple[str, ...] = field(repr=False)

    @property
    def rule_names(self) -> tuple[str, ...]:
        """The rules that match and have this effect, by name; none if no rule matches.

        Source: AWS CLI's examples of WorkMail: beside a rule that denies, the default rule matches too and is left out.
        """
        return tuple(self._names[number] for number in _numbers(self._deciding))

    @property
    def rule_name(self) -> str | None:
        """The first of ``rule_names``."""
        return next((self._names[number] for number in _numbers(self._deciding)), None)


class AccessRuleIndex:
    """The rules of an organization, so that the time of a decision depends little on their number.

    ``weight`` measures the size: the number of rules, values and limits of ranges.

    Every rule has a bit. Each value of a condition has a whole number with the bits of the rules whose condition holds
    for it; so have the parts of the address space between the limits of ranges. A decision joins four such numbers.
    """

    def __init__(self, rules: Iterable[AccessRule]) -> None:
        ordered = sorted(rules, key=lambda rule: rule.name)
        self._names = tuple(rule.name for rule in ordered)
        self._denying = sum(1 << number for number, rule in enumerate(ordered) if rule.effect is AccessEffect.DENY)
        self._actions = _Values((rule.actions, rule.not_actions) for rule in ordered)
        self._users = _Values((rule.user_ids, rule.not_user_ids) for rule in ordered)
        self._roles = _Values((rule.impersonation_role_ids, rule.not_impersonation_role_ids) for rule in ordered)
        self._addresses = _Addresses(ordered)
        parts = (self._actions, self._users, self._roles, self._addresses)
        self.weight = len(ordered) + sum(len(part) for part in parts)

    def decide(
        self, action: AccessAction | str, ip: str, user_id: str | None = None, role_id: str | None = None
    ) -> AccessDecision:
        """Decide one access; a rule that denies wins, and without a rule that matches it is denied.

        Args:
            action: another text than an ``AccessAction`` matches rules that name no protocol.
            ip: other than IPv4 addresses are in no range.
            user_id: None for an impersonation role.
            role_id: None for a user.
        """
        matching = (
            self._actions.holding(action)
            & self._users.holding(user_id)
            & self._roles.holding(role_id)
            & self._addresses.holding(ip)
        )
        denying = matching & self._denying
        effect = AccessEffect.ALLOW if matching and not denying else AccessEffect.DENY
        return AccessDecision(effect, denying or matching, self._names)


class _Values:
    """A kind of condition about values that are listed, as pairs of the values and the excluded values of each rule."""

    def __init__(self, conditions: Iterable[tuple[Iterable[str], Iterable[str]]]) -> None:
        named: dict[str | None, int] = {}
        excluded: dict[str | None, int] = {}
        self._others = 0
        for number, (values, not_values) in enumerate(conditions):
            bit = 1 << number
            self._others |= 0 if values else bit
            for value in values:
                named[value] = named.get(value, 0) | bit
            for value in not_values:
                excluded[value] = excluded.get(value, 0) | bit
        self._by_value = {
            value: (self._others | named.get(value, 0)) & ~excluded.get(value, 0) for value in {**named, **excluded}
        }

    def __len__(self) -> int:
        return len(self._by_value)

    def holding(self, value: str | None) -> int:
        return self._by_value.get(value, self._others)


class _Addresses:
    """The condition about addresses: the address space, cut where a range of a rule begins or ends."""

    def __init__(self, rules: Sequence[AccessRule]) -> None:
        changes: dict[int, int] = {0: 0}
        for number, rule in enumerate(rules):
            for limit in _limits(rule):
                changes[limit] = changes.get(limit, 0) ^ 1 << number
        self._starts = sorted(changes)
        self._holding: list[int] = []
        bits = 0
        for start in self._starts:
            bits ^= changes[start]
            self._holding.append(bits)
        self._others = sum(1 << number for number, rule in enumerate(rules) if not rule.ip_ranges)

    def __len__(self) -> int:
        return len(self._starts)

    def holding(self, ip: str) -> int:
        number = ip_number(ip)
        return self._others if number is None else self._holding[bisect_right(self._starts, number) - 1]


def _limits(rule: AccessRule) -> Iterator[int]:
    """Yield each address from which on the rule's condition holds, or holds no longer, in turn."""
    depths: dict[int, int] = {}

    def mark(texts: Iterable[str], depth: int) -> None:
        for first, last in map(IpRange.parse, texts):
            depths[first] = depths.get(first, 0) + depth
            depths[last + 1] = depths.get(last + 1, 0) - depth

    mark(rule.ip_ranges or ("0.0.0.0/0",), 1)
    mark(rule.not_ip_ranges, -_EXCLUDED)
    depth, holds = 0, False
    for limit in sorted(depths):
        depth += depths[limit]
        if (depth > 0) is not holds:
            holds = not holds
            yield limit


_EXCLUDED: Final = 1 << 20
"""Depth of an excluded range: more than all other ranges of a rule together (``MAX_RANGES`` of each kind)."""


def _numbers(bits: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, the lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
