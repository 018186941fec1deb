"""Mail-flow rules: patterns for the sender in the headers and for envelope recipients, and an action.

Source: guide, "Managing email flows" (ZH:3764-3920); where it says nothing or contradicts itself, docs/parity.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from postroom.errors import InvalidPatternError
from postroom.model.addresses import MAX_DOMAIN_CHARACTERS, a_label


class Direction(StrEnum):
    """Direction of the mail that a rule applies to."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class ActionType(StrEnum):
    """Action of a rule. Source: guide, ZH:3797-3828 (the API's names are ours)."""

    DROP = "DROP"
    BOUNCE = "BOUNCE"
    MOVE_TO_JUNK = "MOVE_TO_JUNK"
    DEFAULT = "DEFAULT"
    BYPASS_SPAM_CHECK = "BYPASS_SPAM_CHECK"
    RUN_LAMBDA = "RUN_LAMBDA"
    SMTP_GATEWAY = "SMTP_GATEWAY"


DELIVERS: Final = frozenset({ActionType.MOVE_TO_JUNK, ActionType.DEFAULT, ActionType.BYPASS_SPAM_CHECK})
"""Actions that lead to mailboxes."""

STOPS: Final = frozenset({ActionType.DROP, ActionType.BOUNCE})
"""Actions that lead to no mailbox."""

MOST_RESTRICTIVE_FIRST: Final = {
    Direction.INBOUND: (
        ActionType.DROP,
        ActionType.BOUNCE,
        ActionType.MOVE_TO_JUNK,
        ActionType.DEFAULT,
        ActionType.BYPASS_SPAM_CHECK,
        ActionType.RUN_LAMBDA,
    ),
    Direction.OUTBOUND: (
        ActionType.DROP,
        ActionType.BOUNCE,
        ActionType.SMTP_GATEWAY,
        ActionType.RUN_LAMBDA,
        ActionType.DEFAULT,
    ),
}
"""The actions of each direction. Of rules that are equally specific, the one whose action is first here wins.

Source: guide, ZH:3865. The guide's table begins outbound with DEFAULT, which contradicts "most restrictive first"; this
order is ours.
"""


class Specificity(IntEnum):
    """How specific a pattern is; a larger value is more specific. Source: guide, ZH:3865; the forms, ZH:3833-3852."""

    ANY = 0
    WILDCARD = 1
    DOMAIN = 2
    ADDRESS = 3


_LOCAL: Final = re.compile(r"[a-z0-9!#$%&'*/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*/=?^_`{|}~-]+)*")
"""RFC 5322's dot-atom, lower-case, without ``+``."""

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
MAX_LOCAL_CHARACTERS: Final = 64
"""Longest local part, in characters. Source: RFC 5321, 4.5.3.1.1."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A set of addresses: one address, all of a domain, all of a domain and the domains below it, or all.

    ``text`` is the pattern's normal form: lower-case, domains in A-labels, ``*.`` before a wildcard domain. Two
    patterns are equal if they match the same addresses.
    """

    text: str
    specificity: Specificity

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read ``mailbox@example.com``, ``example.com``, ``*.example.com`` or ``*``, in any case.

        Raises:
            InvalidPatternError: the text is none of these, or has a ``+`` (ZH:3857). Local parts must be dot-atoms of
                ASCII; addresses with other local parts can be matched by their domain. A domain of one label without
                a mailbox or wildcard is refused, because it is probably a typing error.
        """
        given = text.strip()
        if given == "*":
            return cls("*", Specificity.ANY)
        if "+" in given:
            raise InvalidPatternError(text, "the + symbol is not valid in a pattern")
        local, at, domain = given.rpartition("@")
        if at:
            return cls(f"{_local(text, local)}@{_domain(text, domain)}", Specificity.ADDRESS)
        if given.startswith("*."):
            return cls(f"*.{_domain(text, given[2:])}", Specificity.WILDCARD)
        name = _domain(text, given)
        if "." not in name:
            raise InvalidPatternError(text, "a domain needs a dot")
        return cls(name, Specificity.DOMAIN)

    @classmethod
    def stored(cls, text: str) -> Pattern:
        """Return the pattern of a stored ``text`` without checking it: a pattern that was valid stays valid."""
        if text == "*":
            return cls(text, Specificity.ANY)
        if "@" in text:
            return cls(text, Specificity.ADDRESS)
        return cls(text, Specificity.WILDCARD if text.startswith("*.") else Specificity.DOMAIN)


def _local(text: str, local: str) -> str:
    name = local.lower()
    if not name.isascii():
        raise InvalidPatternError(text, "only ASCII is allowed before the @; use the domain")
    if len(name) > MAX_LOCAL_CHARACTERS or not _LOCAL.fullmatch(name):
        raise InvalidPatternError(text, "the part before the @ is not a mailbox name")
    if "*" in name:
        raise InvalidPatternError(text, "a wildcard is allowed only in front of a domain")
    return name


def _domain(text: str, domain: str) -> str:
    if "*" in domain:
        raise InvalidPatternError(text, "a wildcard is allowed only in front of a domain")
    name = a_label(domain)
    if len(name) > MAX_DOMAIN_CHARACTERS or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise InvalidPatternError(text, "this is not a domain name")
    return name


MAX_RULE_TIMEOUT_MINUTES: Final = 240
"""Longest time for attempts to call a rule's function, in minutes; 0 allows one attempt. Source: guide, ZH:4152."""


@dataclass(frozen=True, slots=True)
class LambdaCall:
    """How a rule calls a function.

    Attributes:
        fallback: action for recipients without an answer of the function; never another function. Only with a
            synchronous call. SMTP_GATEWAY is the action's own gateway.
        timeout_minutes: how long a synchronous call is repeated.
    """

    function_arn: str
    synchronous: bool
    fallback: ActionType | None = None
    timeout_minutes: int = 0


@dataclass(frozen=True, slots=True)
class RuleAction:
    """The action of a rule.

    Attributes:
        bounce_message: text for the sender, with BOUNCE only; None for our own text.
        call: set with RUN_LAMBDA only.
        gateway_id: id of the SMTP gateway. Always set with SMTP_GATEWAY. With a synchronous call of an outbound rule it
            is the gateway for mail that the function accepts, or None.
    """

    type: ActionType
    bounce_message: str | None = None
    call: LambdaCall | None = None
    gateway_id: str | None = None

    @property
    def is_asked(self) -> bool:
        """Whether the message waits for what a function decides."""
        return self.call is not None and self.call.synchronous


def is_junk(action: ActionType, *, spam: bool) -> bool:
    """Say whether an action that delivers leads to Junk; only DEFAULT heeds the spam check."""
    return action is ActionType.MOVE_TO_JUNK or (spam and action is ActionType.DEFAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A mail-flow rule of an organization. Dates are milliseconds since the epoch.

    A rule matches a message and a recipient if one of ``sender_patterns`` matches the sender in the message's headers
    and one of ``recipient_patterns`` matches the recipient. Both have at least one pattern. Names are unique within a
    direction.
    """

    id: str
    name: str
    direction: Direction
    description: str
    sender_patterns: tuple[Pattern, ...]
    recipient_patterns: tuple[Pattern, ...]
    action: RuleAction
    created: int
    modified: int
